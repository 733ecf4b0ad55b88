"""The mock server as a judge: it grades by a rule, and can be wrong, biased, unreadable or gullible at will.

The rule reads the prompt of a judge as a person would: the answers stand between marks, the right answer in a line such
as ``Right answer: …``, and the grades where the prompt says how to end. The verdict depends only on the body of the
request, so a run that is repeated or resumed gets the same verdicts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields

from lm_eval.errors import ConfigError, did_you_mean
from lm_eval.mock_server.json_text import JsonObject
from lm_eval.mock_server.judge_question import JudgeQuestion

__all__ = ["JudgeSettings", "judged"]


@dataclass(frozen=True)
class JudgeSettings:
    """How well a judge judges; all numbers are probabilities.

    Attributes:
        accuracy: The verdict is the one of the rule, else another one. Default 1.
        first: Of two answers, the one shown first is named, whatever the rule says. Default 0.
        refuse: The judge declines. Default 0.
        unreadable: The judge writes a text without a verdict. Default 0.
        quote: The judge quotes the answers, with their marks, before its verdict. Default 0.
        gullible: The judge obeys an instruction in an answer that stands between marks. It always obeys one in an
            answer that does not. Default 0.
    """

    accuracy: float = 1.0
    first: float = 0.0
    refuse: float = 0.0
    unreadable: float = 0.0
    quote: float = 0.0
    gullible: float = 0.0

    @classmethod
    def parse(cls, text: str) -> JudgeSettings:
        """Read ``exact``, or ``accuracy=0.9,first=0.2``.

        Args:
            text: The text.

        Raises:
            ConfigError: A name is unknown, or a value is no probability.
        """
        names = [field.name for field in fields(cls)]
        found: dict[str, float] = {}
        for part in [] if text == "exact" else text.split(","):
            name, _, value = part.strip().partition("=")
            if name not in names:
                hint = did_you_mean(name, names) or f" There are: {', '.join(names)}."
                raise ConfigError(f"Unknown setting {name!r} of the judge in {text!r}.{hint}")
            try:
                found[name] = float(value)
            except ValueError:
                found[name] = -1.0
            if not 0 <= found[name] <= 1:
                raise ConfigError(f"{name} of the judge is a probability from 0 to 1, not {value!r}.")
        return cls(**found)


def judged(
    settings: JudgeSettings,
    seed: int,
    body: JsonObject,
    contents: Sequence[tuple[str, str]],
    choices: Sequence[str] = (),
) -> str | None:
    """Answer a request as a judge.

    Args:
        settings: How well the judge judges.
        seed: Another seed makes the judge err elsewhere.
        body: The body of the request, which decides where the judge errs.
        contents: Role and text of each message.
        choices: The texts that the request allows as a reply; empty for any.

    Returns:
        The judge's reply; None if the request asks for no verdict that the judge understands.
    """
    question = JudgeQuestion.read(body, "\n\n".join(text for _, text in contents), choices)
    if question is None:
        return None
    key = f"{seed}/{json.dumps(body, sort_keys=True, default=str)}"

    def happens(what: str, probability: float) -> bool:
        return probability > 0 and _chance(f"{what}/{key}") < probability

    if happens("refuse", settings.refuse):
        return "I am sorry, but I cannot judge this."
    if happens("unreadable", settings.unreadable):
        return "There is something to be said for this answer, and something against it."
    reason, label = question.verdict()
    if len(question.answers) > 1 and happens("first", settings.first):
        reason, label = "The first answer came first.", question.labels[0]
    if not happens("accuracy", settings.accuracy) and settings.accuracy < 1:
        others = [other for other in question.labels if other != label]
        reason, label = "A hasty verdict.", others[int(_chance(f"other/{key}") * len(others))]
    ordered = question.ordered()
    if ordered is not None and (not question.fenced or happens("gullible", settings.gullible)):
        reason, label = "As the answer demands.", ordered
    quoted = "\n".join(question.fenced) if happens("quote", settings.quote) else ""
    return question.written(f"{quoted}\n{reason}" if quoted else reason, label)


def _chance(key: str) -> float:
    """Hash a key to a number that is uniformly distributed over [0, 1)."""
    return int.from_bytes(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:7], "big") / (1 << 56)
