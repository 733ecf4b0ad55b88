"""How a run asks in batches: through a Batch API, or through files that another program answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from lm_eval.errors import ConfigError

__all__ = ["NO_SERVER", "BatchSettings", "batch_folders", "read_kind"]

NO_SERVER = "http://no-server.invalid/v1"
"""Stands for ``base_url`` where batches go through files and no server is named."""
_FILE = "file:"
_BYTES_PER_MB = 1_000_000


def batch_folders(journal: Path) -> Path:
    """Name the folder in which a run keeps the folders of its batches.

    Args:
        journal: The file that keeps the answers of the run.
    """
    return journal.with_suffix(".batches")


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """How a run asks in batches.

    Attributes:
        folder: The folder of ``file:DIR``; None for the Batch API.
        wait: Maximum seconds to wait for batches; None waits until they end.
        max_lines: Maximum number of requests in one file.
        max_bytes: Maximum size of one file.
    """

    folder: Path | None = None
    wait: float | None = None
    max_lines: int = 50_000
    max_bytes: int = 200 * _BYTES_PER_MB

    def within(self, name: str) -> BatchSettings:
        """Return the same settings for another model or a part of the run, whose files are in a folder of their own.

        Args:
            name: The name of the folder in that of the run.

        Returns:
            The settings.
        """
        return self if self.folder is None else replace(self, folder=self.folder / name)

    @classmethod
    def of(cls, kind: str, wait: float | None, lines: int, megabytes: float) -> BatchSettings:
        """Take the settings from the options of a run.

        Args:
            kind: ``openai`` or ``file:DIR``.
            wait: Maximum seconds to wait.
            lines: Maximum number of requests in one file.
            megabytes: Maximum size of one file, in millions of bytes.

        Returns:
            The settings.
        """
        folder = Path(kind.removeprefix(_FILE)).expanduser() if kind.startswith(_FILE) else None
        return cls(folder, wait, lines, int(megabytes * _BYTES_PER_MB))


def read_kind(text: str) -> str:
    """Check the value of ``--batch``.

    Args:
        text: ``openai`` or ``file:DIR``.

    Returns:
        The same text.

    Raises:
        ConfigError: It is neither.
    """
    if text != "openai" and (not text.startswith(_FILE) or text == _FILE):
        raise ConfigError(f"batch takes openai or file:DIR, not {text!r}.")
    return text
