"""Faults of the connection: how the bytes of an answer reach the client, or fail to."""

from __future__ import annotations

import asyncio
import email.utils
import socket
import struct
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lm_eval.mock_server.broken_answers import HTML_PAGE
from lm_eval.mock_server.faults import Fault
from lm_eval.mock_server.streaming import ERROR_EVENT

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["deliver", "deliver_events", "error_answer", "error_headers", "error_message", "hang", "reset"]

_DRIP_PIECES = 20
_HTML_STATUSES = ("502", "504")
_MESSAGES = {
    "400-temperature": "`temperature` and `top_p` cannot both be specified for this model.",
    "400-system-role": "System role not supported",
    "400-terminal": "bad\x1b[2J\x1b]0;title\x07 \x9b31m\u202ex\u2028\nlm_eval: all is well\r\necho with logprobs  yes",
    "500-parameter": "UnsupportedParamsError: mock does not support parameters: {'seed': 1234}, for model=mock.",
}


def error_headers(fault: Fault) -> dict[str, str]:
    """Build the headers that say when to retry.

    Args:
        fault: A fault that answers with an error status.

    Returns:
        Headers; empty for most faults.
    """
    if fault.kind.endswith("retry-after"):
        return {"Retry-After": f"{fault.value:g}"}
    if fault.kind.endswith("retry-after-ms"):
        return {"retry-after-ms": f"{fault.value:g}"}
    if fault.kind.endswith("retry-after-date"):
        return {"Retry-After": email.utils.formatdate(time.time() + fault.value, usegmt=True)}
    return {}


def error_answer(fault: Fault) -> tuple[int, str | None] | None:
    """Find the status of a fault that is an answer with an error status.

    Args:
        fault: The fault.

    Returns:
        The status, and for some an HTML page that replaces the error object; None for other faults.
    """
    status = fault.kind[:3]
    if not status.isdigit():
        return None
    return int(status), HTML_PAGE if status in _HTML_STATUSES else None


def error_message(fault: Fault) -> str:
    """Return the message of a fault that answers with an error object.

    Args:
        fault: The fault.

    Returns:
        The message.
    """
    return _MESSAGES.get(fault.kind, f"The mock server was told to answer {fault.kind[:3]}.")


async def hang(request: web.Request, closing: asyncio.Event) -> None:
    """Send nothing until the client disconnects or the server stops.

    Args:
        request: The request.
        closing: Set when the server stops.
    """
    await closing.wait()
    reset(request)


def reset(request: web.Request) -> None:
    """Break the connection, so that the client sees a reset instead of an orderly end.

    Args:
        request: The request on that connection.
    """
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def deliver(
    request: web.Request, payload: bytes, status: int, headers: dict[str, str], fault: Fault | None
) -> web.StreamResponse:
    """Send an answer, intact or with a fault of the connection.

    Args:
        request: The request.
        payload: The JSON text.
        status: The HTTP status.
        headers: Additional headers.
        fault: ``truncated``, ``reset`` or ``drip`` change the delivery; other faults and None do not.

    Returns:
        The response.
    """
    from aiohttp import web

    kind = fault.kind if fault else ""
    if kind == "truncated":
        payload = payload[: len(payload) * 2 // 3]
    if kind not in ("reset", "drip"):
        return web.Response(body=payload, status=status, headers=headers, content_type="application/json")
    response = web.StreamResponse(status=status, headers=headers)
    response.content_type = "application/json"
    response.content_length = len(payload)
    await response.prepare(request)
    if kind == "reset":
        await response.write(payload[: len(payload) // 2])
        reset(request)
        return response
    pause = (fault.value if fault else 0.0) / _DRIP_PIECES
    size = max(1, -(-len(payload) // _DRIP_PIECES))
    for start in range(0, len(payload), size):
        await response.write(payload[start : start + size])
        await asyncio.sleep(pause)
    await response.write_eof()
    return response


async def deliver_events(
    request: web.Request, events: Sequence[bytes], headers: dict[str, str], fault: Fault | None, pause: float
) -> web.StreamResponse:
    """Send the events of a streamed answer, all of them or with a fault in the middle.

    Args:
        request: The request.
        events: The events.
        headers: Additional headers.
        fault: ``truncated``, ``reset``, ``drip`` and ``stream-error`` change the delivery; others and None do not.
        pause: Seconds before each event.

    Returns:
        The response.
    """
    from aiohttp import web

    kind = fault.kind if fault else ""
    if kind == "drip" and fault is not None:
        pause += fault.value / len(events)
    if kind in ("truncated", "reset", "stream-error"):
        events = [*events[: len(events) // 2], *([ERROR_EVENT] if kind == "stream-error" else [])]
    response = web.StreamResponse(headers={**headers, "Cache-Control": "no-cache"})
    response.content_type = "text/event-stream"
    await response.prepare(request)
    for event in events:
        if pause:
            await asyncio.sleep(pause)
        await response.write(event)
    if kind == "reset":
        reset(request)
    else:
        await response.write_eof()
    return response
