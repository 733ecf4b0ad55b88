"""SQuAD 2.0: the scores of answers, and the task, which sends two requests per document."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import exp
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask
from lm_eval.tasks.shared.squad import best, exact, f1, normalize

_UNANSWERABLE = "unanswerable"
_SETTINGS: dict[str, Any] = {
    "task": "squadv2",
    "dataset_path": "lighteval/squad_v2",
    "training_split": "train",
    "validation_split": "validation",
    "doc_to_text": "Title: {{title}}\n\nBackground: {{context}}\n\nQuestion: {{question}}\n\nAnswer:",
    "doc_to_target": f"{{{{answers.text[0] if answers.text else '{_UNANSWERABLE}'}}}}",
    "cluster_key": "context",
    "should_decontaminate": True,
    "doc_to_decontamination_query": "context",
    "metadata": {"version": 3},
}
_SCORES = ("exact", "f1", "HasAns_exact", "HasAns_f1", "NoAns_exact", "NoAns_f1", "best_exact", "best_f1")


class SQuAD2(ConfigurableTask):
    """Asks for an answer, and for the log-likelihood of "unanswerable"."""

    VERSION = 3

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        """Create the task.

        Args:
            config: Settings that replace the task's.
        """
        given = {key: value for key, value in (config or {}).items() if key != "class"}
        super().__init__(config={**_SETTINGS, **given})

    def construct_requests(self, doc: Any, ctx: Any, **kwargs: Any) -> list[Instance]:
        """Create the two requests of a document.

        Args:
            doc: A row with ``id`` and ``answers``.
            ctx: The prompt.
            **kwargs: Fields of the Instances.

        Returns:
            A generation up to the end of the line, and a log-likelihood.
        """
        kwargs = {key: value for key, value in kwargs.items() if key not in ("apply_chat_template", "chat_template")}
        asked: tuple[tuple[Any, Any], ...] = (
            ("generate_until", {"until": ["\n"]}),
            ("loglikelihood", f" {_UNANSWERABLE}"),
        )
        return [Instance(request_type=kind, doc=doc, arguments=(ctx, what), idx=0, **kwargs) for kind, what in asked]

    def process_results(self, doc: Any, results: Sequence[Any]) -> dict[str, Any]:
        """Return the inputs of the scores over all documents.

        Args:
            doc: A row with ``answers``.
            results: The generated text, and the log-likelihood with its flag.

        Returns:
            Under the name of each score: the prediction, the accepted answers, the probability of no answer.
        """
        text, (logprob, _) = results
        return dict.fromkeys(_SCORES, (text, list(doc["answers"]["text"]), exp(logprob)))

    def aggregation(self) -> dict[str, Callable[[Sequence[Any]], float]]:
        """Return the function of each score."""
        return {name: partial(squad_score, name) for name in _SCORES}

    def higher_is_better(self) -> dict[str, bool]:
        """All scores are better when higher."""
        return dict.fromkeys(_SCORES, True)


def squad_score(name: str, items: Sequence[tuple[str, Sequence[str], float]]) -> float:
    """Compute a score of the official evaluation (Rajpurkar et al., 2018), in percent.

    Args:
        name: ``exact`` or ``f1``; with ``HasAns_`` or ``NoAns_`` over the questions with or without an answer;
            with ``best_`` over all, if the questions whose probability of no answer is above the best threshold
            are taken as unanswerable.
        items: Per document: the prediction, the accepted answers and the probability of no answer.

    Returns:
        The mean; 0 if there is no such question.
    """
    part, _, measure = name.rpartition("_")
    score = {"exact": exact, "f1": f1}[measure]
    if part == "best":
        return _best(score, items)
    if part:
        items = [item for item in items if bool(item[1]) == (part == "HasAns")]
    return 100.0 * sum(_against_all(score, item) for item in items) / len(items) if items else 0


def _against_all(score: Callable[[str, str], float], item: tuple[str, Sequence[str], float]) -> float:
    """Score a prediction against the accepted answer that gives the best score."""
    text, answers, _ = item
    return best(score, [answer for answer in answers if normalize(answer)] or [""], text)


def _best(score: Callable[[str, str], float], items: Sequence[tuple[str, Sequence[str], float]]) -> float:
    """Start with all questions unanswerable, and answer them in the order of confidence."""
    highest = current = float(sum(not answers for _, answers, _ in items))
    # Single precision, as in the official evaluation: the precision decides which probabilities are equal.
    for item in sorted(items, key=lambda item: struct.unpack("f", struct.pack("f", item[2]))):
        text, answers, _ = item
        current += _against_all(score, item) if answers else -bool(text)
        highest = max(highest, current)
    return 100.0 * highest / len(items)
