"""A doc's answer and target in a few words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval.reports.columns import shorten_middle

__all__ = ["answer_of", "target_of"]

_LONGEST = 300
_OVER_REPEATS = re.compile(r"_(?:mean|pass|maj)@[0-9]+$")


def answer_of(sample: Mapping[str, Any], metric: str) -> str:
    """Say what a run answered, as its metric saw it.

    Args:
        sample: The sample.
        metric: The metric; ``acc_norm`` and ``acc_bytes`` judge choices by their length, others do not.

    Returns:
        The filtered text, of scores such as ``exact_match_maj@8`` that of each repeat, the chosen choice, or the
        log-likelihood, on one line; empty when it cannot be told.
    """
    repeats = sample.get("repeats")
    if isinstance(repeats, Mapping) and _OVER_REPEATS.search(metric):
        return _line(" | ".join(map(str, repeats.get("filtered") or ())))
    responses = sample.get("filtered_resps")
    if not isinstance(responses, Sequence) or isinstance(responses, str) or not responses:
        return _line("" if responses is None else responses)
    scores = [_log_likelihood(response) for response in responses]
    known = [score for score in scores if score is not None]
    if len(known) < len(scores):
        return _line(_innermost(responses))
    if len(known) == 1:
        return f"log-likelihood {known[0]:.4g}"
    choices = _choices(sample)
    if len(choices) != len(known):
        return ""
    if "acc_mutual_info" in sample:
        # The second half asks about the same choices without the question.
        half = len(known) // 2
        if metric == "acc_mutual_info":
            known = [score - alone for score, alone in zip(known, known[half:], strict=False)]
        known, choices = known[:half], choices[:half]
    lengths = [_length(choice, metric) for choice in choices]
    best = max(range(len(known)), key=lambda index: known[index] / lengths[index], default=None)
    return "" if best is None else _named(best, choices)


def target_of(sample: Mapping[str, Any]) -> str:
    """Say what was right.

    Args:
        sample: The sample.

    Returns:
        The target on one line; of a choice also its text.
    """
    target, choices = sample.get("target"), _choices(sample)
    text = str(target)
    if text.isdecimal() and not isinstance(target, bool) and int(text) < len(choices) > 1:
        return _named(int(text), choices)
    return _line(target)


def _named(index: int, choices: Sequence[str]) -> str:
    # Choices that all have the same continuation differ in their prompts.
    return _line(f"{index} {choices[index]}" if len(set(choices)) > 1 else str(index))


def _choices(sample: Mapping[str, Any]) -> list[str]:
    arguments = sample.get("arguments") or ()
    found = []
    for request in arguments.values() if isinstance(arguments, Mapping) else arguments:
        parts = list(request.values()) if isinstance(request, Mapping) else list(request)
        if len(parts) < 2 or not isinstance(parts[1], str):
            return []
        found.append(parts[1])
    return found


def _length(choice: str, metric: str) -> int:
    text = choice.lstrip()
    if metric == "acc_bytes":
        return max(1, len(text.encode("utf-8", "surrogatepass")))
    return max(1, len(text)) if metric == "acc_norm" else 1


def _log_likelihood(response: Any) -> float | None:
    """Read a log-likelihood from a pair with whether it is greedy; the reference harness writes both as text."""
    pair = isinstance(response, Sequence) and not isinstance(response, str) and len(response) == 2
    value = response[0] if pair and str(response[1]) in ("True", "False") else response
    if isinstance(value, float) or (pair and isinstance(value, str)):
        try:
            return float(value)
        except ValueError:
            return None
    return None


def _innermost(value: Any) -> Any:
    while isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 1:
        value = value[0]
    return value


def _line(value: Any) -> str:
    text = shorten_middle(" ".join(str(value).split()), _LONGEST)
    # What a model wrote must not steer a terminal, and lone surrogates cannot be printed at all.
    if not text.isprintable():
        text = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    return text
