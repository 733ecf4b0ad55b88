"""Base classes of Python tasks without a config: multiple choice, and perplexity of texts."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval.api.base_task import Task
from lm_eval.api.instance import Doc, Instance
from lm_eval.api.registry import Aggregation
from lm_eval.api.task_parts.scoring import Metrics
from lm_eval.errors import ConfigError

__all__ = ["MultipleChoiceTask", "PerplexityTask"]

_CHOICE = ("acc", "acc_norm")
_ROLLING = ("word_perplexity", "byte_perplexity", "bits_per_byte")


def _fields_of_instance(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the settings of the run."""
    return {key: value for key, value in kwargs.items() if key not in ("apply_chat_template", "chat_template")}


class MultipleChoiceTask(Task, ABC):
    """A task whose documents have ``choices`` and ``gold``, the index of the right choice."""

    def doc_to_target(self, doc: Doc) -> str:
        """Return the right choice after a space."""
        return f" {doc['choices'][doc['gold']]}"

    def construct_requests(self, doc: Doc, ctx: object, **kwargs: Any) -> list[Instance]:
        """Ask for the log-likelihood of each choice."""
        rest = _fields_of_instance(kwargs)
        return [
            Instance(request_type="loglikelihood", doc=doc, arguments=(ctx, f" {choice}"), idx=index, **rest)
            for index, choice in enumerate(doc["choices"])
        ]

    def process_results(self, doc: Doc, results: Sequence[tuple[float, bool]]) -> dict[str, Any]:
        """Score by ``acc`` and ``acc_norm``."""
        return Metrics.named(*_CHOICE).score_choices(list(results), doc["choices"], doc["gold"])

    def aggregation(self) -> Mapping[str, Aggregation]:
        """Return the mean for both metrics."""
        return Metrics.named(*_CHOICE).aggregation()

    def higher_is_better(self) -> Mapping[str, bool | None]:
        """Return True for both metrics."""
        return Metrics.named(*_CHOICE).higher_is_better()


class PerplexityTask(Task, ABC):
    """A task that asks for the log-likelihood of complete texts; each document is a text unless overridden."""

    OUTPUT_TYPE = "loglikelihood_rolling"

    def has_training_docs(self) -> bool:
        """Return False: there are no few-shot examples."""
        return False

    def fewshot_examples(self, k: int, rnd: object) -> list[Doc]:
        """Return no examples."""
        _refuse_shots(k)
        return []

    def fewshot_context(
        self, doc: Doc | str, num_fewshot: int, rnd: object = None, description: str | None = None, **kwargs: object
    ) -> str:
        """Return the empty prompt."""
        _refuse_shots(num_fewshot)
        return ""

    def doc_to_decontamination_query(self, doc: Doc | str) -> object:
        """Return the text."""
        return doc

    def doc_to_text(self, doc: Doc | str) -> str:
        """Return the empty prompt."""
        return ""

    def doc_to_target(self, doc: Doc | str) -> Any:
        """Return the text."""
        return doc

    def construct_requests(self, doc: Doc, ctx: object, **kwargs: Any) -> Instance:
        """Ask for the log-likelihood of the text."""
        if ctx:
            raise ConfigError("A perplexity task has no prompt.")
        text = self.doc_to_target(doc)
        rest = _fields_of_instance(kwargs)
        return Instance(request_type="loglikelihood_rolling", doc=doc, arguments=(text,), idx=0, **rest)

    def process_results(self, doc: Doc | str, results: Sequence[float]) -> dict[str, Any]:
        """Score per word and per byte."""
        (loglikelihood,) = results
        return Metrics.named(*_ROLLING).score_rolling(loglikelihood, self.doc_to_target(doc))

    def aggregation(self) -> Mapping[str, Aggregation]:
        """Return the aggregations that weight documents by words or by bytes."""
        return Metrics.named(*_ROLLING).aggregation()

    def higher_is_better(self) -> Mapping[str, bool | None]:
        """Return False for all metrics."""
        return Metrics.named(*_ROLLING).higher_is_better()


def _refuse_shots(count: int) -> None:
    if count != 0:
        raise ConfigError("The number of shots must be 0 for perplexity tasks.")
