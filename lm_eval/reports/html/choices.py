"""The choices of a multiple-choice document: their log-likelihoods, the right one and the chosen one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from lm_eval.reports.html.lines import common_start
from lm_eval.reports.html.packing import finite
from lm_eval.results import Request

__all__ = ["Choice", "choices_of", "gold", "label", "likeliest"]


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice as the page shows it.

    Attributes:
        text: The continuation, without the delimiter before it.
        log_likelihood: Its log-likelihood; None when it is not known or not finite.
        is_greedy: Whether greedy decoding would give the text; None when that is not known.
        prompt: The index of its prompt among the document's prompts.
        per_character: The log-likelihood divided by the number of characters; None when no metric uses it.
    """

    text: str
    log_likelihood: float | int | None
    is_greedy: bool | None
    prompt: int
    per_character: float | None

    def row(self) -> list[object]:
        """Return the attributes in order, for the page."""
        return list(astuple(self))


def choices_of(
    requests: Sequence[Request], places: Sequence[int], delimiter: str, *, per_character: bool
) -> list[Choice]:
    """Read the choices of a document.

    Args:
        requests: The requests of the document.
        places: The index of each request's prompt among the document's prompts.
        delimiter: The text between a prompt and a choice.
        per_character: Whether a metric divides log-likelihoods by the number of characters.

    Returns:
        One choice per request. Empty when the requests ask for text: none has a log-likelihood as its response, or, of
        requests without responses, one has no continuation.
    """
    scored = [request.log_likelihood for request in requests]
    if not any(scored) and (
        any(request.responses or request.continuation is None for request in requests) or not requests
    ):
        return []
    choices = []
    for request, found, place in zip(requests, scored, places, strict=True):
        text = (request.continuation or "").removeprefix(delimiter)
        value = finite(found.value) if found else None
        share = value / len(text) if per_character and text and value is not None else None
        choices.append(Choice(text, value, found.is_greedy if found else None, place, share))
    return choices


def likeliest(choices: Sequence[Choice]) -> int | None:
    """Return the index of the choice with the highest log-likelihood; None when none is known.

    Args:
        choices: The choices.
    """
    known = [
        (choice.log_likelihood, -index) for index, choice in enumerate(choices) if choice.log_likelihood is not None
    ]
    return -max(known)[1] if known else None


def label(choices: Sequence[Choice], index: int, questions: Sequence[str]) -> str:
    """Name a choice by its text, or by its prompt where only the prompts differ.

    Args:
        choices: The choices.
        index: The index of the choice to name.
        questions: The questions of the document's prompts.

    Returns:
        The name; never empty.
    """
    text = choices[index].text
    if len({choice.text for choice in choices}) == 1 and len(questions) > 1:
        text = questions[choices[index].prompt][common_start(questions).rfind(" ") + 1 :]
    return text.strip() or f"choice {index}"


def gold(target: object, texts: Sequence[str], chosen: int | None, accuracy: object) -> list[int]:
    """Find the right choices.

    Args:
        target: The sample's target: an index, its digits, the choice's text, or a list of indices.
        texts: The choices.
        chosen: The likeliest choice.
        accuracy: The sample's ``acc``. It decides where the target does not: 1 makes the chosen choice the right one,
            and of two choices 0 makes the other one right.

    Returns:
        Their indices; empty when the sample does not show which choices are right.
    """
    targets = target if isinstance(target, list) else [target]
    found = [place for entry in targets if (place := _place(entry, texts)) is not None]
    if found or chosen is None or len(texts) < 2:
        return found
    if accuracy == 1:
        return [chosen]
    return [1 - chosen] if accuracy == 0 and len(texts) == 2 else []


def _place(entry: object, texts: Sequence[str]) -> int | None:
    if isinstance(entry, bool):
        entry = int(entry)
    if isinstance(entry, str):
        stripped = [text.strip() for text in texts]
        if stripped.count(entry.strip()) == 1:
            return stripped.index(entry.strip())
        if not entry.strip().isdigit() or len(set(stripped)) < len(texts):
            return None
        entry = int(entry)
    return entry if isinstance(entry, int) and 0 <= entry < len(texts) else None
