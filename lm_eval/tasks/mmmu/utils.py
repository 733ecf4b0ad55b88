"""MMMU: prompts with images, and the option or the short answer that a response gives, by the rules of its authors."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from typing import Any

from lm_eval.tasks.shared.named_choice import BRACKETED_OR_ALONE, named_choice

__all__ = ["doc_to_image", "doc_to_text", "parse_multi_choice_response", "parse_open_response", "process_results"]

Doc = dict[str, Any]
Value = str | float

_LETTERS = "ABCDEFGHI"
_IMAGE = re.compile("<image [1-7]>")
_NUMBERS = (
    re.compile(r"-?\b\d{1,3}(?:,\d{3})+\b"),
    re.compile(r"-?\d+(?:\.\d+)?[eE][+-]?\d+"),
    re.compile(r"-?(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d])"),
)
"""Numbers with commas, in scientific notation, and plain."""
_BEFORE_ANSWERS = ("could be ", "so ", "is ", "thus ", "therefore ", "final ", "answer ", "result ")
_ONLY_MARKS = frozenset(":,.!?;'")


def _options(doc: Doc) -> list[str]:
    options: list[str] = ast.literal_eval(doc["options"])
    return options


def _prompt(doc: Doc) -> str:
    if doc["question_type"] != "multiple-choice":
        return f"{doc['question']}\n\nAnswer the question using a single word or phrase."
    lines = "\n".join(f"({chr(ord('A') + place)}) {option}" for place, option in enumerate(_options(doc)))
    return f"{doc['question']}\n\n{lines}\n\nAnswer with the option's letter from the given choices directly."


def doc_to_text(doc: Doc) -> str:
    """Write the question, with ``<image>`` where an image belongs.

    Args:
        doc: The document.
    """
    return _IMAGE.sub("<image>", _prompt(doc))


def doc_to_image(doc: Doc) -> list[Any]:
    """Return the images in the order in which the prompt names them; one may occur several times.

    Args:
        doc: The document.
    """
    return [doc[name.strip("<>").replace(" ", "_")] for name in _IMAGE.findall(_prompt(doc))]


def process_results(doc: Doc, results: Sequence[str]) -> dict[str, float]:
    """Score 1 if the response gives the right option or answer.

    Args:
        doc: The document.
        results: The response.
    """
    gold = doc["answer"]
    if doc["question_type"] == "multiple-choice":
        options = _options(doc)
        named = dict(zip(_LETTERS, options, strict=False))
        chosen = parse_multi_choice_response(results[0], list(_LETTERS[: len(options)]), named)
        return {"acc": float(chosen in gold if isinstance(gold, list) else chosen == gold)}
    golds = [value for text in (gold if isinstance(gold, list) else [gold]) for value in _normalized(text)]
    return {"acc": float(any(_is_one_of(value, golds) for value in parse_open_response(results[0])))}


def parse_multi_choice_response(response: str, all_choices: Sequence[str], index2ans: dict[str, str]) -> str:
    """Find the letter that a response chooses.

    Args:
        response: The response.
        all_choices: The letters.
        index2ans: Letter to the text of its option.

    Returns:
        The letter that stands last in brackets, else the one that stands last alone, else the one whose text stands
        last in a response of more than five words. Without any of them it is a guess, drawn with the run's seed.
    """
    return named_choice(response, {letter: index2ans[letter] for letter in all_choices}, BRACKETED_OR_ALONE)


def parse_open_response(response: str) -> list[Value]:
    """Find what a response may give as its answer.

    Args:
        response: The response.

    Returns:
        The ends of its sentences after words such as "is", and the numbers in them; each normalized.
    """
    parts = _answers_in(response)
    numbers = [number for part in parts for pattern in _NUMBERS for number in pattern.findall(part)]
    return list(dict.fromkeys(value for text in (*parts, *numbers) for value in _normalized(text)))


def _answers_in(response: str) -> list[str]:
    whole = response.strip().strip(".").lower()
    lines = re.split(r"\.\s(?=[A-Z])|\n", whole)
    found = []
    for number, line in enumerate(lines):
        # The last line may be an equation.
        openings = (*_BEFORE_ANSWERS, "=") if number == len(lines) - 1 else _BEFORE_ANSWERS
        shortest = ""
        for end in (line.split(opening)[-1].strip() for opening in openings if opening in line):
            if not shortest or len(end) < len(shortest):
                shortest = end
        if shortest and shortest not in _ONLY_MARKS:
            found.append(shortest)
    return found or [whole]


def _normalized(text: str) -> list[Value]:
    """Return a number rounded to two digits, or a text in lower case; a single character with a blank beside it."""
    text = text.strip()
    try:
        return [round(float(text.replace(",", "")), 2)]
    except ValueError:
        text = text.lower()
        return [f" {text}", f"{text} "] if len(text) == 1 else [text]


def _is_one_of(value: Value, golds: Sequence[Value]) -> bool:
    if isinstance(value, str):
        return any(isinstance(gold, str) and gold in value for gold in golds)
    return value in golds
