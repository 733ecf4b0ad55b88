"""Reads server-sent events from bytes that arrive in any pieces."""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["DONE", "EventStream"]

DONE = b"[DONE]"
"""The data of the event that ends a stream of the OpenAI API."""
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class EventStream:
    """Cuts bytes into events, as the HTML standard describes them: lines, fields, and an empty line after each event.

    Comments, which servers send to keep a connection open, and the fields ``id`` and ``retry`` are left out.
    """

    def __init__(self) -> None:
        """Start at the first byte."""
        self._rest: list[bytes] = []
        self._data: list[bytes] = []
        self._name = b""
        self._started = False

    def feed(self, piece: bytes) -> Iterator[tuple[str, bytes]]:
        """Read the next bytes.

        Args:
            piece: Any number of bytes; may end within a line, a line end or a character.

        Yields:
            The name of each event that is complete, empty for most servers, and its data.
        """
        self._rest.append(piece)
        if b"\n" not in piece and b"\r" not in piece and len(self._rest) == 1:
            return
        if b"\n" not in piece and b"\r" not in piece and not self._rest[-2].endswith(b"\r"):
            return
        lines = b"".join(self._rest).splitlines(keepends=True)
        # A line feed may follow a carriage return at the end, and then belongs to the same line end.
        self._rest = [lines.pop()] if lines and not lines[-1].endswith(b"\n") else []
        for line in lines:
            yield from self._take(line.rstrip(b"\r\n"))

    def end(self) -> Iterator[tuple[str, bytes]]:
        """Read what is left when no more bytes come: some servers leave out the last line ends.

        Yields:
            As ``feed``.
        """
        rest, self._rest = b"".join(self._rest), []
        for line in (*rest.splitlines(), b""):
            yield from self._take(line)

    def _take(self, line: bytes) -> Iterator[tuple[str, bytes]]:
        if not self._started:
            self._started = True
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            if self._data:
                yield self._name.decode("utf-8", "replace"), b"\n".join(self._data)
            self._data, self._name = [], b""
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        # llama.cpp has sent its errors under a field name of their own.
        if field in (b"data", b"error"):
            self._data.append(value)
            self._name = field if field == b"error" else self._name
        elif field == b"event":
            self._name = value
