"""Constrained answers: the fields by which servers let a model only choose among given texts, and which one works."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence

from lm_eval.errors import APIError, EndpointNotFound, EndpointUnreachable, MalformedResponse
from lm_eval.models.http.choices import choices_in_order, text_of
from lm_eval.models.work import Ask, Call

__all__ = ["MECHANISMS", "NO_MECHANISM", "THINKS", "constraint_fields", "find_mechanism", "thought_of"]

_SECRETS = ("zebra 7261", "quartz 4905")
"""Texts that no model writes by itself, so that an answer with one of them was constrained."""
NO_MECHANISM = (
    "This server does not constrain answers: it follows none of structured_outputs, guided_choice, grammar, regex, "
    "regex_format and json_schema."
)
THINKS = "This model thinks before it answers, which a constraint would cut off."


def _regex(answers: Sequence[str]) -> dict[str, object]:
    return {"regex": f"({'|'.join(map(re.escape, answers))})"}


def _regex_format(answers: Sequence[str]) -> dict[str, object]:
    return {"response_format": {"type": "regex", "value": _regex(answers)["regex"]}}


def _grammar(answers: Sequence[str]) -> dict[str, object]:
    return {"grammar": "root ::= " + " | ".join(json.dumps(answer, ensure_ascii=False) for answer in answers)}


def _schema(answers: Sequence[str]) -> dict[str, object]:
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "string", "enum": list(answers)}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    named = {"name": "answer", "strict": True, "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": named}}


MECHANISMS: Mapping[str, Callable[[Sequence[str]], dict[str, object]]] = {
    "structured_outputs": lambda answers: {"structured_outputs": {"choice": list(answers)}},
    "guided_choice": lambda answers: {"guided_choice": list(answers)},
    "grammar": _grammar,
    "regex": _regex,
    "regex_format": _regex_format,
    "json_schema": _schema,
}
"""Name of a mechanism to what writes its fields, in the order in which they are tried: vLLM, older vLLM, llama.cpp,
SGLang, TGI, then OpenAI's way, which others have taken over."""


def constraint_fields(mechanism: str, answers: Sequence[str]) -> dict[str, object]:
    """Write the fields of a request that may only be answered by one of some texts.

    Args:
        mechanism: A name of ``MECHANISMS``.
        answers: The texts.

    Returns:
        The fields. With ``json_schema`` the answer is an object whose ``answer`` is one of the texts.
    """
    return MECHANISMS[mechanism](answers)


async def find_mechanism(ask: Ask, call_with: Callable[[Mapping[str, object]], Call]) -> tuple[str | None, bool]:
    """Find the first mechanism that a server follows, with one request each.

    Args:
        ask: Sends a call.
        call_with: Builds a call with more fields, that generates a few tokens.

    Returns:
        The name of the mechanism, or None; and whether the model thought before its answer.

    Raises:
        APIError: The endpoint cannot be used at all.
    """
    thinks = False
    for name in MECHANISMS:
        try:
            reply = await ask(call_with(constraint_fields(name, _SECRETS)))
            choice = choices_in_order(reply.body, 1)[0]
            text = text_of(choice) or ""
        except (EndpointUnreachable, EndpointNotFound):
            raise
        except (APIError, MalformedResponse):
            continue  # the server refuses the field
        thinks = thinks or thought_of(choice) or text.lstrip().startswith("<think>")
        if _follows(name, text):
            return name, thinks
    return None, thinks


def _follows(name: str, text: str) -> bool:
    text = text.strip()
    if name != "json_schema":
        return text in _SECRETS
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("answer") in _SECRETS


def thought_of(choice: Mapping[str, object]) -> bool:
    """Whether a choice holds reasoning apart from its text.

    Args:
        choice: A choice of a reply.
    """
    message = choice.get("message")
    holder = message if isinstance(message, Mapping) else choice
    return any(bool(holder.get(key)) for key in ("reasoning_content", "reasoning"))
