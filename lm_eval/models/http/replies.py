"""Reads replies: turns statuses, error bodies and failures inside answers into exceptions."""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Mapping

from lm_eval.config.redact import Redactor, shown_url
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
from lm_eval.models.http.choices import excerpt
from lm_eval.models.http.finish import failed_finish
from lm_eval.models.http.hints import hint_for
from lm_eval.models.http.response_items import choice_of_response

__all__ = [
    "error_for_body",
    "error_for_status",
    "failure_inside",
    "reports_error",
    "retry_after",
    "unreadable",
]

_TOO_LONG = re.compile(
    r"(?i)context[ _-]?(?:length|window|size)|maximum (?:context|sequence|model) length|exceed_context_size"
    r"|max_model_len|prompt is too long|too many (?:input |prompt )?tokens|input (?:is )?too long"
    r"|must have less than \d+ tokens|longer than the (?:maximum )?model"
)
_NO_QUOTA = re.compile(
    r"(?i)insufficient_quota|exceeded your current quota|billing_hard_limit|credit balance is too low"
)
_MAX_RETRY_AFTER = 600.0
_CODE = re.compile(r"[45][0-9][0-9]")
_NAMED = {"server_error": 500, "rate_limit_exceeded": 429, "invalid_prompt": 400}
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
    hint = hint_for(message) or hint_for(text)
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
        if hint is not None and kind in (AuthenticationError, EndpointNotFound):
            kind, what, advice = kind if hint.certain else RequestRejected, hint.what, hint.advice
    elif status < 500 or (status in (500, 501) and _TOO_LONG.search(text)) or (hint is not None and hint.certain):
        kind, what, advice = _rejection(message, text)
    else:
        kind, what, advice = ServerError, "The server failed", ""
    return kind(what, status=status, endpoint=endpoint, body=body, advice=advice, retry_after=wait, retryable=retryable)


def _rejection(message: str, text: str) -> _Meaning:
    if _TOO_LONG.search(text):
        advice = "shorten the prompt (fewer shots), lower max_gen_toks, or, except for chat, cut it with truncate=true"
        return ContextLengthExceeded, "The prompt does not fit the model's window", advice
    hint = hint_for(message) or hint_for(text)
    if hint is not None:
        return RequestRejected, hint.what, hint.advice
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
    raw = excerpt({"error": error}, 20_000).encode("utf-8", "replace")
    status = _status_of(error.get("code")) if isinstance(error, dict) else None
    if status is not None:
        failure = error_for_status(status, {}, raw, endpoint, redact)
        failure.within_answer = True
        return failure
    message, text = _message(raw)
    hint = hint_for(message)
    if _TOO_LONG.search(text) or (hint is not None and hint.certain):
        kind, what, advice = _rejection(message, text)
        return kind(what, status=200, endpoint=endpoint, body=redact(message), advice=advice)
    return MalformedResponse(
        "The endpoint sent an error with status 200", status=200, endpoint=endpoint, body=redact(message)
    )


def _status_of(code: object) -> int | None:
    """Read an error code as an HTTP status, also by the names of the Responses API; None if it is something else."""
    if isinstance(code, str) and code in _NAMED:
        return _NAMED[code]
    if isinstance(code, str) and _CODE.fullmatch(code):
        return int(code)
    return int(code) if isinstance(code, int | float) and 400 <= code < 600 else None


def failure_inside(body: object, url: str, redact: Redactor) -> APIError | None:
    """Find a failure that a reply with HTTP status 200 reports: an error object, or the end of an answer by an error.

    Args:
        body: The parsed JSON of the reply.
        url: The URL of the request.
        redact: Removes secrets from the body.

    Returns:
        The exception to raise, or None. With several choices it is not retryable: their prompts are then asked one by
        one, so that only the prompt that caused the failure is lost.
    """
    if not isinstance(body, dict):
        return None
    if reports_error(body.get("error")):
        return error_for_body(body["error"], shown_url(url), redact)
    response = choice_of_response(body)
    choices = body.get("choices") if response is None else [response]
    for choice in choices if isinstance(choices, list) else ():
        failure = _failure_of(choice, url, redact) if isinstance(choice, dict) else None
        if failure is not None:
            # A rate limit that is not retryable would mean that there is no quota, and end the run.
            alone = len(choices or ()) == 1 or isinstance(failure, RateLimited)
            failure.retryable = failure.retryable and alone
            return failure
    return None


def _failure_of(choice: Mapping[str, object], url: str, redact: Redactor) -> APIError | None:
    message = choice.get("message")
    for holder in (choice, message):
        if isinstance(holder, dict) and reports_error(holder.get("error")):
            return error_for_body(holder["error"], shown_url(url), redact)
    failed = failed_finish(choice)
    if failed is None:
        return None
    return ServerError("The answer ended with a failure", status=200, endpoint=shown_url(url), body=redact(failed))


def reports_error(error: object) -> bool:
    """Say whether the value of ``error`` reports one; some servers send an empty one with each answer.

    Args:
        error: The value in the body of a reply; None if there is none.

    Returns:
        False for an empty one.
    """
    return any(error.values()) if isinstance(error, dict) else bool(error)


def unreadable(error: Exception, endpoint: str = "", body: object = None, advice: str = "") -> MalformedResponse:
    """Turn an exception of code that reads a reply into a failure of its call.

    Args:
        error: The exception.
        endpoint: The URL of the request, without credentials.
        body: The parsed JSON of the reply; None if it is not known.
        advice: What the user can try.

    Returns:
        The exception to raise.
    """
    what = f"The answer cannot be read ({type(error).__name__}: {str(error)[:200]})"
    shown = "" if body is None else excerpt(body)
    return MalformedResponse(what, status=200, endpoint=endpoint, body=shown, advice=advice)


def _message(raw: bytes) -> tuple[str, str]:
    """Find the message in an error body; also return the complete body as text."""
    text = raw[:20_000].decode("utf-8", "replace")
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return text[:1000], text
    error = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    if isinstance(error, dict):
        for key in ("message", "detail", "error", "msg"):
            if isinstance(error.get(key), str):
                metadata = error.get("metadata")
                behind = metadata.get("raw") if isinstance(metadata, dict) else None
                # A gateway's own message may only say that the server behind it failed; that server's words follow.
                words = f"{error[key]}: {behind}" if isinstance(behind, str) and behind else error[key]
                return words[:1000], text
    return error[:1000] if isinstance(error, str) else excerpt(error, 1000), text


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
                seconds = date.timestamp() - (time.time() if now is None else now)
            except (TypeError, ValueError, OverflowError, IndexError):
                return None
    return None if seconds is None else min(max(seconds, 0.0), _MAX_RETRY_AFTER)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value == value and abs(value) != float("inf") else None
