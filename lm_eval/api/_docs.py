"""Where the docs of a task come from."""

from __future__ import annotations

import logging
import math
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from lm_eval.api._dataset import iterate, load_task_dataset
from lm_eval.errors import ConfigError, DatasetError, TaskFileError

__all__ = ["DocSource"]

eval_logger = logging.getLogger("lm_eval")


class DocSource(ABC):
    """The splits of a dataset, loaded when they are first used."""

    DATASET_PATH: str | None = None
    DATASET_NAME: str | None = None

    def __init__(self, data_dir: str | None, cache_dir: str | None, download_mode: Any) -> None:
        """Load nothing yet.

        Args:
            data_dir: Passed to ``download``.
            cache_dir: Passed to ``download``.
            download_mode: Passed to ``download``.
        """
        self._data_dir: str | os.PathLike[str] | None = None
        self._download_args = (data_dir, cache_dir, download_mode)
        self._dataset: Any = None
        self._saved_docs: list[Any] | None = None

    @property
    @abstractmethod
    def task_name(self) -> Any:
        """The task's name."""

    @property
    def dataset(self) -> Any:
        """The splits by name, loaded at first use."""
        if self._saved_docs is not None:
            raise ConfigError(
                f"Task {self.task_name!r} reads its dataset to score, beside the saved docs; it cannot be rescored."
            )
        if self._dataset is None:
            self._load()
            if self._dataset is None:
                raise DatasetError(f"Task {self.task_name}: download() did not set self.dataset.")
        return self._dataset

    @dataset.setter
    def dataset(self, value: Any) -> None:
        """Set the splits."""
        self._dataset = value

    def _load(self) -> None:
        self.download(*self._download_args)

    def download(self, data_dir: str | None = None, cache_dir: str | None = None, download_mode: Any = None) -> None:
        """Load the dataset named by ``DATASET_PATH`` and ``DATASET_NAME`` into ``self.dataset``.

        Args:
            data_dir: Folder with a copy of the dataset.
            cache_dir: Where ``datasets`` keeps its files.
            download_mode: Of ``datasets.load_dataset``.
        """
        given = {"data_dir": data_dir, "cache_dir": cache_dir, "download_mode": download_mode}
        kwargs = {key: value for key, value in given.items() if value is not None}
        self.dataset = load_task_dataset(
            str(self.task_name), self.DATASET_PATH, self.DATASET_NAME, kwargs, data_dir=self._data_dir
        )

    def set_data_dir(self, data_dir: str | os.PathLike[str] | None) -> None:
        """Say where to look for datasets before the Hub.

        Args:
            data_dir: Folder with ``<dataset_path>`` in it.
        """
        self._data_dir = data_dir

    @abstractmethod
    def has_training_docs(self) -> bool:
        """Tell whether there is a training split."""

    @abstractmethod
    def has_validation_docs(self) -> bool:
        """Tell whether there is a validation split."""

    @abstractmethod
    def has_test_docs(self) -> bool:
        """Tell whether there is a test split."""

    def training_docs(self) -> Any:
        """Return the docs of the training split."""
        return []

    def validation_docs(self) -> Any:
        """Return the docs of the validation split."""
        return []

    def test_docs(self) -> Any:
        """Return the docs of the test split."""
        return []

    def fewshot_docs(self) -> Any:
        """Return the docs shots are drawn from."""
        if self.has_training_docs():
            return self.training_docs()
        if self.has_validation_docs():
            return self.validation_docs()
        eval_logger.warning("Task %s: shots are drawn from the test split; there is no other", self.task_name)
        return self.test_docs()

    def _process_doc(self, doc: Any) -> Any:
        """Transform a doc; identity unless overridden."""
        return doc

    @property
    def eval_docs(self) -> Any:
        """The docs that are evaluated: the test split, else the validation split."""
        if self.has_test_docs():
            return self.test_docs()
        if self.has_validation_docs():
            return self.validation_docs()
        raise TaskFileError(f"task {self.task_name} has neither a test nor a validation split")

    @property
    def scored_docs(self) -> Any:
        """The documents to score: the saved ones during a replay, else ``eval_docs``."""
        return self.eval_docs if self._saved_docs is None else self._saved_docs

    def doc_iterator(
        self,
        *,
        rank: int = 0,
        limit: int | float | None = None,
        world_size: int = 1,
        samples: Sequence[int] | None = None,
    ) -> Iterator[tuple[int, Any]]:
        """Go through the docs to evaluate.

        Args:
            rank: The first doc to take.
            limit: The first so many docs, or that fraction of them when below 1.
            world_size: Take every ``world_size``-th doc.
            samples: Only these docs, by their index in the split.

        Yields:
            A doc's index in its split, and the doc.

        Raises:
            ConfigError: An index of ``samples`` is not in the split.
        """
        docs = self.scored_docs
        if not hasattr(docs, "__len__"):
            docs = list(docs)
        if samples is not None:
            for index in sorted(set(samples))[rank::world_size]:
                if not 0 <= index < len(docs):
                    raise ConfigError(f"Task {self.task_name} has docs 0 to {len(docs) - 1}; there is no doc {index}.")
                yield index, docs[index]
            return
        stop = None
        if limit is not None:
            stop = math.ceil(len(docs) * limit) if limit < 1 else int(limit)
        for index, doc in enumerate(iterate(docs, stop=stop)):
            if world_size == 1 or index % world_size == rank:
                yield index, doc
