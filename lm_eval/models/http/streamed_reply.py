"""Reads one streamed reply: bytes to events, events to the JSON of a whole reply, and when its pieces arrived."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

from lm_eval.models.http.assembly import Assembly, BadStream
from lm_eval.models.http.event_stream import DONE, EventStream
from lm_eval.models.http.timing import Arrivals

__all__ = ["StreamedReply", "is_stream"]

_CONTENT_TYPE = "text/event-stream"
_FIRST_BYTES = (b"data:", b"event:", b": ")


def is_stream(content_type: str, start: bytes = b"") -> bool:
    """Say whether a reply is a stream, which some servers send under another content type.

    Args:
        content_type: The media type, without parameters.
        start: The first bytes of the body, if they are known.
    """
    return content_type == _CONTENT_TYPE or start.lstrip().startswith(_FIRST_BYTES)


class StreamedReply:
    """A reply that arrives in events."""

    def __init__(self, decode: Callable[[bytes], object], arrivals: Arrivals) -> None:
        """Start without bytes.

        Args:
            decode: Parses JSON.
            arrivals: Gets the times at which pieces of the answer arrive.
        """
        self._decode, self._arrivals = decode, arrivals
        self._stream, self._assembly = EventStream(), Assembly()

    @property
    def done(self) -> bool:
        """Whether the server has said that the reply is complete."""
        return self._assembly.done

    def feed(self, piece: bytes) -> None:
        """Read the next bytes.

        Args:
            piece: Any number of bytes.

        Raises:
            BadStream: An event is not JSON, or none that these APIs have.
        """
        if self._add(self._stream.feed(piece)):
            self._arrivals.note(perf_counter())

    def body(self) -> dict[str, Any]:
        """Return the JSON of the whole reply, when no more bytes come.

        Returns:
            What the server would have sent without streaming.

        Raises:
            BadStream: As ``feed``.
            CutStream: The stream ended too early.
        """
        self._add(self._stream.end())
        return self._assembly.body()

    def _add(self, events: Iterable[tuple[str, bytes]]) -> bool:
        """Add events; say whether one of them has a piece of the answer."""
        new = False
        for name, data in events:
            data = data.strip()
            if data == DONE:
                self._assembly.done = True
            elif data and not self._assembly.done:
                try:
                    event = self._decode(data)
                except (ValueError, RecursionError) as error:
                    raise BadStream("an event of the stream is not JSON", data) from error
                new = self._assembly.add(name, event) or new
        return new
