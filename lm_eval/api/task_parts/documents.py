"""The documents of a task: loading its dataset, processing its splits, and reading rows fast."""

from __future__ import annotations

import hashlib
import os
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, overload

from lm_eval.api.instance import Doc
from lm_eval.api.task_parts.parquet_branch import load_parquet_branch, needs_script
from lm_eval.errors import DatasetError

__all__ = ["Docs", "PathName", "Rows", "Splits", "column_names", "draws_at_random", "iterate", "load_task_dataset"]

PathName = str | os.PathLike[str]
Docs = Sequence[Doc]
"""The documents of a split: a dataset of ``datasets``, or any sequence."""

_CHUNK = 1000
_MEDIA = ("Image", "Audio", "Video", "Pdf")


def load_task_dataset(
    task: str,
    path: str | None,
    name: str | None = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    data_dir: PathName | None = None,
) -> Mapping[str, Docs]:
    """Load the splits of a dataset.

    Args:
        task: Name of the task, for messages.
        path: The id of the dataset on the Hub, a folder, or a format such as ``json``.
        name: The config of the dataset.
        kwargs: Further arguments of ``datasets.load_dataset``.
        data_dir: Folder that is searched first, for ``<data_dir>/<path>``. None takes the environment variable
            ``LM_EVAL_DATA_DIR``.

    Returns:
        A mapping from the name of each split to its rows.

    Raises:
        DatasetError: The dataset is neither in that folder nor does ``datasets.load_dataset`` load it, nor are there
            parquet files of a dataset that needs a script.
    """
    if path is None:
        raise DatasetError(f"Task {task} names no dataset: give dataset_path or custom_dataset.")

    import datasets

    # Keep progress bars and log lines of the library out of pipes and files.
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    arguments = dict(kwargs or {})
    local = _local_copy(path, data_dir)
    if local is not None:
        arguments.pop("revision", None)
        arguments.setdefault("cache_dir", _cache_of_folder(local, datasets.config.HF_DATASETS_CACHE))
    if local is not None or int(datasets.__version__.partition(".")[0]) >= 4:
        arguments.pop("trust_remote_code", None)
    try:
        # Call it through the module, so that a replaced datasets.load_dataset is used.
        splits: Mapping[str, Docs] = datasets.load_dataset(path if local is None else str(local), name, **arguments)
        return splits
    except Exception as error:
        if local is not None or not needs_script(error):
            raise DatasetError(_advice(task, path, name, local, error)) from error
    try:
        return load_parquet_branch(path, name, arguments)
    except Exception as error:
        raise DatasetError(_advice_for_script(task, path, name, error)) from error


def _local_copy(path: str, data_dir: PathName | None) -> Path | None:
    """Find a dataset in the data folder."""
    folder = data_dir or os.environ.get("LM_EVAL_DATA_DIR")
    if not folder:
        return None
    local = Path(folder).expanduser() / path
    return local if local.is_dir() else None


def _cache_of_folder(local: Path, root: PathName) -> str:
    """Name a cache folder after the path, sizes and times of all files in a local dataset.

    ``datasets`` identifies a local folder only by its last name and its card. Without a separate cache, an edited copy
    or another folder with the same last name would give the rows of the folder that was read first.
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
        f"Task {task}: dataset {what} could not be loaded ({reason}). Put a copy at DIR/{path} and give --data_dir DIR,"
        f" or, with a network, download it: hf download --repo-type dataset {path}"
    )


def _advice_for_script(task: str, path: str, name: str | None, error: Exception) -> str:
    """Say in one line why a dataset that a script makes cannot be loaded, and how to get it."""
    what = f"{path!r}" + (f" (config {name!r})" if name else "")
    reason = " ".join(str(error).split())[:240]
    return (
        f"Task {task}: dataset {what} is made by a script, which datasets no longer runs, and it cannot be read from"
        f" the Hub's parquet files ({reason}). Save it with datasets below 4 at DIR/{path} and give --data_dir DIR"
    )


class _HasDataset(Protocol):
    DATASET_PATH: str | None

    @property
    def task_name(self) -> str: ...
    @property
    def dataset(self) -> Mapping[str, Docs]: ...


class Splits:
    """The splits of one dataset, each processed once."""

    def __init__(self, task: _HasDataset) -> None:
        """Load nothing yet.

        Args:
            task: The task; its ``dataset`` is loaded when the first split is read.
        """
        self._task = task
        self._processed: dict[tuple[str, int], Docs] = {}

    def __bool__(self) -> bool:
        """Whether a split was read."""
        return bool(self._processed)

    def read(self, name: str | None, process: Callable[[Docs], Docs] | None) -> Docs:
        """Return a split, processed.

        Args:
            name: Name of the split.
            process: ``process_docs`` of the task; None leaves the rows as they are.

        Raises:
            DatasetError: The dataset has no such split.
        """
        key = (str(name), id(process))
        if key not in self._processed:
            dataset = self._task.dataset
            try:
                rows = dataset[str(name)]
            except KeyError:
                raise DatasetError(
                    f"Task {self._task.task_name}: dataset {self._task.DATASET_PATH} has no split {name!r}, only "
                    f"{', '.join(map(repr, dataset))}."
                ) from None
            rows = process(rows) if process is not None else rows
            self._processed[key] = rows if hasattr(rows, "__len__") else list(rows)
        return self._processed[key]


def draws_at_random(process: Callable[..., object] | None) -> bool:
    """Whether a ``process_docs`` may use the shared random state of Python.

    Args:
        process: The function; None does not.
    """
    return any(value is random for value in getattr(process, "__globals__", {}).values())


def column_names(rows: Docs) -> list[str]:
    """Return the names of the columns of a split.

    Args:
        rows: A dataset, or a list of dicts.
    """
    names = getattr(rows, "column_names", None)
    if isinstance(names, list):
        return names
    first = next(iter(rows), None)
    return list(first) if isinstance(first, Mapping) else []


def _sliceable(rows: Docs) -> bool:
    """Whether rows can be read many at a time, as columns."""
    features = getattr(rows, "features", None)
    if features is None or not hasattr(rows, "select"):
        return False
    return not any(kind in repr(features) for kind in _MEDIA)


def iterate(rows: Docs, start: int = 0, stop: int | None = None) -> Iterator[Doc]:
    """Go through rows in order; read 1,000 at a time where that is possible.

    Args:
        rows: A dataset, or any sequence of documents.
        start: The first row.
        stop: The row to stop before; None means the end.

    Yields:
        Documents.
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
        columns: Any = rows[begin : min(begin + _CHUNK, end)]  # A slice of a dataset is a dict of columns.
        names = list(columns)
        for values in zip(*columns.values(), strict=True):
            yield dict(zip(names, values, strict=True))


class Rows(Sequence[Doc]):
    """The rows of a split by position, each read from the dataset once."""

    def __init__(self, rows: Docs) -> None:
        """Wrap a split.

        Args:
            rows: A dataset, or any sequence of documents.
        """
        self.rows = rows
        self._read: dict[int, Doc] = {}

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Doc: ...
    @overload
    def __getitem__(self, index: slice) -> list[Doc]: ...
    def __getitem__(self, index: int | slice) -> Doc | list[Doc]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if index in self._read:
            return self._read[index]
        if index < 0:
            index += len(self)
        if index not in self._read:
            if index >= len(self):
                raise IndexError(index)
            self._read[index] = self.rows[index]
        return self._read[index]

    def __getattr__(self, name: str) -> Any:
        # Samplers in the wild use the pool as a dataset of the library `datasets`.
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.rows, name)
