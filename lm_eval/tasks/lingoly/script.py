"""The scores of LingOly."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Mapping, Sequence

__all__ = ["aggregate_metrics", "aggregate_scores", "exact_match"]

_QUOTES = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"'})


def exact_match(references: Sequence[str], predictions: Sequence[str]) -> list[float]:
    """Score each part of a question.

    Args:
        references: The accepted answers, one dict of part to answer, written as Python.
        predictions: The response, one.

    Returns:
        1 or 0 for each part.
    """
    accepted: dict[str, str] = ast.literal_eval(references[0])
    given = _read(predictions[0], accepted)
    return [float(_matches(str(given.get(part, "")), answer)) for part, answer in accepted.items()]


def aggregate_scores(scores: Sequence[Sequence[float]]) -> float:
    """Average over all parts of all questions.

    Args:
        scores: The scores of each question's parts.
    """
    return sum(map(sum, scores)) / sum(map(len, scores))


def aggregate_metrics(metrics_scores: Sequence[float], dataset_size: Sequence[int], weight_by_size: bool) -> float:
    """Return the score with context minus the score without.

    Args:
        metrics_scores: Both scores.
        dataset_size: The numbers of documents, which do not matter.
        weight_by_size: Does not matter either.
    """
    return metrics_scores[0] - metrics_scores[1]


def _read(response: str, parts: Mapping[str, str]) -> Mapping[str, object]:
    """Read the dict of a response; of text that is no dict, find the quoted value after each part's name."""
    start = response.find("{")
    if start >= 0:
        text = response[start:] if response.endswith("}") else response[start:] + "}"
        try:
            value = ast.literal_eval(text)
        except (SyntaxError, TypeError, ValueError, MemoryError, RecursionError):
            value = None
        if isinstance(value, dict):
            return value
    return {part: _after(response, str(part)) for part in parts}


def _after(response: str, part: str) -> str:
    """Return the name with the value after it, as the reference harness does; so an answer found here never matches."""
    name = re.escape(part)
    found = re.search(name + r"""': ([^']+)'[,\}]""", response) or re.search(name + r"""": ([^"]+)"[,\}]""", response)
    return found.group()[:-1] if found else ""


def _matches(given: str, accepted: str) -> bool:
    """Return whether an answer is the accepted one, or one of the accepted ones if they are written as a list."""
    if not accepted:
        return True
    if not given:
        return False
    return any(not answer or answer == _cleaned(given) for answer in map(_cleaned, _alternatives(accepted)))


def _alternatives(accepted: str) -> list[str]:
    if "[" in accepted and ("'" in accepted or '"' in accepted):
        value = ast.literal_eval(accepted)
        if isinstance(value, list):
            return [", ".join(item) if isinstance(item, list) else item for item in value]
    return [accepted]


def _cleaned(answer: str) -> str:
    text = re.sub(" +", " ", answer.strip().strip(".")).lower().replace("+", "").translate(_QUOTES)
    return unicodedata.normalize("NFKD", text)
