"""Write files that are complete or absent, whatever interrupts the writing."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from lm_eval.errors import SavingError

__all__ = ["complete_file", "to_json", "write_atomically"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def to_json(value: object, indent: int | None = None) -> str:
    """Serialise for a result file; values that JSON does not know become a number or text.

    Args:
        value: The value.
        indent: Number of spaces per level; None gives one line.

    Returns:
        JSON, with non-ASCII characters as they are, and lone surrogates, which UTF-8 cannot hold, as escapes.
    """
    from lm_eval.utils import handle_non_serializable

    text = json.dumps(_with_text_keys(value), indent=indent, default=handle_non_serializable, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
    return text


def _with_text_keys(value: object) -> object:
    """Turn keys that JSON cannot hold into text."""
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
    """Write a text file; it appears at its path when it is complete and on disk.

    Args:
        path: The file; its folder is created.
        parts: The text, in pieces.

    Raises:
        SavingError: The file cannot be written. What was at the path is still there.
    """
    with complete_file(path) as file:
        file.writelines(part.encode("utf-8", "surrogatepass") for part in parts)


@contextmanager
def complete_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file that is moved to a path when the block ends well, and deleted when it raises.

    Args:
        path: The file; its folder is created.

    Yields:
        A file to write bytes to.

    Raises:
        SavingError: The file cannot be written. What was at the path is still there.
    """
    try:
        with _unfinished_file(path) as file:
            yield file
    except OSError as error:
        raise SavingError(f"{path} cannot be written: {error.strerror or error}.") from error


@contextmanager
def _unfinished_file(path: Path) -> Iterator[IO[bytes]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp creates files that only their owner can read; result files have the usual permissions.
        os.chmod(unfinished, 0o666 & ~_umask())
        os.replace(unfinished, path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
