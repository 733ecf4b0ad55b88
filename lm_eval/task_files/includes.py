"""What the key ``include`` names: files, and single tasks or groups of files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Container, Iterable
from typing import NamedTuple

from lm_eval.errors import TaskFileError

__all__ = ["Include", "included_files"]

_MAX_INCLUDES = 100
"""Maximum number of files that include each other in a chain."""


class Include(NamedTuple):
    """What an ``include`` names: a file, or one task or group of a file."""

    file: str
    name: str | None = None

    def __str__(self) -> str:
        return self.file if self.name is None else f"{self.file}#{self.name}"


def included_files(
    path: str,
    wanted: object,
    line: int | None,
    open_files: tuple[str, ...] = (),
    names_in: Callable[[str], Iterable[str]] | None = None,
    known: Container[Include] = (),
) -> list[Include]:
    """Return the files that an ``include`` names.

    Args:
        path: The including file.
        wanted: The value of the key: a name or a list of names, relative to the file; ``file.yaml#name`` is one task
            or group of a file.
        line: The line of the key.
        open_files: The files that include this one, the outermost first.
        names_in: Returns the names that a file defines; they are searched where a file does not exist.
        known: What was read before; its files are not looked for again.

    Returns:
        Absolute paths, with the names.

    Raises:
        TaskFileError: The value is not a name, a file does not exist or includes itself, or a chain is too long.
    """
    if len(open_files) >= _MAX_INCLUDES:
        raise TaskFileError(f"more than {_MAX_INCLUDES} files include each other", path=path, key="include", line=line)
    names = wanted if isinstance(wanted, list) else [wanted]
    folder = os.path.dirname(os.path.abspath(path))
    files = []
    for name in names:
        if not isinstance(name, str):
            raise TaskFileError("include is a file name or a list of them", path=path, key="include", line=line)
        include = Include(os.path.normpath(os.path.join(folder, name)))
        if "#" in name and not os.path.isfile(include.file):
            include = Include(*include.file.rsplit("#", 1))
        if include.file == path or include.file in open_files:
            raise TaskFileError(f"{include.file} includes itself", path=path, key="include", line=line)
        if include not in known and not os.path.isfile(include.file):
            fault = "is no regular file" if os.path.exists(include.file) else "does not exist"
            moved = "" if names_in is None or os.path.exists(include.file) else _moved(include.file, names_in)
            raise TaskFileError(f"includes {include.file}, which {fault}{moved}", path=path, key="include", line=line)
        files.append(include)
    return files


def _moved(path: str, names_in: Callable[[str], Iterable[str]]) -> str:
    """Say which row has the name of a task file that does not exist: a table may have taken the place of its folder."""
    stem = os.path.splitext(os.path.basename(path))[0]
    folder, inner = os.path.dirname(path), [""]
    while not os.path.isdir(folder):
        folder, last = os.path.split(folder)
        inner.append(last)
    word = re.compile(rf"(?<![A-Za-z0-9]){re.escape(stem)}(?![A-Za-z0-9])")
    found: list[tuple[bool, bool, int, str]] = []
    for file in sorted(os.listdir(folder)):
        if file.endswith(".yaml"):
            here = os.path.join(folder, file)
            for name in names_in(here) if os.path.isfile(here) else ():
                if word.search(name):
                    other = os.path.splitext(file)[0] not in inner
                    found.append((name != stem, other, len(name), f"{here}#{name}"))
    return f"; {stem!r} is a row of a file: include {min(found)[-1]}" if found else ""
