"""Takes the chosen answer out of what a model wrote."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence

__all__ = ["UNPARSABLE", "choice_in", "final_answer", "match_text"]

UNPARSABLE = "[invalid]"
"""Stands for the answer where a text names none."""

_SAYS = re.compile(
    r"(?i)\b(?:answer|choice|option)(?:\s+to\b[^.\n]{0,80}?)?\s*(?:\*\*)?\s*(?:is|would be|:|=)"
    r"|答案[是为:]*|정답[은:]*"
)
_FINAL = re.compile(r"(?i)\bfinal answer(?:\s+to\b[^.\n]{0,80}?)?\s*(?:\*\*)?\s*(?:is|:|=)")
_OPENERS = r"[\s:*_`$\"'\u201c\u2018(\[{\u3010\\]*"
_WRAPPED = re.compile(
    rf"^{_OPENERS}(?:\\?(?:boxed|text|textbf|mathrm)\{{|(?:option|choice|letter|answer)\b)?{_OPENERS}"
)
_BOXED = re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_LINKS = r"\s+(?:because|since|as|and|due|for|which|that)\b"
_MARKED = r"(?:\(\s*({0})\s*\)|\*\*\s*\(?({0})\)?[.:]?\s*\*\*|\[({0})\])"


def choice_in(text: str, labels: Sequence[str], choices: Sequence[str]) -> int | None:
    r"""Find the choice that an answer names.

    What counts, first to last: JSON with ``answer``; the last "answer is …" that names a choice; the last
    ``\\boxed{…}``; a text that is or starts with a label; the only label in brackets or bold; the only label in the
    last line; the text of a choice.

    Args:
        text: What the model wrote.
        labels: The labels of the choices.
        choices: Their texts.

    Returns:
        The index of the choice; None where the text names none, or several.
    """
    text = unicodedata.normalize("NFKC", text).strip()
    for part in _statements(text):
        found = _at_start(part, labels, choices)
        if found is not None:
            return found
    found = _at_start(text, labels, [], strict=True)
    if found is not None:
        return found
    any_label = "|".join(map(re.escape, sorted(labels, key=len, reverse=True)))
    for pattern, where in (
        (_MARKED.format(any_label), text),
        (rf"(?<![\w'\u2019-])({any_label})(?![\w'\u2019-]|\s+[a-z])", text.rpartition("\n")[2]),
    ):
        named = {next(filter(None, match.groups())) for match in re.finditer(pattern, where)}
        if len(named) == 1:
            return labels.index(named.pop())
    return match_text(text, choices)


def _statements(text: str) -> Iterator[str]:
    """Yield what may hold the answer, best first: JSON, what follows "answer is", what is in a box."""
    if text.startswith("{"):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, dict) and "answer" in found:
            yield str(found["answer"])
    says = list(_SAYS.finditer(text))
    for match in reversed(says):
        yield text[match.end() :]
    yield from reversed(_BOXED.findall(text))


def _at_start(text: str, labels: Sequence[str], choices: Sequence[str], *, strict: bool = False) -> int | None:
    """Find the choice at the start of a text; ``strict`` needs the label to stand alone or to be marked."""
    exact = _plain(text)
    for index, choice in enumerate(choices):
        if exact and exact == _plain(choice):
            return index
    opened = _WRAPPED.match(text)
    start = opened.end() if opened else 0
    for index, label in sorted(enumerate(labels), key=lambda pair: -len(pair[1])):
        rest = text[start:]
        if rest[: len(label)].casefold() != label.casefold():
            continue
        if _ends_label(rest[len(label) :], strict or rest[: len(label)] != label or label in ("A", "I")):
            return index
    return _text_at_start(text[start:], choices)


def _ends_label(after: str, careful: bool) -> bool:
    """Whether a label ends here; a careful look tells the label A from the article."""
    if not careful:
        return re.match(r"(?![\w'\u2019])", after) is not None and re.match(r"-\w", after) is None
    return (
        re.match(rf"\s*(?:$|\n|[.,:;)\]}}*\"'\u201d\u2019$`\u3011(](?!\w*['\u2019])|[-\u2013\u2014]\s|{_LINKS})", after)
        is not None
    )


def _text_at_start(text: str, choices: Sequence[str]) -> int | None:
    line = f"{_plain(text.partition(chr(10))[0])} "
    held = [
        (len(_plain(c)), index) for index, c in enumerate(choices) if _plain(c) and line.startswith(_plain(c) + " ")
    ]
    if not held:
        return None
    longest = max(held)[0]
    best = [index for length, index in held if length == longest]
    return best[0] if len(best) == 1 else None


def _plain(text: str) -> str:
    """Return a text without case, punctuation at the ends of words, and double spaces."""
    text = unicodedata.normalize("NFKC", text).casefold().replace(",", "")
    return " ".join(re.sub(r"[^\w.+\-/%°<>=^]+", " ", text).split()).strip(" .-")


def match_text(text: str, choices: Sequence[str]) -> int | None:
    """Find the choice whose text an answer is, or holds.

    Args:
        text: What the model wrote.
        choices: The texts of the choices.

    Returns:
        The index of the only choice that is meant; None where there is none, or several.
    """
    given = _plain(text)
    plain = [_plain(choice) for choice in choices]
    exact = [index for index, choice in enumerate(plain) if choice and choice == given]
    if exact:
        return exact[0] if len(exact) == 1 else None
    words = f" {given} "
    held = [index for index, choice in enumerate(plain) if choice and f" {choice} " in words]
    # A choice inside a longer one that is also there, such as "red" in "dark red", is not meant.
    meant = [i for i in held if not any(plain[i] != plain[o] and f" {plain[i]} " in f" {plain[o]} " for o in held)]
    return meant[0] if len(meant) == 1 else None


def final_answer(text: str) -> str | None:
    r"""Return the final answer that a text states.

    Args:
        text: What the model wrote.

    Returns:
        The line after the last "final answer is", else the last ``\\boxed{…}``, else the line after the last
        "answer is"; None where there is none.
    """
    for pattern in (_FINAL, None, _SAYS):
        if pattern is None:
            boxes = _BOXED.findall(text)
            if boxes:
                return str(boxes[-1]).strip()
            continue
        found = list(pattern.finditer(text))
        if found:
            line = text[found[-1].end() :].lstrip(" *_:").partition("\n")[0]
            box = _BOXED.search(line)
            said = (box[1] if box else line).strip(" *_`$\"'").rstrip(". *")
            if said:
                return said
    return None
