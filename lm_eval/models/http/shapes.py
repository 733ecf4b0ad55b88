"""What an answer of the completions APIs must look like before anyone reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval.errors import MalformedResponse

__all__ = ["check_choices", "choices_in_order", "prompts_in"]


def prompts_in(payload: Mapping[str, Any]) -> int:
    """Count the prompts of a request.

    Args:
        payload: The JSON body.

    Returns:
        How many texts or lists of token ids ``prompt`` holds; 1 for a chat request.
    """
    prompt = payload.get("prompt")
    if isinstance(prompt, list) and prompt and isinstance(prompt[0], (str, list)):
        return len(prompt)
    return 1


def check_choices(payload: Mapping[str, Any], body: Any) -> None:
    """Check that an answer has exactly one choice for each prompt, or ``n``.

    An answer to one prompt that fails may be a slip and can be asked for again; a server that fails several prompts at
    once does so every time.

    Args:
        payload: What was sent.
        body: The parsed JSON that came back.

    Raises:
        MalformedResponse: Choices are missing, doubled or numbered wrongly.
    """
    count = prompts_in(payload)
    more = payload.get("n")
    try:
        choices_in_order(body, count * more if isinstance(more, int) else count)
    except MalformedResponse as error:
        error.retryable = count == 1
        raise


def choices_in_order(body: Any, count: int) -> Sequence[Mapping[str, Any]]:
    """Take the choices out of an answer, in the order of the prompts.

    Args:
        body: The parsed JSON.
        count: How many choices there must be.

    Returns:
        The choices by their ``index``.

    Raises:
        MalformedResponse: Not exactly one choice for each index.
    """
    choices = body.get("choices") if isinstance(body, dict) else None
    # The common case first. An only choice needs no index; some servers leave it out.
    if count == 1 and type(choices) is list and len(choices) == 1 and type(choices[0]) is dict:
        index = choices[0].get("index", 0)
        if index == 0:
            return choices
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise MalformedResponse("The answer has no list of choices", status=200, body=json.dumps(body)[:300])
    indexes = [choice.get("index") for choice in choices]
    if indexes == list(range(count)):
        return choices
    if sorted(indexes, key=str) != sorted(range(count), key=str):
        raise MalformedResponse(f"Expected choices 0 to {count - 1}, and {indexes} came back", status=200)
    return sorted(choices, key=lambda choice: int(choice["index"]))
