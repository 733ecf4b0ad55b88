"""Builds the documentation site: ``make docs``, or ``python docs/build_site.py``.

The pages link to files of the repository (``../examples``), as a reader of the repository's own pages needs it. The
site has no such files. So the pages are copied, and on the copies these links lead to the repository on the web.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]


def copy_pages(target: Path, repository: str) -> None:
    """Copy the pages; links that leave ``docs/`` lead to the repository.

    Args:
        target: The folder of the copies; it is emptied first.
        repository: The repository's URL.
    """
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "docs", target, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for page in target.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        out_of_docs = "](" + "../" * len(page.relative_to(target).parts)
        page.write_text(text.replace(out_of_docs, f"]({repository}/blob/main/"), encoding="utf-8")


def main() -> int:
    """Copy the pages and build the site from them; a warning is an error.

    Returns:
        The builder's exit code.
    """
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    copy_pages(ROOT / config["docs_dir"], config["repo_url"])
    builder = Path(sys.executable).with_name("zensical")
    return subprocess.run([str(builder), "build", "--strict", "--clean"], cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
