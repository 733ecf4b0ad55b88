"""One line of a batch: how a request is written, and how the line that answers it is read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lm_eval.config.redact import Redactor
from lm_eval.errors import APIError, MalformedResponse, RequestTimeout
from lm_eval.models.http.replies import error_for_status, failure_inside
from lm_eval.models.http.transport import decode, encode

__all__ = ["Outcome", "read_keys", "read_outcome", "read_path", "write_line"]

_KEY_BYTES = 16
_START = re.compile(rb'\{"custom_id":"([0-9a-f]{%d})","method":"POST","url":"([^"]*)"' % (2 * _KEY_BYTES))
_LINE_ENDS = (("\u2028", rb"\u2028"), ("\u2029", rb"\u2029"), ("\u0085", rb"\u0085"))
"""Characters that JSON allows within a text, and at which some programs end a line."""
_NOT_DONE = ("batch_cancelled", "batch_canceled")
_TIMED_OUT = ("batch_expired", "request_timeout")


@dataclass(slots=True)
class Outcome:
    """What a batch says about one request.

    Attributes:
        key: The key of the request in the journal.
        body: The parsed JSON of the reply; None if there is none.
        error: Why there is no reply.
        done: Whether the request was executed, or its time was over; otherwise the batch was cancelled before.
    """

    key: bytes
    body: Mapping[str, object] | None = None
    error: APIError | None = None
    done: bool = True

    @property
    def raw(self) -> bytes:
        """The reply as the journal keeps it."""
        return encode(self.body or {})


def write_line(key: bytes, path: str, body: bytes) -> bytes:
    """Write a request as a line of a batch file.

    Args:
        key: Its key in the journal.
        path: The path of its API, after ``/v1``.
        body: The bytes of its payload.

    Returns:
        The line, with its end.
    """
    for character, escape in _LINE_ENDS:
        body = body.replace(character.encode(), escape)
    head = b'{"custom_id":"%s","method":"POST","url":"/v1%s","body":' % (key.hex().encode(), path.encode())
    return head + body + b"}\n"


def read_keys(file: Path) -> Iterator[bytes]:
    """Read the keys of the requests in a file, in their order.

    Args:
        file: The file; lines that this package has not written are skipped.

    Yields:
        Keys.
    """
    with file.open("rb") as lines:
        for line in lines:
            if match := _START.match(line):
                yield bytes.fromhex(match[1].decode())


def read_path(file: Path) -> str:
    """Read which API the requests of a file are for.

    Args:
        file: The file.

    Returns:
        The path after ``/v1``; empty if the file has no request.
    """
    with file.open("rb") as lines:
        match = _START.match(lines.readline())
    return match[2].decode().removeprefix("/v1") if match else ""


def read_outcome(line: bytes, endpoint: str, redact: Redactor) -> Outcome | None:
    """Read a line of a file of replies or of errors.

    Args:
        line: The line.
        endpoint: The URL of the server, or the name of the file, for errors.
        redact: Removes secrets from error texts.

    Returns:
        The outcome; None for a line that is cut or that answers no request of this package.
    """
    try:
        found = decode(line)
    except (ValueError, RecursionError):
        return None
    key = _key_of(found)
    if key is None or not isinstance(found, dict):
        return None
    response, error = found.get("response"), found.get("error")
    response = response if isinstance(response, dict) else {}
    status, body = response.get("status_code"), response.get("body")
    if isinstance(body, dict) and body and (status is None or (isinstance(status, int) and status < 300)) and not error:
        return Outcome(key, body, failure_inside(body, endpoint, redact))
    code = str(error.get("code")) if isinstance(error, dict) else ""
    if code in _NOT_DONE:
        return Outcome(key, done=False)
    return Outcome(key, error=_error_of(status, body, error, code, endpoint, redact))


def _key_of(found: object) -> bytes | None:
    name = found.get("custom_id") if isinstance(found, dict) else None
    if not isinstance(name, str) or len(name) != 2 * _KEY_BYTES:
        return None
    try:
        return bytes.fromhex(name)
    except ValueError:
        return None


def _error_of(status: object, body: object, error: object, code: str, endpoint: str, redact: Redactor) -> APIError:
    """Turn a line without a reply into the exception of the same failure of an ordinary request."""
    words = json.dumps(body if body else {"error": error}, ensure_ascii=False)
    if code in _TIMED_OUT:
        said = error.get("message") if isinstance(error, dict) else ""
        return RequestTimeout(
            "The batch did not answer this in time", endpoint=endpoint, body=redact(str(said or code))
        )
    if isinstance(status, int) and status >= 300:
        return error_for_status(status, {}, words.encode("utf-8", "replace"), endpoint, redact)
    return MalformedResponse("The batch has no reply to this", endpoint=endpoint, body=redact(words))
