"""Constrained answers: the texts that a request allows, in the ways that servers know, and the choice among them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from lm_eval.mock_server.json_text import JsonObject
from lm_eval.mock_server.problems import invalid
from lm_eval.mock_server.profiles import Profile
from lm_eval.mock_server.served_model import ServedModel

__all__ = ["allowed_texts", "constrained_answer"]

_ALTERNATIVES = re.compile(r"\((.*)\)", re.DOTALL)
_FORMATS = {"json_schema": "json_schema", "regex_format": "regex"}
"""Constraint to the type of its ``response_format``; other constraints are fields of their own."""
_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"')


def constrained_answer(
    served: ServedModel, fields: JsonObject, prompt_ids: Sequence[int], scripted: str | None
) -> str | None:
    """Choose the answer that a request allows and the model finds most probable.

    Args:
        served: The served model.
        fields: The JSON body.
        prompt_ids: The tokens of the prompt.
        scripted: The scripted answer; the allowed text that it contains is chosen.

    Returns:
        The answer; None if the request has no constraint that the imitated server knows.

    Raises:
        Refused: The constraint is none that the mock server understands.
    """
    allowed = allowed_texts(served.profile, fields)
    if allowed is None:
        return None
    texts, wrapped = allowed
    named = [scripted] if scripted in texts else [text for text in texts if scripted is not None and text in scripted]
    chosen = named[0] if named else max(texts, key=lambda text: _logprob(served, prompt_ids, text))
    return json.dumps({"answer": chosen}) if wrapped else chosen


def allowed_texts(profile: Profile, fields: JsonObject) -> tuple[list[str], bool] | None:
    """Read the texts that a request allows.

    Args:
        profile: The profile of the server.
        fields: The JSON body.

    Returns:
        The texts, and whether the answer is an object that holds one; None without a constraint.

    Raises:
        Refused: The constraint is none that the mock server understands.
    """
    for name in profile.constraints:
        kind = _FORMATS.get(name)
        field = name if kind is None else "response_format"
        given = fields.get(field)
        if given is None or (kind is not None and not _is_of(kind, given)):
            continue
        texts = _texts(name, given)
        if not texts:
            raise invalid(profile, f"The mock server understands only lists of texts in {field}, not {given!r}.", field)
        return texts, name == "json_schema"
    return None


def _is_of(kind: str, given: object) -> bool:
    return isinstance(given, dict) and given.get("type") == kind


def _texts(name: str, given: object) -> list[str]:
    found: object = None
    if name == "regex_format" and isinstance(given, dict):
        name, given = "regex", given.get("value")
    if name == "structured_outputs" and isinstance(given, dict):
        found = given.get("choice")
    elif name == "guided_choice":
        found = given
    elif name == "grammar" and isinstance(given, str) and given.startswith("root ::="):
        found = [json.loads(literal) for literal in _LITERAL.findall(given)]
    elif name == "regex" and isinstance(given, str) and (inside := _ALTERNATIVES.fullmatch(given)):
        found = [re.sub(r"\\(.)", r"\1", text) for text in re.split(r"(?<!\\)\|", inside[1])]
    elif name == "json_schema" and isinstance(given, dict):
        try:
            found = given["json_schema"]["schema"]["properties"]["answer"]["enum"]
        except (KeyError, TypeError):
            found = None
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []


def _logprob(served: ServedModel, prompt_ids: Sequence[int], text: str) -> float:
    ids = served.tokenizer.encode(text, parse_special=False)
    nodes = served.model.walk([*prompt_ids, *ids])[len(prompt_ids) : -1]
    return sum(node.logprob(token) for node, token in zip(nodes, ids, strict=True))
