"""A task as its config describes it: data, fields and metrics."""

from __future__ import annotations

import random
from abc import ABC
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar

from lm_eval.api._base import Task
from lm_eval.api._dataset import column_names, iterate, load_task_dataset
from lm_eval.api._fields import Reader, choice_reader, cluster_reader, media_reader, target_reader, text_reader
from lm_eval.api._metric_specs import MetricSpec, resolve_metrics
from lm_eval.api.registry import DEFAULT_METRIC_REGISTRY
from lm_eval.config.task import TASK_KEYS, FewshotConfig, TaskConfig
from lm_eval.errors import (
    ConfigError,
    DatasetError,
    LMEvalError,
    MissingPackageError,
    TaskFileError,
    TemplateError,
    did_you_mean,
)
from lm_eval.statistics.repeats import OverRepeats

__all__ = ["ConfiguredTask"]


class ConfiguredTask(Task, ABC):
    """What a config says about a task's data, the fields of its docs and its metrics."""

    VERSION: Any = "Yaml"
    CONFIG: ClassVar[Mapping[str, Any] | None] = None

    def __init__(
        self,
        data_dir: str | None = None,
        cache_dir: str | None = None,
        download_mode: Any = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        """Read a config; no data is loaded.

        Args:
            data_dir: Accepted for compatibility with ``Task``.
            cache_dir: Accepted, as ``data_dir``.
            download_mode: Accepted, as ``data_dir``.
            config: What the task file says.

        Raises:
            ConfigError: A key or a value cannot be used.
            UnknownNameError: A metric, filter, aggregation or sampler is not registered.
        """
        merged = {**(self.CONFIG or {}), **(config or {})}
        merged.pop("class", None)
        merged.setdefault("task", type(self).__name__)
        if self.OUTPUT_TYPE is not None:
            merged.setdefault("output_type", self.OUTPUT_TYPE)
        for key in merged:
            if key not in TASK_KEYS:
                raise ConfigError(f"Task {merged['task']}: unknown key {key!r}.{did_you_mean(key, TASK_KEYS)}")
        super().__init__(data_dir, cache_dir, download_mode, merged)
        settings = self._config
        if settings.use_prompt is not None:
            _refuse_prompt(settings)
        self.OUTPUT_TYPE = settings.output_type
        self.DATASET_PATH = settings.dataset_path or self.DATASET_PATH
        self.DATASET_NAME = settings.dataset_name or self.DATASET_NAME
        self.VERSION = (settings.metadata or {}).get("version", self.VERSION)
        self.UNSAFE_CODE = bool(settings.unsafe_code)
        assert isinstance(settings.fewshot_config, FewshotConfig)
        self.fewshot_cfg: FewshotConfig = settings.fewshot_config
        self._metrics = self._resolve_metrics()
        self._splits: dict[tuple[str, int], Any] = {}
        self._readers: dict[Any, tuple[Any, Reader]] = {}

    def _resolve_metrics(self) -> dict[str, MetricSpec]:
        settings = self._config
        listed = settings.metric_list
        if listed is None:
            listed = DEFAULT_METRIC_REGISTRY[settings.output_type]
        specs = resolve_metrics(
            listed,
            task=str(settings.task),
            output_type=settings.output_type,
            computed_by_task=callable(settings.process_results),
            repeats=settings.repeats,
        )
        if any(spec.over_repeats for spec in specs) and all(pipeline.chooses for pipeline in self._filters):
            raise ConfigError(
                f"Task {settings.task}: over_repeats needs a filter pipeline without take_first_k and majority_vote, "
                "which choose among the repeats themselves."
            )
        return {spec.name: spec for spec in specs}

    @property
    def over_repeats(self) -> dict[str, tuple[OverRepeats, ...]]:
        """How the repeats of a doc are combined, by metric; the results are named ``<metric>_<how>``."""
        return {name: spec.over_repeats for name, spec in self._metrics.items() if spec.over_repeats}

    # The data

    def _load(self) -> None:
        self.download(self._config.dataset_kwargs)

    def download(  # type: ignore[override]
        self, dataset_kwargs: Mapping[str, Any] | None = None, *args: Any, **kwargs: Any
    ) -> None:
        """Load the dataset into ``self.dataset``.

        Args:
            dataset_kwargs: Arguments of ``datasets.load_dataset``, or of ``custom_dataset``.
            *args: Accepted for compatibility with ``Task``.
            **kwargs: More arguments of ``datasets.load_dataset``.
        """
        settings, arguments = self._config, {**(dataset_kwargs or {}), **kwargs}
        if settings.custom_dataset is not None:
            self.dataset = settings.custom_dataset(**{**(settings.metadata or {}), **arguments})
        else:
            self.dataset = load_task_dataset(
                str(settings.task), self.DATASET_PATH, self.DATASET_NAME, arguments, data_dir=self._data_dir
            )

    def _split(self, name: str | None, process: Callable[[Any], Any] | None) -> Any:
        """Return a split, processed; each is processed once."""
        key = (str(name), id(process))
        if key not in self._splits:
            try:
                rows = self.dataset[name]
            except KeyError:
                raise DatasetError(
                    f"Task {self.task_name}: dataset {self.DATASET_PATH} has no split {name!r}, only"
                    f" {', '.join(map(repr, self.dataset))}."
                ) from None
            rows = process(rows) if process is not None else rows
            self._splits[key] = rows if hasattr(rows, "__len__") else list(rows)
        return self._splits[key]

    def has_training_docs(self) -> bool:
        """Tell whether the config names a training split."""
        return self._config.training_split is not None

    def has_validation_docs(self) -> bool:
        """Tell whether the config names a validation split."""
        return self._config.validation_split is not None

    def has_test_docs(self) -> bool:
        """Tell whether the config names a test split."""
        return self._config.test_split is not None

    def training_docs(self) -> Any:
        """Return the training split, processed."""
        return self._split(self._config.training_split, self._config.process_docs)

    def validation_docs(self) -> Any:
        """Return the validation split, processed."""
        return self._split(self._config.validation_split, self._config.process_docs)

    def test_docs(self) -> Any:
        """Return the test split, processed."""
        return self._split(self._config.test_split, self._config.process_docs)

    def fewshot_docs(self) -> Any:
        """Return the few-shot pool: the few-shot split, else the config's samples, else another split."""
        settings = self.fewshot_cfg
        if settings.split is not None:
            return self._split(settings.split, settings.process_docs)
        if settings.samples is not None:
            return list(settings.samples() if callable(settings.samples) else settings.samples)
        return super().fewshot_docs()

    @property
    def eval_docs(self) -> Any:
        """The docs that are evaluated: the test split, else the validation split, processed."""
        if not self._splits and _draws_at_random(self._config.process_docs):
            # Which numbers a split gets depends on the order: the few-shot pool has always come first.
            self.fewshot_docs()
        return super().eval_docs

    @cached_property
    def features(self) -> list[str]:
        """The names of the columns of the evaluated docs."""
        return column_names(self.scored_docs)

    @cached_property
    def _first_doc(self) -> Any:
        for doc in iterate(self.scored_docs, stop=1):
            return doc
        raise DatasetError(f"Task {self.task_name} has no docs to evaluate.")

    @cached_property
    def multiple_target(self) -> bool:
        """Whether the first evaluated doc has a list of targets."""
        return isinstance(self.doc_to_target(self._first_doc), list)

    @cached_property
    def multiple_input(self) -> bool:
        """Whether the first evaluated doc has one question a choice."""
        return self._config.doc_to_choice is not None and isinstance(self.doc_to_text(self._first_doc), int)

    # The fields of a doc

    def _read(self, key: str, given: Any, doc: Any) -> Any:
        """Read a field of a doc by the config's value of it, or by another value."""
        value = getattr(self._config, key) if given is None else given
        mark = (key, value) if isinstance(value, (str, int)) else (key, id(value))
        known = self._readers.get(mark)
        try:
            if known is None:
                known = self._readers[mark] = (value, self._make_reader(key, value))
            return known[1](doc)
        except (ConfigError, TemplateError) as error:
            raise type(error)(f"Task {self.task_name}, {key}: {error}") from error
        except LMEvalError:
            raise
        except Exception as error:
            raise TaskFileError(f"task {self.task_name}: {type(error).__name__}: {error}", key=key) from error

    def _make_reader(self, key: str, value: Any) -> Reader:
        if key == "doc_to_choice":
            return choice_reader(value, self.features)
        if key == "cluster_key":
            return cluster_reader(value, self.features)
        if key in ("doc_to_image", "doc_to_audio"):
            return media_reader(value, self.features)
        has_choices = self._config.doc_to_choice is not None
        if key == "doc_to_target":
            return target_reader(value, self.features, has_choices)
        return text_reader(value, self.features, has_choices and key == "doc_to_text")

    def doc_to_text(self, doc: Any, doc_to_text: Any = None) -> Any:
        """Return the question of a doc.

        Args:
            doc: The doc.
            doc_to_text: What to read instead of the config's ``doc_to_text``.

        Returns:
            Text; or an int, the gold choice's place, when each choice is a question of its own.
        """
        return self._read("doc_to_text", doc_to_text, doc)

    def doc_to_target(self, doc: Any, doc_to_target: Any = None) -> Any:
        """Return the answer of a doc.

        Args:
            doc: The doc.
            doc_to_target: What to read instead of the config's ``doc_to_target``.

        Returns:
            Text, the place of a choice, or a list of either.
        """
        return self._read("doc_to_target", doc_to_target, doc)

    def doc_to_choice(self, doc: Any, doc_to_choice: Any = None) -> list[str]:
        """Return the choices of a doc.

        Args:
            doc: The doc.
            doc_to_choice: What to read instead of the config's ``doc_to_choice``.
        """
        choices = self._read("doc_to_choice", doc_to_choice, doc)
        return choices if isinstance(choices, list) else list(choices)

    def doc_to_image(self, doc: Any, doc_to_image: Any = None) -> Any:
        """Return the images of a doc, or None when the task has none."""
        if doc_to_image is None and self._config.doc_to_image is None:
            return None
        return self._read("doc_to_image", doc_to_image, doc)

    def doc_to_audio(self, doc: Any, doc_to_audio: Any = None) -> Any:
        """Return the sounds of a doc, or None when the task has none."""
        if doc_to_audio is None and self._config.doc_to_audio is None:
            return None
        return self._read("doc_to_audio", doc_to_audio, doc)

    def doc_to_prefix(self, doc: Any) -> str | None:
        """Return the start of the answer of a doc, or None when the task has none."""
        return None if self._config.gen_prefix is None else self._read("gen_prefix", None, doc)

    def doc_to_cluster(self, doc: Any) -> str | None:
        """Return what docs of one cluster share; None when the task has no ``cluster_key``, or the doc no value."""
        name = None if self._config.cluster_key is None else self._read("cluster_key", None, doc)
        return None if name is None else str(name)

    def should_decontaminate(self) -> bool:
        """Tell whether the config asks for decontamination."""
        return self._config.should_decontaminate

    def doc_to_decontamination_query(self, doc: Any) -> Any:
        """Return the text that would be looked for in training data."""
        if self._config.doc_to_decontamination_query is None:
            return self.doc_to_text(doc)
        return self._read("doc_to_decontamination_query", None, doc)

    def override_metric(self, metric_name: str) -> None:
        """Score by one metric only; ``bypass`` scores nothing.

        Args:
            metric_name: The metric.
        """
        super().override_metric(metric_name)
        self._metrics = self._resolve_metrics()

    def __repr__(self) -> str:
        """Name the task and what it asks."""
        settings = self._config
        return (
            f"ConfigurableTask(task_name={settings.task},output_type={settings.output_type},"
            f"num_fewshot={settings.num_fewshot})"
        )


def _draws_at_random(process: Callable[[Any], Any] | None) -> bool:
    """Tell whether ``process_docs`` may draw from Python's shared random state."""
    return any(value is random for value in getattr(process, "__globals__", {}).values())


def _refuse_prompt(settings: TaskConfig) -> None:
    """Explain why ``use_prompt`` does not work here."""
    raise MissingPackageError(
        f"Task {settings.task}: use_prompt {settings.use_prompt!r} needs the package promptsource, which is not"
        " installed; write the prompt as doc_to_text and doc_to_target instead."
    )
