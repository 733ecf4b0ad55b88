"""What HTTP statuses and error bodies mean."""

from __future__ import annotations

import email.utils
import json
import re
import time
from collections.abc import Mapping
from typing import Any

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

__all__ = ["error_for_body", "error_for_status", "retry_after"]

_TOO_LONG = re.compile(
    r"(?i)context[ _-]?(?:length|window|size)|maximum (?:context|sequence|model) length|exceed_context_size"
    r"|max_model_len|prompt is too long|too many (?:input |prompt )?tokens|input (?:is )?too long"
    r"|must have less than \d+ tokens|longer than the (?:maximum )?model"
)
_NO_QUOTA = re.compile(
    r"(?i)insufficient_quota|exceeded your current quota|billing_hard_limit|credit balance is too low"
)
_MOST_RETRY_AFTER = 600.0


def error_for_status(status: int, headers: Mapping[str, str], raw: bytes, endpoint: str, redact: Redactor) -> APIError:
    """Turn an answer with an error status into an exception.

    Args:
        status: The HTTP status, 300 or more.
        headers: The answer's headers.
        raw: The answer's body.
        endpoint: The URL asked, without credentials.
        redact: Hides secrets in the body.

    Returns:
        The exception to raise.
    """
    message, whole = _message(raw)
    body, whole = redact(message), whole[:4000]
    wait = retry_after(headers)

    def make(kind: type[APIError], text: str, advice: str = "", retryable: bool | None = None) -> APIError:
        return kind(
            text, status=status, endpoint=endpoint, body=body, advice=advice, retry_after=wait, retryable=retryable
        )

    if status < 400:
        target = redact(headers.get("Location", "elsewhere").partition("?")[0])
        return make(EndpointNotFound, f"The endpoint redirects to {target}", "use that address as base_url")
    if status in (401, 403):
        return make(
            AuthenticationError, "The key was not accepted",
            "set OPENAI_API_KEY, or auth_token= in model_args, to a key that may use this model",
        )  # fmt: skip
    if status in (404, 405):
        return make(
            EndpointNotFound, "The server does not know this URL or this model",
            "check base_url and model= (GET /v1/models lists the names the server knows)",
        )  # fmt: skip
    if status == 407:
        return make(
            EndpointUnreachable, "The proxy asks for a name and a password",
            "write them as HTTP_PROXY=http://NAME:PASSWORD@HOST:PORT",
        )  # fmt: skip
    if status == 408:
        return make(RequestTimeout, "The server gave up waiting")
    if status == 409:
        return make(ServerError, "The server reports a conflict")
    if status == 429:
        if _NO_QUOTA.search(whole):
            return make(RateLimited, "The account has no quota left", "check the plan and billing", retryable=False)
        return make(RateLimited, "Too many requests", "lower num_concurrent, or set requests_per_minute")
    if status < 500:
        return make(*_rejection(whole))
    if status in (500, 501) and _TOO_LONG.search(whole):
        return make(*_rejection(whole))
    return make(ServerError, "The server failed")


def _rejection(whole: str) -> tuple[type[APIError], str, str]:
    if _TOO_LONG.search(whole):
        advice = "shorten the prompt (fewer shots), lower max_gen_toks, or cut on the left with truncate=true"
        return ContextLengthExceeded, "The prompt does not fit the model's window", advice
    return RequestRejected, "The server rejected the request", ""


def error_for_body(error: Any, endpoint: str, redact: Redactor) -> APIError:
    """Turn an ``error`` object that came with status 200, as some gateways send, into an exception.

    Args:
        error: What the body holds under ``error``.
        endpoint: The URL asked, without credentials.
        redact: Hides secrets.

    Returns:
        The exception to raise.
    """
    code = error.get("code") if isinstance(error, dict) else None
    if str(code).isdigit() and 400 <= int(str(code)) < 600:
        return error_for_status(int(str(code)), {}, json.dumps({"error": error}).encode(), endpoint, redact)
    text, whole = _message(json.dumps({"error": error}).encode())
    if _TOO_LONG.search(whole):
        kind, message, advice = _rejection(whole)
        return kind(message, status=200, endpoint=endpoint, body=redact(text), advice=advice)
    return MalformedResponse(
        "The endpoint sent an error with status 200", status=200, endpoint=endpoint, body=redact(text)
    )


def _message(raw: bytes) -> tuple[str, str]:
    """Find the message in an error body; also return the whole body as text."""
    whole = raw[:20_000].decode("utf-8", "replace")
    try:
        parsed = json.loads(whole)
    except ValueError:
        return whole[:1000], whole
    error = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    if isinstance(error, dict):
        for key in ("message", "detail", "error", "msg"):
            if isinstance(error.get(key), str):
                return error[key][:1000], whole
    return (error if isinstance(error, str) else json.dumps(error))[:1000], whole


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Read how long the server asks to wait.

    Args:
        headers: The answer's headers: ``Retry-After`` in seconds or as a date, ``Retry-After-Ms``.
        now: The time, in seconds since the epoch; the clock's when absent.

    Returns:
        Seconds, at most ten minutes, or None when it does not say.
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
    return None if seconds is None else min(max(seconds, 0.0), _MOST_RETRY_AFTER)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value == value and abs(value) != float("inf") else None
