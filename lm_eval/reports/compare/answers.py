"""Describe the answer and the target of a document in a few words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lm_eval.api.result_keys import MUTUAL_INFORMATION
from lm_eval.reports.columns import shorten_middle
from lm_eval.results import Request, Sample
from lm_eval.results.json_values import as_list
from lm_eval.results.sample import read_log_likelihood

__all__ = ["answer_of", "target_of"]

_MAX_LENGTH = 300
_OVER_REPEATS = re.compile(r"_(?:mean|pass|maj)@[0-9]+$")


def answer_of(sample: Sample, metric: str) -> str:
    """Describe what a run answered, as its metric saw it.

    Args:
        sample: The sample.
        metric: The metric; ``acc_norm`` and ``acc_bytes`` divide log-likelihoods by the length of the choice, other
            metrics do not.

    Returns:
        One line: the filtered text, for scores such as ``exact_match_maj@8`` that of each repeat, the chosen choice or
        the log-likelihood; empty when the sample does not say.
    """
    if sample.repeats is not None and _OVER_REPEATS.search(metric):
        return _line(" | ".join(map(str, sample.repeats.filtered)))
    answers = as_list(sample.filtered)
    if not answers:
        return _line("" if sample.filtered is None else sample.filtered)
    scores = _log_likelihoods(answers)
    if len(scores) < len(answers):
        return _line(_innermost(answers))
    if len(scores) == 1:
        return f"log-likelihood {scores[0]:.4g}"
    choices, alone = _choices(sample.requests), scores[len(sample.requests) :]
    if not choices or len(scores) != len(sample.all_requests):
        return ""
    if metric == MUTUAL_INFORMATION:
        scores = [score - unconditional for score, unconditional in zip(scores, alone, strict=False)]
    best = max(range(len(choices)), key=lambda index: scores[index] / _length(choices[index], metric))
    return _name(best, choices)


def target_of(sample: Sample) -> str:
    """Describe the right answer.

    Args:
        sample: The sample.

    Returns:
        The target on one line; for a choice its index and its text.
    """
    target, choices = sample.target, _choices(sample.requests)
    text = str(target)
    if text.isdecimal() and not isinstance(target, bool) and int(text) < len(choices) > 1:
        return _name(int(text), choices)
    return _line(target)


def _name(index: int, choices: Sequence[str]) -> str:
    # Choices that all have the same continuation differ in their prompts.
    return _line(f"{index} {choices[index]}" if len(set(choices)) > 1 else str(index))


def _choices(requests: Sequence[Request]) -> list[str]:
    """Return the continuation of each request; nothing when a request has none."""
    found = [request.continuation for request in requests]
    return [text for text in found if text is not None] if None not in found else []


def _length(choice: str, metric: str) -> int:
    text = choice.lstrip()
    if metric == "acc_bytes":
        return max(1, len(text.encode("utf-8", "surrogatepass")))
    return max(1, len(text)) if metric == "acc_norm" else 1


def _log_likelihoods(answers: Sequence[object]) -> list[float]:
    """Return the log-likelihoods among answers; an integer is an answer that a filter extracted."""
    read = [read_log_likelihood(answer) for answer in answers if not isinstance(answer, int)]
    return [found.value for found in read if found is not None and found.value is not None]


def _innermost(value: object) -> object:
    while isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    return value


def _line(value: object) -> str:
    text = shorten_middle(" ".join(str(value).split()), _MAX_LENGTH)
    # What a model wrote must not control the terminal, and lone surrogates cannot be printed at all.
    if not text.isprintable():
        text = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    return text
