"""DROP: gather the accepted answers of a question, and score by exact match and by tokens."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lm_eval.tasks.shared.pairing import best_pairing

if TYPE_CHECKING:
    from datasets import Dataset

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def process_docs(dataset: Dataset) -> Dataset:
    """Add the accepted answers, each a list of spans.

    Args:
        dataset: Rows with an ``answer`` and ``validated_answers`` of further annotators.

    Returns:
        Rows with ``id`` and ``answers``.
    """
    return dataset.map(lambda doc: {"id": doc["query_id"], "answers": _accepted(doc)})


def _accepted(doc: dict[str, Any]) -> list[list[str]]:
    validated = doc["validated_answers"]
    candidates = [doc["answer"]] + [
        {"number": number, "date": date, "spans": spans}
        for number, date, spans in zip(validated["number"], validated["date"], validated["spans"], strict=True)
    ]
    # A dict keeps the first of equal answers, in order.
    return [list(spans) for spans in dict.fromkeys(map(_spans, candidates))]


def _spans(answer: dict[str, Any]) -> tuple[str, ...]:
    """Return the spans of an answer: a number, spans of the passage, or a date."""
    if answer["number"] != "":
        return (str(answer["number"]),)
    if answer["spans"]:
        return tuple(answer["spans"])
    date = answer["date"]
    return (f"{date['day']} {date['month']} {date['year']}".strip(),)


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Score a response against the accepted answer that gives the best score.

    Args:
        doc: A row from :func:`process_docs`.
        results: The one response.

    Returns:
        Exact match ``em`` and token overlap ``f1``.
    """
    scores = [_score(results[0], answer) for answer in doc["answers"] if answer[0].strip()]
    return {"em": max((em for em, _ in scores), default=0.0), "f1": max((f1 for _, f1 in scores), default=0.0)}


def _score(response: str, answer: Sequence[str]) -> tuple[float, float]:
    """Compare a response, which is one span, with an answer; further spans of the answer count 0."""
    predicted = _normalize(response)
    gold = [_normalize(span) for span in answer]
    best = max(_overlap(set(predicted.split()), set(span.split())) for span in gold)
    return float(gold == [predicted]), round(best / len(gold), 2)


def _overlap(predicted: set[str], gold: set[str]) -> float:
    """Return the F1 of two bags of words; 0 if the gold one has numbers and none of them is predicted."""
    numbers = {word for word in gold if _is_number(word)}
    if numbers and not numbers & predicted:
        return 0.0
    common = len(predicted & gold)
    precision = common / len(predicted) if predicted else 1.0
    recall = common / len(gold) if gold else 1.0
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _normalize(text: str) -> str:
    """Return the words in lower case, without punctuation and articles, and numbers in one form."""
    tokens = (_normalize_token(token) for token in re.split(" |-", text.lower()))
    return " ".join(token for token in tokens if token)


def _normalize_token(token: str) -> str:
    if not _is_number(token):
        token = token.translate(_PUNCTUATION)
    if _is_number(token):
        token = str(float(token))
    return " ".join(_ARTICLES.sub(" ", token).split())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def get_metrics(predicted: str | Sequence[str], gold: str | Sequence[str]) -> tuple[float, float]:
    """Compare the spans of two answers, each with the span of the other that fits best.

    Args:
        predicted: The spans of the model, or one.
        gold: The accepted spans, or one.

    Returns:
        Exact match and token overlap.
    """
    said = [_normalize(span) for span in ([predicted] if isinstance(predicted, str) else predicted)]
    meant = [_normalize(span) for span in ([gold] if isinstance(gold, str) else gold)]
    scores = [[_overlap(set(one.split()), set(other.split())) for one in said] for other in meant]
    equal = set(said) == set(meant) and len(said) == len(meant)
    return float(equal), round(best_pairing(scores) / max(len(said), len(meant)), 2)


# The names that task folders import from here.
parse_answer = _spans


def get_answers(doc: dict[str, Any]) -> list[tuple[str, ...]]:
    """Return the accepted answers, each once.

    Args:
        doc: A row with ``answer`` and ``validated_answers``.
    """
    return [tuple(spans) for spans in _accepted(doc)]
