"""What a judge is asked, as the mock server reads it, and the verdict of its rule."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lm_eval.mock_server.json_text import JsonObject

__all__ = ["JudgeQuestion", "asks_for_verdict"]

_FENCED = re.compile(r"\[BEGIN (\w+)\]\n(.*?)\n\[END \1\]", re.DOTALL)
_TARGET = re.compile(
    r"^\W*(?:(?:right|correct|reference|expected|gold|true)(?: \w+)?|target|solution)\s*:\s*(\S.*)$", re.I | re.M
)
_CRITERION = re.compile(r"^\W*criterion\s*:\s*(\S.*)$", re.I | re.M)
_UNFENCED = re.compile(
    r"^\W*(?:(?:model|given|submitted|the)\W+)?(?:answer|response)[^:\n]*:[ \t]*\n?(.+)", re.I | re.M | re.S
)
_LABEL = r"[\w>=-]+(?![\w>=-]|\s*:)"
_GRADE = re.compile(rf"\b([A-Za-z]+)\s*:\s*[\"'*`]*({_LABEL}(?:(?:\s*,\s*or\s+|\s*[,/|]\s*|\s+or\s+){_LABEL})*)")
_NEXT_LABEL = re.compile(r"\s*,\s*or\s+|\s*[,/|]\s*|\s+or\s+")
_WORDS = frozenset(
    {"grade", "verdict", "rating", "score", "judgement", "judgment", "result", "winner", "met", "correct"}
)
_SCALE = re.compile(r"\b(\d+)\s*(?:to|-)\s*(\d+)\b")
_SIGN = re.compile(r"\bVERDICT-\w+")
_ORDER = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.*?\b(?:grade|verdict|rating|score|result|winner)\b\W*([\w>=-]+)",
    re.I | re.S,
)
_NO_ATTEMPT = re.compile(
    r"\b(?:i (?:do not|don't|cannot|can't|am unable|am not able|will not|won't)|i'm (?:sorry|not sure)|sorry)\b", re.I
)
_LETTERS = re.compile(r"[^\W_]+")
_MIN_LETTERS = 5
"""Length of the words of a criterion that an answer has to contain."""


@dataclass(frozen=True)
class JudgeQuestion:
    """What a judge is asked.

    Attributes:
        told: The prompt without the answers.
        answers: The answers, in the order of the prompt.
        fenced: The answers with their marks; empty for a prompt without marks.
        labels: The labels, the best first; numbers of a scale from high to low.
        word: What a verdict is written after.
        form: How the reply is written: ``text``, ``json`` or ``label``.
        key: The key of the verdict in a JSON reply.
    """

    told: str
    answers: list[str]
    fenced: list[str]
    labels: list[str]
    word: str
    form: str
    key: str = "verdict"

    @classmethod
    def read(cls, body: JsonObject, prompt: str, choices: Sequence[str]) -> JudgeQuestion | None:
        """Read a request.

        Args:
            body: The JSON body.
            prompt: The texts of all messages.
            choices: The texts that the request allows as a reply; empty for any.

        Returns:
            The question; None if the request asks for no verdict.
        """
        marked = list(_FENCED.finditer(prompt))
        told = _FENCED.sub(" ", prompt)
        answers = [match[2] for match in marked]
        if not marked:
            bare = _UNFENCED.search(prompt)
            answers = [bare[1]] if bare else []
            told = prompt[: bare.start(1)] if bare else prompt
        word, named = _grades(told if marked else prompt)
        wanted, form, key = (list(choices), "label", "") if choices else _wanted(body)
        labels = wanted or (named if len(named) > 1 else _scale(told))
        if _is_scale(labels):
            labels.sort(key=int, reverse=True)
        if not answers or len(labels) < 2:
            return None
        return cls(told, answers, [match[0] for match in marked], labels, word, form, key)

    def verdict(self) -> tuple[str, str]:
        """Return a reason, and the label that the rule gives."""
        best, worst = self.labels[0], self.labels[1]
        target = _TARGET.search(self.told)
        if len(self.answers) > 1:
            one, two = (self._value(answer, target) for answer in self.answers[:2])
            # The labels are A, B and tie, or rise from one end to the other, such as A>B, A=B, B>A.
            graded = len(self.labels) > 3
            if one == two:
                return "Both answers are equally good.", self.labels[len(self.labels) // 2 if graded else -1]
            return "One answer is better.", best if one > two else self.labels[-1] if graded else worst
        answer = self.answers[0]
        tried = bool(answer.strip()) and not _NO_ATTEMPT.search(answer)
        if (criterion := _CRITERION.search(self.told)) is not None:
            met = _mentions(answer, criterion[1])
            return f"The criterion is {'' if met else 'not '}met.", best if met else worst
        if _is_scale(self.labels):
            good = _contains(answer, target[1]) if target else tried
            places = len(self.labels) - 1
            # Of answers that are as right, the longer one gets more.
            share = (0.6 if good else 0.1) + 0.3 * min(1.0, len(answer) / 400)
            return "By content and detail.", self.labels[round(places * (1 - share))]
        if target is not None and _contains(answer, target[1]):
            return "The answer contains the right answer.", best
        if not tried:
            return "The answer makes no attempt.", self.labels[2 if target and len(self.labels) > 2 else 1]
        return ("The right answer is missing.", worst) if target else ("The answer does what was asked.", best)

    def _value(self, answer: str, target: re.Match[str] | None) -> tuple[bool, int]:
        return target is not None and _contains(answer, target[1]), len(answer)

    def ordered(self) -> str | None:
        """Return the label that an instruction in an answer demands; None without one."""
        for answer in self.answers:
            for found in _ORDER.finditer(answer):
                label = next((label for label in self.labels if label.casefold() == found[1].casefold()), None)
                if label is not None:
                    return label
        return None

    def written(self, reason: str, label: str) -> str:
        """Write the reply.

        Args:
            reason: Why the label is given.
            label: The label.
        """
        if self.form == "json":
            value: object = float(label) if _is_scale(self.labels) else label
            return json.dumps({"reasoning": reason, self.key: value}, ensure_ascii=False)
        if self.form == "label":
            return label
        sign = _SIGN.search(self.told)
        return f"{reason}\n{f'{sign[0]} ' if sign else ''}{self.word}: {label}"


def _grades(prompt: str) -> tuple[str, list[str]]:
    """Find the word before a verdict, and the labels, where a prompt says how to end."""
    found = [(match[1], match[2]) for match in _GRADE.finditer(prompt) if match[1].casefold() in _WORDS]
    if not found:
        return "VERDICT", []
    word = found[-1][0]
    labels = dict.fromkeys(label for other, given in found if other == word for label in _NEXT_LABEL.split(given))
    return word, [label for label in labels if not label.isdecimal()]


def asks_for_verdict(body: JsonObject) -> bool:
    """Whether a request constrains the reply to a JSON object with a verdict.

    Args:
        body: The JSON body of the request.
    """
    return _verdict_schema(body) is not None


def _verdict_schema(body: JsonObject) -> tuple[str, Mapping[str, object]] | None:
    """Return the key of the verdict in a JSON reply, and its schema; None if the request does not ask for one."""
    found: object = body
    for name in ("response_format", "json_schema", "schema", "properties"):
        found = found.get(name) if isinstance(found, Mapping) else None
    for key, schema in found.items() if isinstance(found, Mapping) else ():
        if str(key).startswith("verdict") and isinstance(schema, Mapping):
            return str(key), schema
    return None


def _wanted(body: JsonObject) -> tuple[list[str], str, str]:
    """Return the labels that the request constrains the reply to, the form of the reply, and the key of the verdict."""
    found = _verdict_schema(body)
    if found is None:
        return [], "text", ""
    labels = found[1].get("enum")
    return [str(label) for label in labels] if isinstance(labels, list) else [], "json", found[0]


def _scale(told: str) -> list[str]:
    """Return the numbers of a scale, from high to low; nothing without a scale."""
    scales = [(int(low), int(high)) for low, high in _SCALE.findall(told)]
    low, high = next(((low, high) for low, high in scales if low < high <= low + 100), (0, 0))
    return [str(number) for number in range(high, low - 1, -1)] if high else []


def _is_scale(labels: Sequence[str]) -> bool:
    return all(label.isdecimal() for label in labels)


def _words(text: str) -> list[str]:
    return _LETTERS.findall(text.casefold())


def _contains(answer: str, target: str) -> bool:
    """Whether an answer has the words of a target, one after the other."""
    return f" {' '.join(_words(target))} " in f" {' '.join(_words(answer))} "


def _mentions(answer: str, criterion: str) -> bool:
    """Whether an answer has half of the long words of a criterion."""
    wanted = {word for word in _words(criterion) if len(word) >= _MIN_LETTERS}
    return 2 * len(wanted & set(_words(answer))) >= len(wanted)
