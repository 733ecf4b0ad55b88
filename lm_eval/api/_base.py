"""``Task``: docs to Instances, and responses to values; subclassed in Python task files."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from lm_eval.api._docs import DocSource
from lm_eval.api._fields import text_reader
from lm_eval.api._filters import build_filters
from lm_eval.api._scoring import text_sizes
from lm_eval.api.filter import FilterEnsemble
from lm_eval.api.instance import Instance
from lm_eval.api.samplers import DEFAULT_SEED
from lm_eval.config.task import TaskConfig
from lm_eval.errors import ConfigError, DatasetError, LMEvalError, TaskFileError
from lm_eval.statistics.repeats import OverRepeats

__all__ = ["Task"]


class Task(DocSource, ABC):
    """A named set of docs, how they are asked, and how the responses are scored.

    Subclasses say where docs come from, what is asked about each and what its responses are worth.
    """

    VERSION: Any = None
    OUTPUT_TYPE: Any = None
    MULTIMODAL: ClassVar[bool] = False
    UNSAFE_CODE: bool = False

    def __init__(
        self,
        data_dir: str | None = None,
        cache_dir: str | None = None,
        download_mode: Any = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        """Read the config; the data is loaded when it is first used.

        Args:
            data_dir: Folder with a copy of the dataset.
            cache_dir: Passed to ``download``.
            download_mode: Passed to ``download``.
            config: What a task file says.
        """
        super().__init__(data_dir, cache_dir, download_mode)
        self._config = TaskConfig(**dict(config)) if config else TaskConfig(task=type(self).__name__)
        self._instances: list[Instance] = []
        self._filters = build_filters(self._config.filter_list)
        self.fewshot_rnd = random.Random(DEFAULT_SEED)

    # The prompt and the requests

    @abstractmethod
    def doc_to_text(self, doc: Any) -> Any:
        """Return the question of a doc."""

    @abstractmethod
    def doc_to_target(self, doc: Any) -> Any:
        """Return the answer of a doc."""

    def doc_to_image(self, doc: Any) -> Any:
        """Return the images of a doc."""
        return None

    def doc_to_audio(self, doc: Any) -> Any:
        """Return the sounds of a doc."""
        return None

    def doc_to_prefix(self, doc: Any) -> str | None:
        """Return the start of the answer of a doc, or None."""
        return None

    def doc_to_cluster(self, doc: Any) -> str | None:
        """Return what docs of one cluster share, or None when the task's docs are not clustered."""
        return None

    def doc_to_decontamination_query(self, doc: Any) -> Any:
        """Return the text that would be looked for in training data."""
        raise ConfigError(f"Task {self.task_name} does not override doc_to_decontamination_query.")

    def fewshot_examples(self, k: int, rnd: random.Random) -> list[Any]:
        """Draw shots.

        Args:
            k: How many.
            rnd: The source of randomness.
        """
        return rnd.sample(list(self.fewshot_docs()), k)

    def fewshot_context(
        self,
        doc: Any,
        num_fewshot: int,
        rnd: random.Random | None = None,
        description: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Write the prompt of a doc: description, shots and the doc's question.

        Args:
            doc: The doc.
            num_fewshot: How many shots.
            rnd: The source of randomness; the task's own when None.
            description: Opens the prompt.
            **kwargs: The settings of the run, which this plain form does not use.

        Returns:
            The prompt.
        """
        prompt = description or ""
        if num_fewshot:
            shots: list[Any]
            if self.has_training_docs():
                shots = self.fewshot_examples(num_fewshot, rnd or self.fewshot_rnd)
            else:
                drawn = self.fewshot_examples(num_fewshot + 1, rnd or self.fewshot_rnd)
                shots = [shot for shot in drawn if shot != doc][:num_fewshot]
            prompt += "".join(f"{self.doc_to_text(shot)}{self.doc_to_target(shot)}\n\n" for shot in shots)
        return prompt + str(self.doc_to_text(doc))

    @abstractmethod
    def construct_requests(self, doc: Any, ctx: Any, **kwargs: Any) -> list[Instance] | Instance:
        """Make the Instances of a doc.

        Args:
            doc: The doc.
            ctx: What ``fewshot_context`` returned.
            **kwargs: ``metadata`` for the Instances; ``apply_chat_template`` and ``chat_template`` of the run.
        """

    def build_all_requests(
        self,
        *,
        limit: int | float | None = None,
        samples: list[int] | None = None,
        rank: int = 0,
        world_size: int = 1,
        cache_requests: bool = False,
        rewrite_requests_cache: bool = False,
        system_instruction: str | None = None,
        apply_chat_template: bool = False,
        fewshot_as_multiturn: bool = False,
        chat_template: Callable[..., Any] | None = None,
        tokenizer_name: str = "",
    ) -> None:
        """Make the Instances of all docs, into ``instances``.

        Args:
            limit: The first so many docs, or that fraction of them when below 1.
            samples: Only these docs, by their index in the split.
            rank: The first doc to take.
            world_size: Take every ``world_size``-th doc.
            cache_requests: Accepted; building is faster than reading a cache.
            rewrite_requests_cache: Accepted, as ``cache_requests``.
            system_instruction: Opens each prompt.
            apply_chat_template: Write prompts as chats.
            fewshot_as_multiturn: Keep shots as turns of their own.
            chat_template: Turns messages into a prompt.
            tokenizer_name: Accepted, as ``cache_requests``.

        Raises:
            UserError: A doc cannot be asked as the config says.
        """
        context: dict[str, Any] = {
            "num_fewshot": self.config.num_fewshot or 0,
            "system_instruction": system_instruction,
            "apply_chat_template": apply_chat_template,
            "fewshot_as_multiturn": fewshot_as_multiturn,
            "chat_template": chat_template,
        }
        name, repeats = self.task_name, self.config.repeats
        made: list[Instance] = []
        index = -1
        try:
            for index, doc in self.doc_iterator(rank=rank, limit=limit, samples=samples, world_size=world_size):
                prompt = self.fewshot_context(doc, **context, gen_prefix=self.doc_to_prefix(doc))
                self.doc_to_cluster(doc)  # What cannot be read is to fail before the model is asked.
                requests = self.construct_requests(
                    doc=doc,
                    ctx=prompt,
                    metadata=(name, index, repeats),
                    apply_chat_template=apply_chat_template,
                    chat_template=chat_template,
                )
                if isinstance(requests, Instance):
                    made.append(requests)
                else:
                    made.extend(requests)
        except LMEvalError:
            raise
        except Exception as error:
            where = f"doc {index} of task {name}" if index >= 0 else f"the docs of task {name}"
            raise TaskFileError(f"building {where} failed: {type(error).__name__}: {error}") from error
        if not made:
            raise DatasetError(f"Task {name} has no docs to evaluate.")
        self._instances = made

    @property
    def instances(self) -> list[Instance]:
        """The Instances of this task, document by document; ``apply_filters`` works on these."""
        return self._instances

    @instances.setter
    def instances(self, value: Sequence[Instance]) -> None:
        """Replace the Instances."""
        self._instances = list(value)

    def replay(self, instances: Sequence[Instance]) -> None:
        """Use saved Instances and their documents; the dataset is not loaded, and code that reads it fails.

        Args:
            instances: Instances with responses.
        """
        self._instances = list(instances)
        self._saved_docs = list({instance.doc_id: instance.doc for instance in instances}.values())

    # The scores

    @property
    def filters(self) -> Sequence[FilterEnsemble]:
        """The filter pipelines of this task, at least one."""
        return self._filters

    @abstractmethod
    def process_results(self, doc: Any, results: Any) -> dict[str, Any]:
        """Score a doc.

        Args:
            doc: The doc.
            results: The filtered response of each of its Instances.

        Returns:
            Metric name to value.
        """

    @abstractmethod
    def aggregation(self) -> Mapping[str, Callable[[Any], Any]]:
        """Return the function that makes one number of a metric's values, by metric."""

    @abstractmethod
    def higher_is_better(self) -> Mapping[str, Any]:
        """Tell for each metric whether higher is better."""

    @property
    def over_repeats(self) -> Mapping[str, Sequence[OverRepeats]]:
        """How the repeats of a doc are combined, by metric; the results are named ``<metric>_<how>``."""
        return {}

    def apply_filters(self) -> list[Instance]:
        """Run every filter pipeline over the responses; returns the Instances."""
        for pipeline in self._filters:
            pipeline.apply(self._instances)
        return self._instances

    @classmethod
    def count_bytes(cls, doc: str) -> int:
        """Count the UTF-8 bytes of a text."""
        return text_sizes(doc)[1]

    @classmethod
    def count_words(cls, doc: str) -> int:
        """Count the words of a text, split at white space."""
        return text_sizes(doc)[0]

    # The config

    @property
    def config(self) -> TaskConfig:
        """What the task file says, completed."""
        return self._config

    @property
    def task_name(self) -> Any:
        """The task's name."""
        return self._config.task

    def get_config(self, key: str) -> Any:
        """Return a config value, or None when there is no such key."""
        return self._config.get(key)

    def set_config(self, key: str, value: Any, update: bool = False) -> None:
        """Change a config value.

        Args:
            key: The key.
            value: Its value.
            update: Merge a mapping into the present one.

        Raises:
            ConfigError: There is no value, or the present value is no mapping.
        """
        if key is None or value is None:
            raise ConfigError("set_config takes a key and a value.")
        if update:
            present = self._config.get(key) or {}
            if not isinstance(present, dict):
                raise ConfigError(f"Task {self.task_name}: {key} is not a mapping that could be updated.")
            value = {**present, **value}
        self._config[key] = value

    def dump_config(self) -> dict[str, Any]:
        """Return the config as plain data, functions as their source."""
        return self._config.to_dict()

    def override_metric(self, metric_name: str) -> None:
        """Score by one metric only; ``bypass`` scores nothing.

        Args:
            metric_name: The metric.
        """
        self._config.metric_list = [{"metric": metric_name}]
        self._config.process_results = None
        if metric_name == "bypass":
            self._config.process_results = _bypass

    def set_fewshot_seed(self, seed: int | None = None) -> None:
        """Seed the drawing of shots.

        Args:
            seed: The seed.
        """
        self.fewshot_rnd = random.Random(seed)

    @staticmethod
    def resolve_field(doc: Mapping[str, Any], field: str | None = None) -> Any:
        """Return a column of a doc, or a template rendered over it; None for None."""
        return None if field is None else text_reader(field, doc, has_choices=False)(doc)


def _bypass(doc: Any, results: Iterable[Any]) -> dict[str, Any]:
    return {"bypass": 999}
