"""A server that answers completions as fast as asyncio allows, so that a benchmark measures the client.

Every token is four characters long, and its log-probability depends only on its text. So the server joins an echo from
cached pieces, and any client can compute the right score of a continuation.

``python -m benchmarks.canned_server [LATENCY_MS [SLOW_MS]]`` prints the port. Generated text takes ``LATENCY_MS``, or
``SLOW_MS`` if the prompt contains ``(slow)``; both are 0 by default.
"""

from __future__ import annotations

import asyncio
import functools
import json
import re
import sys
import time
import zlib
from typing import Any

__all__ = ["TOKEN", "score_of", "value_of"]

TOKEN = 4
_HEAD = 16
_LONG = 2000
_ALTERNATIVE = -0.25
_GENERATED = b" Paris"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def value_of(token: str) -> float:
    """Compute the log-probability of a token.

    Args:
        token: The text of the token.

    Returns:
        A number below -0.5.
    """
    return -0.5 - (zlib.crc32(token.encode()) >> 1) % 4096 / 1024


def score_of(context: str, continuation: str) -> tuple[float, bool]:
    """Compute the right score of a continuation, after a context of complete tokens.

    Args:
        context: The prompt.
        continuation: The text to score.

    Returns:
        The log-likelihood, and whether every token is the greedy one.
    """
    tokens = [continuation[start : start + TOKEN] for start in range(0, len(continuation), TOKEN)]
    return sum(map(value_of, tokens)), all(map(_greedy, tokens))


def _greedy(token: str) -> bool:
    return zlib.crc32(token.encode()) % 2 == 0


@functools.lru_cache(100_000)
def _pieces(token: str) -> tuple[str, str, str]:
    """Write a token, its log-probability, and the most probable tokens at its position, as JSON."""
    text, value = json.dumps(token), f"{value_of(token):.10f}"
    other = "" if _greedy(token) else f', " other": {_ALTERNATIVE}'
    return text, value, f"{{{text}: {value}{other}}}"


def _joined(text: str) -> tuple[bytes, bytes, bytes]:
    pieces = [_pieces(text[at : at + TOKEN]) for at in range(0, len(text), TOKEN)]
    tokens, values, tops = (", ".join(column).encode() for column in zip(*pieces, strict=True))
    return tokens, values, tops


@functools.lru_cache(256)
def _tail(text: str) -> tuple[bytes, bytes, bytes, bytes]:
    """Write the part that long prompts share if they differ only in their first characters."""
    return (*_joined(text), json.dumps(text).encode()[1:])


@functools.lru_cache(4096)
def _offsets(length: int) -> bytes:
    return ", ".join(map(str, [*range(0, length, TOKEN), length])).encode()


def _echo(prompt: str, index: int) -> bytes:
    """Write a choice with an echoed prompt and one generated token."""
    if len(prompt) > _LONG:
        tokens, values, tops = _joined(prompt[:_HEAD])
        more_tokens, more_values, more_tops, text_end = _tail(prompt[_HEAD:])
        tokens, values, tops = tokens + b", " + more_tokens, values + b", " + more_values, tops + b", " + more_tops
        text = json.dumps(prompt[:_HEAD]).encode()[:-1] + text_end
    else:
        tokens, values, tops = _joined(prompt)
        text = json.dumps(prompt).encode()
    # The first token has no context, and so no value.
    values, tops = (b"null" + column[len(first) :] for column, first in _firsts(prompt, values, tops))
    return (
        b'{"index": %d, "text": %s%s", "finish_reason": "length", "logprobs": {"tokens": [%s, "%s"], '
        b'"token_logprobs": [%s, -0.5], "top_logprobs": [%s, {"%s": -0.5}], "text_offset": [%s]}}'
        % (index, text[:-1], _GENERATED, tokens, _GENERATED, values, tops, _GENERATED, _offsets(len(prompt)))
    )


def _firsts(prompt: str, values: bytes, tops: bytes) -> tuple[tuple[bytes, bytes], tuple[bytes, bytes]]:
    _, value, top = _pieces(prompt[:TOKEN])
    return (values, value.encode()), (tops, top.encode())


def _completion(body: dict[str, Any]) -> bytes:
    prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
    if body.get("echo"):
        choices = b", ".join(_echo(prompt, place) for place, prompt in enumerate(prompts))
    else:
        choices = b", ".join(
            b'{"index": %d, "text": "%s", "finish_reason": "stop", "logprobs": null}' % (place, _GENERATED)
            for place in range(len(prompts))
        )
    count = sum(-(-len(prompt) // TOKEN) for prompt in prompts)
    return (
        b'{"id": "cmpl", "object": "text_completion", "created": 0, "model": "bench", "choices": [%s], '
        b'"usage": {"prompt_tokens": %d, "completion_tokens": %d, "total_tokens": %d}}'
        % (choices, count, len(prompts), count + len(prompts))
    )


class _Connection(asyncio.Protocol):
    """One connection; the client sends its requests one after another."""

    latency = 0.0
    slow = 0.0
    first_question = 0.0
    last_quick = 0.0
    last = 0.0
    requests = 0

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(self._buffer, 0, end)
        total = end + 4 + (int(length.group(1)) if length else 0)
        if len(self._buffer) < total:
            return
        path, body = bytes(self._buffer[:end]).split(b" ", 2)[1], bytes(self._buffer[end + 4 : total])
        del self._buffer[:total]
        self._answer(path, body)

    def _answer(self, path: bytes, body: bytes) -> None:
        kind = type(self)
        if path.endswith(b"/completions") and body:
            fields = json.loads(body)
            kind.requests += 1
            if not kind.first_question and b"Question: " in body:
                kind.first_question = time.time()
            answer = _completion(fields)
            slow = b"(slow)" in body
            seconds = kind.slow if slow else kind.latency
            if seconds and not fields.get("echo"):
                asyncio.get_running_loop().call_later(seconds, self._send_late, answer, slow)
            else:
                self._send(answer)
        elif path.endswith(b"/models"):
            self._send(b'{"object": "list", "data": [{"id": "bench", "object": "model", "max_model_len": 131072}]}')
        elif path == b"/seen":
            seen = {name: getattr(kind, name) for name in ("first_question", "last_quick", "last", "requests")}
            self._send(json.dumps(seen).encode())
            kind.first_question, kind.requests = 0.0, 0
        else:
            self._send(b'{"error": {"message": "not here"}}', b"404 Not Found")

    def _send_late(self, body: bytes, slow: bool) -> None:
        kind = type(self)
        kind.last = time.time()
        if not slow:
            kind.last_quick = kind.last
        self._send(body)

    def _send(self, body: bytes, status: bytes = b"200 OK") -> None:
        if not self._transport.is_closing():
            head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
            self._transport.write(head + body)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    _Connection.latency, _Connection.slow = (
        [float(word) / 1000 for word in sys.argv[1:3]] + [0.0, 0.0]
    )[:2]  # fmt: skip
    asyncio.run(_serve())
