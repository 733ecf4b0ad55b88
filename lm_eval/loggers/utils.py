"""What a logger adds to results: the environment, the tokenizer of the model, the commit."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import MutableMapping
from pathlib import Path

from lm_eval.results import environment
from lm_eval.utils import handle_non_serializable

__all__ = ["add_env_info", "add_tokenizer_info", "get_commit_from_path", "get_git_commit_hash", "remove_none_pattern"]

_handle_non_serializable = handle_non_serializable
"""The name that code in the wild imports from here."""
eval_logger = logging.getLogger("lm_eval")


def remove_none_pattern(input_string: str) -> tuple[str, bool]:
    """Remove ``,none``, the filter of a task that names none, from the end of a score's key.

    Args:
        input_string: The key, such as ``acc,none``.

    Returns:
        The key without it, and whether it was there.
    """
    shorter = input_string.removesuffix(",none")
    return shorter, shorter != input_string


def get_git_commit_hash() -> str | None:
    """Return the commit of the current folder's repository, as ``git describe`` names it; None outside of one."""
    try:
        said = subprocess.run(["git", "describe", "--always"], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return get_commit_from_path(os.getcwd())
    return said.stdout.strip()


def get_commit_from_path(repo_path: str | Path) -> str | None:
    """Read the commit of a repository from its files, without git.

    Args:
        repo_path: The folder that has ``.git``.

    Returns:
        The hash; None where there is none.
    """
    try:
        folder = Path(repo_path, ".git")
        if folder.is_file():  # a worktree or a submodule: "gitdir: PATH"
            folder = folder.parent / folder.read_text(encoding="utf-8").splitlines()[0].rpartition(" ")[2]
        head = folder / "HEAD"
        if not head.exists():
            return None
        said = head.read_text(encoding="utf-8").splitlines()[0]
        if not said.startswith("ref:"):  # no branch is checked out
            return said
        return (folder / said.rpartition(" ")[2]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError, IndexError) as error:
        eval_logger.debug("No commit is known for %s: %s", repo_path, error)
        return None


def add_env_info(storage: MutableMapping[str, object]) -> None:
    """Add what is known of the environment, as a results file has it.

    Args:
        storage: Gets ``pretty_env_info``, ``transformers_version``, ``lm_eval_version`` and ``upper_git_hash``.
    """
    known = environment.describe()
    storage.update(
        pretty_env_info=known["pretty_env_info"],
        transformers_version="N/A",
        lm_eval_version=known["lm_eval_version"],
        upper_git_hash=get_commit_from_path(Path.cwd() / ".."),
    )


def add_tokenizer_info(storage: MutableMapping[str, object], lm: object) -> None:
    """Add the special tokens of a model that has a tokenizer; a model without one adds nothing.

    Args:
        storage: Gets ``tokenizer_pad_token``, ``tokenizer_eos_token`` and ``tokenizer_bos_token``, each a list of the
            token and its id as text, and ``eot_token_id`` and ``max_length``.
        lm: The model.
    """
    tokenizer: object = getattr(lm, "tokenizer", None)
    if not tokenizer:
        return
    try:
        found: dict[str, object] = {
            f"tokenizer_{name}_token": [
                getattr(tokenizer, f"{name}_token"),
                str(getattr(tokenizer, f"{name}_token_id")),
            ]
            for name in ("pad", "eos", "bos")
        }
        found |= {name: getattr(lm, name, None) for name in ("eot_token_id", "max_length")}
    except Exception as error:  # a tokenizer may be anything
        eval_logger.debug("The tokens of the model's tokenizer are not known: %s", error)
        return
    storage.update(found)
