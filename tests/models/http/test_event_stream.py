"""Events are the same however their bytes arrive."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval.models.http.event_stream import EventStream

TEXT = "naïve 日本語 🙂"


def read(pieces: list[bytes]) -> list[tuple[str, bytes]]:
    stream = EventStream()
    return [event for piece in pieces for event in stream.feed(piece)] + list(stream.end())


def cut(raw: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(raw) + 1) for place in places} | {0, len(raw)})
    return [raw[start:end] for start, end in pairwise(ends)]


@given(
    st.lists(st.tuples(st.sampled_from(["", "error", "a b"]), st.lists(st.text("ab:é🙂", max_size=4), min_size=1))),
    st.sampled_from(["\n", "\r", "\r\n"]),
    st.sampled_from(["", ": keep-alive", "id: 7", "retry: 10", "unknown"]),
    st.lists(st.integers(0, 10_000), max_size=30),
)
def test_bytes_in_any_pieces_give_the_same_events(
    events: list[tuple[str, list[str]]], end: str, between: str, places: list[int]
) -> None:
    lines = [between]
    for name, data in events:
        lines += [f"event: {name}"] * bool(name) + [f"data: {line}" for line in data] + [between] * bool(between) + [""]
    raw = "".join(line + end for line in lines).encode()
    assert read(cut(raw, places)) == [(name, "\n".join(data).encode()) for name, data in events]


@pytest.mark.parametrize("left_out", ["", "\n", "\n\n"])
def test_the_last_line_ends_may_be_missing(left_out: str) -> None:
    raw = f"data: {TEXT}\n\n".removesuffix(left_out).encode()
    assert read([raw]) == [("", TEXT.encode())]


@pytest.mark.parametrize(
    ("raw", "events"),
    [
        (b"\xef\xbb\xbfdata: 1\n\n", [("", b"1")]),
        (b"data:1\ndata:  2\n\n", [("", b"1\n 2")]),
        (b"event: ping\n\ndata: 1\n\n", [("", b"1")]),
        (b'error: {"code": 500}\n\n', [("error", b'{"code": 500}')]),
        (b"\n\n\n", []),
        (b"", []),
    ],
)
def test_unusual_lines(raw: bytes, events: list[tuple[str, bytes]]) -> None:
    assert read([raw]) == events
    assert read([bytes([byte]) for byte in raw]) == events
