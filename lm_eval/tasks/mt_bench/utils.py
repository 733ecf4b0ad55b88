"""MT-Bench: two turns of a conversation, and a rating of the answer to each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lm_eval.api.verdicts import Judgement

__all__ = ["by_turn", "turns"]

Doc = dict[str, Any]


def turns(doc: Doc) -> list[dict[str, str | None]]:
    """Write both questions as a conversation; the model writes the answer between them.

    Args:
        doc: The document, with both questions in the column ``prompt``.
    """
    first, second = doc["prompt"]
    return [
        {"role": "user", "content": first},
        {"role": "assistant", "content": None},
        {"role": "user", "content": second},
    ]


def by_turn(doc: Doc, judgement: Judgement) -> dict[str, float]:
    """Return the rating of each turn, the mean over judges and repeats of judge and model, and the mean of both turns.

    Args:
        doc: The document.
        judgement: Its verdicts.
    """
    ratings: dict[int, list[float]] = {0: [], 1: []}
    answers = 1 + max(verdict.answer for verdict in judgement.verdicts)
    for verdict in judgement.verdicts:
        if verdict.score is not None:
            ratings[verdict.answer * 2 // answers].append(verdict.score)
    one, two = (sum(scores) / len(scores) for scores in ratings.values())
    return {"mt_bench": (one + two) / 2, "turn_1": one, "turn_2": two}


def _of_category(category: str, docs: Any) -> Any:
    return docs.filter(lambda doc: doc["category"] == category)


def __getattr__(category: str) -> Callable[[Any], Any]:
    if category.startswith("_"):
        raise AttributeError(category)
    return partial(_of_category, category)
