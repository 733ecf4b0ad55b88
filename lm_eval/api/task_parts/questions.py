"""Takes a prompt of a task apart: the question without its cues, and the choices where the prompt lists them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

__all__ = [
    "Question",
    "are_labels",
    "asks_itself",
    "bare_question",
    "blank_of",
    "cut_labelled",
    "cut_listed",
    "without_labels",
]

_COLON = r"[:\uff1a]"
_CUE = re.compile(rf"\n[^\S\n]*(?:\S+[^\S\n]+){{0,3}}\S+[^\S\n]*{_COLON}[^\S\n]*$")
"""A short last line that ends in a colon, such as ``Answer:``."""
_OPENING = re.compile(rf"^\s*(?:Question|Q)[^\S\n]*{_COLON}[^\S\n]*", re.IGNORECASE)
_OWN_LINE = re.compile(rf"^[^\S\n]*(?:Question|Q){_COLON}", re.IGNORECASE | re.MULTILINE)
_HEAD = re.compile(rf"^\s*\S{{1,20}}(?:\s\S{{1,12}})?\s*{_COLON}\s*$")
_HEADING = re.compile(rf"(?i)\s+(?:answer )?(?:choices|options){_COLON}$")
_MAX_CUE = 30
_SERIES = ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", "أبجدهوزحط")
"""Labels in their order, in the scripts of the task library."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question and its choices as a prompt shows them."""

    text: str
    choices: list[str]


def are_labels(choices: Sequence[str]) -> bool:
    """Whether choices are labels, such as ``A`` or ``(A)``, in the order of their alphabet.

    Args:
        choices: The choices of a task.
    """
    bare = [_bare(choice) for choice in choices]
    return len(bare) > 1 and any(bare == list(series[: len(bare)]) for series in _SERIES)


def _bare(label: str) -> str:
    return label.strip().strip("().:")


def bare_question(text: str, template: object) -> str:
    """Take the cues off a prompt: ``Question:`` in front, ``Answer:`` at the end.

    Args:
        text: The prompt of a document.
        template: The template it comes from; for any other value the cues are found by their form.

    Returns:
        The question. A prompt with several labelled parts, such as a passage and a question, keeps their labels.
    """
    tail = template.rpartition("}")[2] if isinstance(template, str) else ""
    if not isinstance(template, str) or "}}" not in template or template.strip() == _only_part(template):
        cut = _CUE.sub("", text.rstrip()) if len(text.rstrip()) - text.rstrip().rfind("\n") <= _MAX_CUE else text
        return _OPENING.sub("", cut or text, count=1).strip()
    if tail.strip() and tail.rstrip()[-1] in ":\uff1a" and text.endswith(tail):
        last = tail.rstrip().rpartition("\n")[2]
        if len(last.strip()) <= _MAX_CUE:
            text = text[: len(text) - len(tail)] + tail.rstrip()[: -len(last)]
    head = template.partition("{")[0]
    if _HEAD.match(head) and text.startswith(head) and not _labelled_lines(template[len(head) :], tail):
        text = text[len(head) :]
    return text.strip()


def _only_part(template: str) -> str:
    """Return a template that is one expression, whose cues are therefore in the document; else an empty text."""
    bare = template.strip()
    return bare if bare.startswith("{{") and bare.find("}}") == len(bare) - 2 else ""


def _labelled_lines(template: str, tail: str) -> bool:
    """Whether a template has more lines with a label of their own, apart from the cue at its end."""
    body = template[: len(template) - len(tail)] if tail else template
    return re.search(rf"\n[^\S\n]*[^\n{{}}]{{1,20}}{_COLON}\s*\{{\{{", body) is not None


def asks_itself(question: str) -> bool:
    """Whether a question has a line that starts with ``Question:``, so that a second one would double it.

    Args:
        question: The question without its cues.
    """
    return _OWN_LINE.search(question) is not None


