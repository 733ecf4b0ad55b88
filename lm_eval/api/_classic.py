"""Bases of Python tasks that are not configured by a file."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lm_eval.api._base import Task
from lm_eval.api._metric_specs import MetricSpec
from lm_eval.api._scoring import score_choices, score_rolling
from lm_eval.api.instance import Instance
from lm_eval.api.registry import get_aggregation
from lm_eval.errors import ConfigError

__all__ = ["MultipleChoiceTask", "PerplexityTask"]


def _named(*names: str) -> dict[str, MetricSpec]:
    return {name: MetricSpec(name, None, None) for name in names}


class MultipleChoiceTask(Task, ABC):
    """A task whose docs have ``choices`` and the place of the right one, ``gold``."""

    def doc_to_target(self, doc: Any) -> Any:
        """Return the right choice with a space before it."""
        return " " + doc["choices"][doc["gold"]]

    def construct_requests(self, doc: Any, ctx: Any, **kwargs: Any) -> list[Instance]:
        """Ask for the log-likelihood of each choice."""
        kwargs = {key: value for key, value in kwargs.items() if key not in ("apply_chat_template", "chat_template")}
        return [
            Instance(request_type="loglikelihood", doc=doc, arguments=(ctx, f" {choice}"), idx=index, **kwargs)
            for index, choice in enumerate(doc["choices"])
        ]

    def process_results(self, doc: Any, results: Iterable[tuple[float, bool]]) -> dict[str, Any]:
        """Score by ``acc`` and ``acc_norm``."""
        return score_choices(_named("acc", "acc_norm"), list(results), doc["choices"], doc["gold"])

    def aggregation(self) -> Mapping[str, Callable[[Any], Any]]:
        """Average both."""
        return {"acc": get_aggregation("mean"), "acc_norm": get_aggregation("mean")}

    def higher_is_better(self) -> Mapping[str, Any]:
        """Both are better when higher."""
        return {"acc": True, "acc_norm": True}


class PerplexityTask(Task, ABC):
    """A task that asks for the log-likelihood of whole texts."""

    OUTPUT_TYPE = "loglikelihood_rolling"

    def has_training_docs(self) -> bool:
        """There are no shots, so no training split."""
        return False

    def fewshot_examples(self, k: int, rnd: Any) -> list[Any]:
        """Return no shots."""
        _no_shots(k)
        return []

    def fewshot_context(
        self, doc: Any, num_fewshot: int, rnd: Any = None, description: str | None = None, **kwargs: Any
    ) -> str:
        """Return the empty prompt."""
        _no_shots(num_fewshot)
        return ""

    def doc_to_decontamination_query(self, doc: Any) -> Any:
        """Return the text."""
        return doc

    def doc_to_text(self, doc: Any) -> Any:
        """Return the empty prompt."""
        return ""

    def doc_to_target(self, doc: Any) -> Any:
        """Return the text."""
        return doc

    def construct_requests(self, doc: Any, ctx: Any, **kwargs: Any) -> Instance:
        """Ask for the log-likelihood of the text."""
        if ctx:
            raise ConfigError("A perplexity task has no prompt.")
        kwargs = {key: value for key, value in kwargs.items() if key not in ("apply_chat_template", "chat_template")}
        return Instance(
            request_type="loglikelihood_rolling", doc=doc, arguments=(self.doc_to_target(doc),), idx=0, **kwargs
        )

    def process_results(self, doc: Any, results: Any) -> dict[str, Any]:
        """Score per word and per byte."""
        (loglikelihood,) = results
        metrics = _named("word_perplexity", "byte_perplexity", "bits_per_byte")
        return score_rolling(metrics, loglikelihood, self.doc_to_target(doc))

    def aggregation(self) -> Mapping[str, Callable[[Any], Any]]:
        """Weigh by words and by bytes."""
        return {
            "word_perplexity": get_aggregation("weighted_perplexity"),
            "byte_perplexity": get_aggregation("weighted_perplexity"),
            "bits_per_byte": get_aggregation("bits_per_byte"),
        }

    def higher_is_better(self) -> Mapping[str, Any]:
        """All are better when lower."""
        return {"word_perplexity": False, "byte_perplexity": False, "bits_per_byte": False}


def _no_shots(count: int) -> None:
    if count != 0:
        raise ConfigError("The number of shots must be 0 for perplexity tasks.")
