"""Reads the choices of a completion: one per prompt, in the order of the prompts, with their texts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from lm_eval.errors import MalformedResponse
from lm_eval.models.http.response_items import choice_of_response
from lm_eval.models.http.usage import usage_of

__all__ = [
    "check_choices",
    "choices_in_order",
    "excerpt",
    "has_no_choices",
    "is_null",
    "prompts_in",
    "reasoning_of",
    "text_of",
]

_SCORING_FIELDS = ("echo", "logprobs", "prompt_logprobs")
_LONE_INDEXES = (None, 0, 1, "0", "1")
"""The indexes that servers give a lone choice: none, or counted from 0 or from 1."""


def prompts_in(payload: Mapping[str, object]) -> int:
    """Count the prompts of a request.

    Args:
        payload: The JSON body of the request.

    Returns:
        Number of texts or lists of token ids in ``prompt``; 1 for a chat request.
    """
    prompt = payload.get("prompt")
    if isinstance(prompt, list) and prompt and isinstance(prompt[0], (str, list)):
        return len(prompt)
    return 1


def check_choices(payload: Mapping[str, object], body: object) -> None:
    """Check that a reply has exactly one choice per prompt, or ``n`` per prompt, and that generated texts are texts.

    A wrong reply to one prompt may be an accident, so the error is retryable. A server that answers several prompts
    wrongly does so every time.

    Args:
        payload: The JSON body of the request.
        body: The parsed JSON of the reply.

    Raises:
        MalformedResponse: Choices are missing, repeated or numbered wrongly, or a text is no text. An empty list of
            choices for one prompt is an answer: the server has nothing to say, or a content filter took it.
    """
    count = prompts_in(payload)
    per_prompt = payload.get("n")
    scores = any(payload.get(name) for name in _SCORING_FIELDS)
    if count == 1 and not scores and has_no_choices(body):
        return
    try:
        for choice in choices_in_order(body, count * per_prompt if isinstance(per_prompt, int) else count):
            if not scores and ("text" in choice or "message" in choice):
                text_of(choice)
    except MalformedResponse as error:
        error.retryable = count == 1
        raise


def has_no_choices(body: object) -> bool:
    """Say whether a reply is an answer without a choice: the list is empty or null, and no text was generated.

    Args:
        body: The parsed JSON of the reply.

    Returns:
        True for such an answer. A reply that counts generated tokens but has no choice is not complete.
    """
    if not isinstance(body, dict) or "choices" not in body or body["choices"] not in (None, []):
        return False
    usage = usage_of(body)
    return usage is None or usage.completion <= usage.reasoning


def choices_in_order(body: object, count: int) -> Sequence[Mapping[str, object]]:
    """Return the choices of a reply, in the order of the prompts.

    Args:
        body: The parsed JSON of the reply.
        count: Required number of choices.

    Returns:
        The choices, sorted by ``index``.

    Raises:
        MalformedResponse: There is not exactly one choice per index.
    """
    choices = body.get("choices") if isinstance(body, dict) else None
    if choices is None and count == 1 and (choice := choice_of_response(body)) is not None:
        return [choice]
    # The common case first. A lone choice needs no index: some servers leave it out, or count from 1.
    if count == 1 and type(choices) is list and len(choices) == 1 and _has_lone_index(choices[0]):
        return choices
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise MalformedResponse("The answer has no list of choices", status=200, body=excerpt(body))
    if not choices:
        raise MalformedResponse("The answer has no choices", status=200, body=excerpt(body))
    indexes = [choice.get("index") for choice in choices]
    if indexes == list(range(count)):
        return choices
    if sorted(indexes, key=str) != sorted(range(count), key=str):
        wanted = "one choice" if count == 1 else f"{count} choices, with the indexes 0 to {count - 1}"
        what = f"{wanted[0].upper()}{wanted[1:]} should come back, and the indexes {excerpt(indexes, 100)} did"
        raise MalformedResponse(what, status=200)
    return sorted(choices, key=lambda choice: int(choice["index"]))


def _has_lone_index(choice: object) -> bool:
    return type(choice) is dict and choice.get("index") in _LONE_INDEXES


def text_of(choice: Mapping[str, object]) -> str:
    """Read the text of a choice of a completion or chat reply.

    Args:
        choice: The choice.

    Returns:
        The text; empty if there is only reasoning, for example.

    Raises:
        MalformedResponse: The choice has no field for a text.
    """
    message = choice.get("message")
    holder, key = (message, "content") if isinstance(message, dict) else (choice, "text")
    if key not in holder and not (isinstance(message, dict) and message):
        raise MalformedResponse("A choice has neither a text nor a message", status=200, body=excerpt(choice))
    content = holder.get(key)
    if type(content) is str:
        return content
    if isinstance(content, list):
        return "".join(_text_of_part(part, choice) for part in content)
    if content is not None:
        raise _no_text(choice)
    return ""


def is_null(choice: Mapping[str, object]) -> bool:
    """Say whether the content of a choice is null.

    Args:
        choice: The choice.

    Returns:
        True for a message, or a text, that is there and null.
    """
    message = choice.get("message")
    if isinstance(message, dict):
        return message.get("content") is None
    return "text" in choice and choice["text"] is None


def _text_of_part(part: object, choice: Mapping[str, object]) -> str:
    """Read a part of a text that comes in parts; parts of another kind, such as a thought, are not in the answer."""
    if not isinstance(part, dict):
        raise _no_text(choice)
    kind, text = part.get("type", "text"), part.get("text", "")
    if isinstance(kind, str) and not kind.endswith("text"):
        return ""
    if not isinstance(text, str):
        raise _no_text(choice)
    return text


def _no_text(choice: Mapping[str, object]) -> MalformedResponse:
    return MalformedResponse("The text of a choice is not text", status=200, body=excerpt(choice))


def excerpt(value: object, length: int = 300) -> str:
    """Return the start of a value as JSON text, for an error message; any value has one.

    Args:
        value: Parsed JSON.
        length: Maximum number of characters.

    Returns:
        The text.
    """
    try:
        return json.dumps(value, ensure_ascii=False, default=str)[:length]
    except (RecursionError, ValueError):  # nested too deep, or a number with thousands of digits
        return f"({type(value).__name__} that cannot be shown)"


def reasoning_of(choice: Mapping[str, object]) -> str | None:
    """Return the reasoning that the server gives apart from the text of an answer.

    Args:
        choice: A choice of a reply.

    Returns:
        The reasoning; None if there is none, or if the server does not give it.
    """
    message = choice.get("message")
    holder = message if isinstance(message, dict) else choice
    reasoning = holder.get("reasoning_content") or holder.get("reasoning")
    return reasoning if isinstance(reasoning, str) else None
