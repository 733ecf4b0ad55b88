"""Writing files that are whole or not there."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

__all__ = ["to_json", "whole_file", "write_atomically"]

_HALF = re.compile("[\ud800-\udfff]")


def to_json(value: Any, indent: int | None = None) -> str:
    """Serialise for a result file; what JSON does not know becomes a number or text.

    Args:
        value: The value.
        indent: Spaces a level; None gives one line.

    Returns:
        JSON, with other scripts as they are; halves of surrogate pairs, which are no UTF-8, as escapes.
    """
    from lm_eval.utils import handle_non_serializable

    text = json.dumps(_with_text_keys(value), indent=indent, default=handle_non_serializable, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return _HALF.sub(lambda half: f"\\u{ord(half[0]):04x}", text)
    return text


def _with_text_keys(value: Any) -> Any:
    """Turn keys JSON cannot hold into text."""
    if isinstance(value, dict):
        return {
            key if isinstance(key, (str, int, float, bool)) or key is None else str(key): _with_text_keys(entry)
            for key, entry in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_with_text_keys(entry) for entry in value]
    if hasattr(value, "tolist"):
        return value.tolist()
    return value


def write_atomically(path: Path, parts: Iterable[str]) -> None:
    """Write a text file beside its place and move it there when it is whole and on disk.

    Args:
        path: The file; its folder is made.
        parts: The text, in pieces.
    """
    with whole_file(path) as file:
        file.writelines(part.encode("utf-8", "surrogatepass") for part in parts)


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes its place when the block ends well, and is gone when it does not.

    Args:
        path: The file; its folder is made.

    Yields:
        A file to write bytes to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(prefix=f".{path.name[:80]}.", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files only their owner can read; a result file is as readable as any other.
        os.chmod(unfinished, 0o666 & ~_umask())
        os.replace(unfinished, path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
