"""The files of lines of a shard: each is complete or absent, and its SHA-256 is in the manifest."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from lm_eval.errors import ConfigError, ShardDamaged
from lm_eval.results.atomic import complete_file

__all__ = ["check_lines", "damaged", "read_lines", "write_lines"]


def damaged(path: Path, reason: str = "is damaged: it is not the file that the shard wrote") -> ShardDamaged:
    """Return the error for a file that cannot be used.

    Args:
        path: The file, in the folder of its shard.
        reason: What is wrong with it; follows the path.
    """
    # 0003-of-0016 is shard 3/16; a copy may have any name.
    parts = path.parent.name.split("-of-")
    return ShardDamaged(f"{path} {reason}.", "/".join(str(int(part)) if part.isdecimal() else part for part in parts))


def write_lines(path: Path, lines: Iterable[str]) -> str:
    """Write a file of lines, which appears when it is complete.

    Args:
        path: The file.
        lines: Its lines, without line ends.

    Returns:
        The SHA-256 of the file.

    Raises:
        SavingError: It cannot be written.
        NotExact: A line cannot be written; there is no file then.
    """
    digest = hashlib.sha256()
    with complete_file(path) as file:
        for line in lines:
            raw = line.encode("utf-8", "surrogatepass") + b"\n"
            digest.update(raw)
            file.write(raw)
    return digest.hexdigest()


def read_lines(path: Path, expected: str) -> Iterator[bytes]:
    """Read a file of lines, and check at its end that it is the one that was written.

    Args:
        path: The file.
        expected: Its SHA-256.

    Yields:
        Its lines, with line ends.

    Raises:
        ShardDamaged: It is missing, or is another one.
        ConfigError: It cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            for line in file:
                digest.update(line)
                yield line
    except FileNotFoundError as error:
        raise damaged(path, "is missing") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}.") from error
    if digest.hexdigest() != expected:
        raise damaged(path)


def check_lines(path: Path, expected: str) -> None:
    """Check that a file is the one that was written.

    Args:
        path: The file.
        expected: Its SHA-256.

    Raises:
        ShardDamaged: It is missing, or is another one.
        ConfigError: It cannot be read.
    """
    deque(read_lines(path, expected), maxlen=0)
