"""What the names of saved files say: which files hold results or samples, of which task, and from when.

A results file is ``.../results_TIME.json``, a samples file ``.../samples_TASK_TIME.jsonl``.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = [
    "get_file_datetime",
    "get_file_task_name",
    "get_latest_filename",
    "get_results_filenames",
    "get_sample_results_filenames",
]


def get_results_filenames(filenames: Iterable[str]) -> list[str]:
    """Return the files that hold results.

    Args:
        filenames: Paths with ``/`` in front of the file's own name, as the Hub lists them.
    """
    return [name for name in filenames if "/results_" in name and ".json" in name]


def get_sample_results_filenames(filenames: Iterable[str]) -> list[str]:
    """Return the files that hold samples.

    Args:
        filenames: Paths with ``/`` in front of the file's own name, as the Hub lists them.
    """
    return [name for name in filenames if "/samples_" in name and ".json" in name]


def get_file_task_name(filename: str) -> str:
    """Return the task of a samples file: what is between the first and the last underscore.

    Args:
        filename: The file's own name, without folders.
    """
    start, end = filename.find("_") + 1, filename.rfind("_")
    return filename[start:end]


def get_file_datetime(filename: str) -> str:
    """Return the time in the name of a file: what follows the last underscore, without ``.jsonl``.

    Args:
        filename: The name; a results file keeps its ``.json``, as in the reference harness.
    """
    return filename.rpartition("_")[2].replace(".jsonl", "")


def get_latest_filename(filenames: Iterable[str]) -> str:
    """Return the file with the latest time in its name.

    Args:
        filenames: The names, at least one.

    Raises:
        ValueError: There are no names.
    """
    return max(filenames, key=get_file_datetime)
