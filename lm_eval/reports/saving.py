"""Save what was laid out to a file that the user named."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lm_eval.errors import ConfigError
from lm_eval.results.atomic import write_atomically

__all__ = ["save"]


def save(path: Path, parts: Iterable[str]) -> None:
    """Write a text file atomically.

    Args:
        path: The file; its folder is created.
        parts: The text, in pieces.

    Raises:
        ConfigError: The file cannot be written.
    """
    try:
        write_atomically(path, parts)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error
