"""The environment of a run: versions, platform, commit. No environment variables, no paths, no secrets."""

from __future__ import annotations

import platform
import subprocess
import time
from importlib import metadata

__all__ = ["describe", "lm_eval_version"]

_PACKAGES = ("datasets", "jinja2", "aiohttp", "requests", "numpy", "sacrebleu", "evaluate")


def describe() -> dict[str, object]:
    """Describe the environment.

    Returns:
        ``git_hash`` of the working folder (or None), ``date`` (seconds since the epoch), ``lm_eval_version`` and
        ``pretty_env_info``, a text of versions and platform.
    """
    lines = [f"Python {platform.python_version()} ({platform.python_implementation()})", platform.platform()]
    lines += [f"{package} {version}" for package in _PACKAGES if (version := _version(package))]
    return {
        "git_hash": _git_hash(),
        "date": time.time(),
        "lm_eval_version": lm_eval_version(),
        "pretty_env_info": "\n".join(lines),
    }


def lm_eval_version() -> str:
    """Return the version of this package."""
    return _version("lm-eval-api") or "0+unknown"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _git_hash() -> str | None:
    try:
        found = subprocess.run(["git", "describe", "--always"], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None
