"""Getting a task's data, and reading it fast."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval.errors import DatasetError

__all__ = ["Rows", "column_names", "iterate", "load_task_dataset"]

_CHUNK = 1000
_MEDIA = ("Image", "Audio", "Video", "Pdf")


def load_task_dataset(
    task: str,
    path: str | None,
    name: str | None = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    data_dir: str | os.PathLike[str] | None = None,
) -> Any:
    """Load the splits of a task.

    Args:
        task: The task's name, for messages.
        path: The dataset's id on the Hub, a folder, or a format such as ``json``.
        name: The dataset's config.
        kwargs: Further arguments of ``datasets.load_dataset``.
        data_dir: Folder that is looked into first, for ``<data_dir>/<path>``; the environment variable
            ``LM_EVAL_DATA_DIR`` stands in when it is None.

    Returns:
        A mapping from a split's name to its rows.

    Raises:
        DatasetError: The data can be found neither there nor by ``datasets.load_dataset``.
    """
    if path is None:
        raise DatasetError(f"Task {task} names no dataset: give dataset_path or custom_dataset.")

    import datasets

    _quieten(datasets)
    arguments = dict(kwargs or {})
    local = _local_copy(path, data_dir)
    if local is not None:
        arguments.pop("revision", None)
        arguments.setdefault("cache_dir", _own_cache(local, datasets.config.HF_DATASETS_CACHE))
    if local is not None or int(datasets.__version__.partition(".")[0]) >= 4:
        arguments.pop("trust_remote_code", None)
    try:
        # Through the module, so that a replaced datasets.load_dataset is honoured.
        return datasets.load_dataset(path if local is None else str(local), name, **arguments)
    except Exception as error:
        raise DatasetError(_advice(task, path, name, local, error)) from error


def _local_copy(path: str, data_dir: str | os.PathLike[str] | None) -> Path | None:
    """Find a dataset under the data folder."""
    folder = data_dir or os.environ.get("LM_EVAL_DATA_DIR")
    if not folder:
        return None
    local = Path(folder).expanduser() / path
    return local if local.is_dir() else None


def _own_cache(local: Path, root: str | os.PathLike[str]) -> str:
    """Name a cache that belongs to these very files.

    ``datasets`` tells local folders apart by their last name and their card alone: an edited copy, or another folder
    with the same last name, would give the rows of the one that was read first.
    """
    parts = [str(local.resolve())]
    for file in sorted(local.rglob("*")):
        if file.is_file():
            facts = file.stat()
            parts.append(f"{file.relative_to(local)}:{facts.st_size}:{facts.st_mtime_ns}")
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return str(Path(root) / "local" / digest)


def _advice(task: str, path: str, name: str | None, local: Path | None, error: Exception) -> str:
    """Say in one line which dataset is missing and how to get it."""
    what = f"{path!r}" + (f" (config {name!r})" if name else "")
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:240]
    if local is not None:
        return f"Task {task}: dataset {what} does not load from {local}: {reason}"
    return (
        f"Task {task}: dataset {what} cannot be had ({reason}). Put a copy at DIR/{path} and give --data_dir DIR, or,"
        f" with a network, fetch it: huggingface-cli download --repo-type dataset {path}"
    )


def _quieten(datasets: Any) -> None:
    """Keep the library's progress bars and log lines out of pipes and files."""
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()


def column_names(rows: Any) -> list[str]:
    """Return the names of a split's columns.

    Args:
        rows: A dataset, or a list of dicts.
    """
    names = getattr(rows, "column_names", None)
    if isinstance(names, list):
        return names
    first = next(iter(rows), None)
    return list(first) if isinstance(first, Mapping) else []


def _sliceable(rows: Any) -> bool:
    """Tell whether rows can be read many at a time, as columns."""
    features = getattr(rows, "features", None)
    if features is None or not hasattr(rows, "select"):
        return False
    return not any(kind in repr(features) for kind in _MEDIA)


def iterate(rows: Any, start: int = 0, stop: int | None = None) -> Iterator[Any]:
    """Go through rows in order, reading many at a time where that is possible.

    Args:
        rows: A dataset, or any sequence of docs.
        start: The first row.
        stop: The row to stop before; None means the end.

    Yields:
        Docs.
    """
    end = len(rows) if stop is None else min(stop, len(rows))
    if isinstance(rows, list):
        yield from rows[start:end]
        return
    if not _sliceable(rows):
        for index in range(start, end):
            yield rows[index]
        return
    for begin in range(start, end, _CHUNK):
        columns = rows[begin : min(begin + _CHUNK, end)]
        names = list(columns)
        for values in zip(*columns.values(), strict=True):
            yield dict(zip(names, values, strict=True))


class Rows(Sequence[Any]):
    """Docs of a split by position, each read once."""

    def __init__(self, rows: Any) -> None:
        """Wrap a split.

        Args:
            rows: A dataset, or any sequence of docs.
        """
        self.rows = rows
        self._read: dict[int, Any] = {}

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        if index not in self._read:
            if index >= len(self):
                raise IndexError(index)
            self._read[index] = self.rows[index]
        return self._read[index]

    def __getattr__(self, name: str) -> Any:
        # Samplers in the wild treat the pool as the dataset it is.
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.rows, name)