def cut_labelled(text: str, labels: Sequence[str], *, to_end: bool) -> Question | None:
    """Cut labelled choices out of a prompt, such as lines ``A. …``, or ``(A) … (B) …`` in one line.

    Args:
        text: The prompt, without the cue at its end.
        labels: The labels in order; a prompt may list fewer of them.
        to_end: Whether the last choice goes to the end of the prompt; otherwise to the end of its line.

    Returns:
        The question and the choices; None where the prompt lists no two of them.
    """
    bare = [re.escape(_bare(label)) for label in labels]
    one_of = "|".join(sorted(bare, key=len, reverse=True))
    by_line = rf"^[^\S\n]*(?:[-*•][^\S\n]+)?(?:\(({one_of})\)|({one_of})[.):\uff1a])[^\S\n]*"
    for pattern in (by_line, rf"(?<!\w)\(({one_of})\)[^\S\n]*()"):
        marks = list(re.finditer(pattern, text, re.MULTILINE))
        found = [re.escape(mark[1] or mark[2]) for mark in marks]
        for start in reversed([index for index, label in enumerate(found) if label == bare[0]]):
            pairs = zip(found[start:], bare, strict=False)
            count = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
            if count > 1:
                return _cut(text, marks[start : start + count], to_end)
    return None


def _cut(text: str, marks: Sequence[re.Match[str]], to_end: bool) -> Question:
    ends = [mark.start() for mark in marks[1:]]
    rest = text[marks[-1].end() :]
    last = rest if to_end else rest.partition("\n")[0]
    choices = [text[mark.end() : end].strip().rstrip(",;") for mark, end in zip(marks, ends, strict=False)]
    return Question(_without_heading(text[: marks[0].start()]), [*choices, last.strip()])


def cut_listed(text: str, choices: Sequence[str]) -> str | None:
    """Cut a list of known choices out of a prompt, one on each line, with or without labels or bullets.

    Args:
        text: The prompt, without the cue at its end.
        choices: The texts of the choices.

    Returns:
        The question; None where the prompt does not list them.
    """
    if len(choices) < 2 or not all(choice.strip() in text for choice in choices):
        return None  # compiling the pattern below takes long
    lines = [rf"[^\S\n]*(?:\S{{1,4}}[^\S\n]+(?:-[^\S\n]+)?)?{re.escape(choice.strip())}[^\S\n]*" for choice in choices]
    found = re.search(r"(?m)^" + r"\n".join(lines) + r"(?:\n|\Z)", text)
    if found is None:
        return None
    after = text[found.end() :].strip()
    before = _without_heading(f"\n{text[: found.start()]}" if after else text[: found.start()])
    return f"{before}\n{after}".strip()


def _without_heading(text: str) -> str:
    """Leave out a last line such as ``Choices:``, which announces the list that was cut out."""
    text = text.rstrip()
    cut = _CUE.sub("", text) if len(text) - text.rfind("\n") <= _MAX_CUE else text
    return _HEADING.sub("", cut).strip()


def without_labels(choices: Sequence[str]) -> list[str] | None:
    """Take the labels off choices that have them in their texts, such as ``(A) one``.

    Args:
        choices: The choices of a task.

    Returns:
        The texts; None where not every choice starts with its label.
    """
    series = _SERIES[0][: len(choices)]
    found = [
        re.match(rf"\(?{label}[).]\s*(.+)$", choice, re.DOTALL) for label, choice in zip(series, choices, strict=False)
    ]
    return [match[1] for match in found if match] if all(found) and len(found) == len(choices) > 1 else None


def blank_of(contexts: Sequence[str], continuation: str) -> Question:
    """Turn contexts that differ in what fills a blank into a question with the blank.

    Args:
        contexts: One context per choice, such as two beginnings of a sentence.
        continuation: What follows each of them.

    Returns:
        The sentence with ``_`` where they differ, and what fills the blank in each.
    """
    words = [context.split(" ") for context in contexts]
    same = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*words, strict=False)))
    same = min([same, *(len(parts) - 1 for parts in words)])
    rest = [list(reversed(parts[same:])) for parts in words]
    after = sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, zip(*rest, strict=False)))
    after = min([after, *(len(parts) - 1 for parts in rest)])
    tail = words[0][len(words[0]) - after :] if after else []
    sentence = " ".join([*words[0][:same], "_", *tail, continuation.strip()]).strip()
    return Question(sentence, [" ".join(parts[same : len(parts) - after]).strip() for parts in words])
