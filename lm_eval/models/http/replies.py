"""Reads replies: turns HTTP statuses and error bodies into exceptions, and checks the choices of a completion."""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Mapping, Sequence

from lm_eval.config.redact import Redactor
from lm_eval.errors import (
    APIError,
    AuthenticationError,
    ContextLengthExceeded,
    EndpointNotFound,
    EndpointUnreachable,
    MalformedResponse,
    RateLimited,
    RequestRejected,
    RequestTimeout,
    ServerError,
)

__all__ = ["check_choices", "choices_in_order", "error_for_body", "error_for_status", "prompts_in", "retry_after"]

_TOO_LONG = re.compile(
    r"(?i)context[ _-]?(?:length|window|size)|maximum (?:context|sequence|model) length|exceed_context_size"
    r"|max_model_len|prompt is too long|too many (?:input |prompt )?tokens|input (?:is )?too long"
    r"|must have less than \d+ tokens|longer than the (?:maximum )?model"
)
_NO_QUOTA = re.compile(
    r"(?i)insufficient_quota|exceeded your current quota|billing_hard_limit|credit balance is too low"
)
_MAX_RETRY_AFTER = 600.0
_Meaning = tuple[type[APIError], str, str]
"""An exception, what happened, and what the user can try."""
_BAD_KEY: _Meaning = (
    AuthenticationError,
    "The key was not accepted",
    "set OPENAI_API_KEY, or auth_token= in model_args, to a key that may use this model",
)
_NOT_FOUND: _Meaning = (
    EndpointNotFound,
    "The server does not know this URL or this model",
    "check base_url and model= (GET /v1/models lists the names the server knows)",
)
_PROXY: _Meaning = (
    EndpointUnreachable,
    "The proxy asks for a name and a password",
    "write them as HTTP_PROXY=http://NAME:PASSWORD@HOST:PORT",
)
_MEANINGS: dict[int, _Meaning] = {
    401: _BAD_KEY,
    403: _BAD_KEY,
    404: _NOT_FOUND,
    405: _NOT_FOUND,
    407: _PROXY,
    408: (RequestTimeout, "The server gave up waiting", ""),
    409: (ServerError, "The server reports a conflict", ""),
    429: (RateLimited, "Too many requests", "lower num_concurrent, or set requests_per_minute"),
}


def error_for_status(status: int, headers: Mapping[str, str], raw: bytes, endpoint: str, redact: Redactor) -> APIError:
    """Turn a reply with an error status into an exception.

    Args:
        status: The HTTP status, 300 or more.
        headers: The headers of the reply.
        raw: The body of the reply.
        endpoint: The URL of the request, without credentials.
        redact: Removes secrets from the body.

    Returns:
        The exception to raise.
    """
    message, text = _message(raw)
    body, text = redact(message), text[:4000]
    wait = retry_after(headers)
    kind: type[APIError]

    retryable: bool | None = None
    if status < 400:
        target = redact(headers.get("Location", "another URL").partition("?")[0])
        kind, what, advice = EndpointNotFound, f"The endpoint redirects to {target}", "use that address as base_url"
    elif status == 429 and _NO_QUOTA.search(text):
        kind, what, advice = RateLimited, "The account has no quota left", "check the plan and billing"
        retryable = False
    elif status in _MEANINGS:
        kind, what, advice = _MEANINGS[status]
    elif status < 500 or (status in (500, 501) and _TOO_LONG.search(text)):
        kind, what, advice = _rejection(text)
    else:
        kind, what, advice = ServerError, "The server failed", ""
    return kind(what, status=status, endpoint=endpoint, body=body, advice=advice, retry_after=wait, retryable=retryable)


def _rejection(text: str) -> _Meaning:
    if _TOO_LONG.search(text):
        advice = "shorten the prompt (fewer shots), lower max_gen_toks, or cut on the left with truncate=true"
        return ContextLengthExceeded, "The prompt does not fit the model's window", advice
    return RequestRejected, "The server rejected the request", ""


def error_for_body(error: object, endpoint: str, redact: Redactor) -> APIError:
    """Turn an ``error`` object with HTTP status 200, which some gateways send, into an exception.

    Args:
        error: The value of ``error`` in the body.
        endpoint: The URL of the request, without credentials.
        redact: Removes secrets from the body.

    Returns:
        The exception to raise.
    """
    code = error.get("code") if isinstance(error, dict) else None
    if str(code).isdigit() and 400 <= int(str(code)) < 600:
        return error_for_status(int(str(code)), {}, json.dumps({"error": error}).encode(), endpoint, redact)
    message, text = _message(json.dumps({"error": error}).encode())
    if _TOO_LONG.search(text):
        kind, what, advice = _rejection(text)
        return kind(what, status=200, endpoint=endpoint, body=redact(message), advice=advice)
    return MalformedResponse(
        "The endpoint sent an error with status 200", status=200, endpoint=endpoint, body=redact(message)
    )


def _message(raw: bytes) -> tuple[str, str]:
    """Find the message in an error body; also return the complete body as text."""
    text = raw[:20_000].decode("utf-8", "replace")
    try:
        parsed = json.loads(text)
    except ValueError:
        return text[:1000], text
    error = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    if isinstance(error, dict):
        for key in ("message", "detail", "error", "msg"):
            if isinstance(error.get(key), str):
                return error[key][:1000], text
    return (error if isinstance(error, str) else json.dumps(error))[:1000], text


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
    """Check that a reply has exactly one choice per prompt, or ``n`` per prompt.

    A wrong reply to one prompt may be an accident, so the error is retryable. A server that answers several prompts
    wrongly does so every time.

    Args:
        payload: The JSON body of the request.
        body: The parsed JSON of the reply.

    Raises:
        MalformedResponse: Choices are missing, repeated or numbered wrongly.
    """
    count = prompts_in(payload)
    per_prompt = payload.get("n")
    try:
        choices_in_order(body, count * per_prompt if isinstance(per_prompt, int) else count)
    except MalformedResponse as error:
        error.retryable = count == 1
        raise


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
    # The common case first. A single choice needs no index; some servers leave it out.
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


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Read how long the server asks to wait.

    Args:
        headers: The headers of the reply: ``Retry-After`` in seconds or as a date, ``Retry-After-Ms``.
        now: The time in seconds since the epoch; None means the current time.

    Returns:
        Seconds, at most 600; None if the headers do not say.
    """
    milliseconds = headers.get("Retry-After-Ms")
    seconds: float | None = None
    if milliseconds is not None:
        seconds = _number(milliseconds)
        seconds = None if seconds is None else seconds / 1000
    text = headers.get("Retry-After")
    if seconds is None and text is not None:
        seconds = _number(text)
        if seconds is None:
            try:
                date = email.utils.parsedate_to_datetime(text)
            except (TypeError, ValueError):
                return None
            seconds = date.timestamp() - (time.time() if now is None else now)
    return None if seconds is None else min(max(seconds, 0.0), _MAX_RETRY_AFTER)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value == value and abs(value) != float("inf") else None
