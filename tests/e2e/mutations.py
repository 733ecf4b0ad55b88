"""Spoils the JSON of an answer at a random place, in ways that servers, gateways and proxies do, and in others."""

from __future__ import annotations

import json
import random
import re
from typing import Any

__all__ = ["mutate"]

_NUMBER = re.compile(rb"-?\d+\.?\d*(?:[eE][+-]?\d+)?")
_NUMBERS = (
    b"1e999",
    b"-1e999",
    b"9" * 310,
    b"-" + b"9" * 400,
    b"7" * 5000,
    b"NaN",
    b"-Infinity",
    b"0",
    b"-0.0",
    b"1e-400",
)
_RUBBISH: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 0.5, -0.5, 1e308, -1e308, 10**400, -(10**400), float("nan"), float("inf"),
    float("-inf"), "", " ", "x", "²", "NaN", "-1.5", "null", "\ud800", "\x1b[31m", "9" * 5000, [], {}, [None], [[]],
    [{}], [0], {"a": None}, {"": {}}, {"error": "x"}, [1, "a", None, {}], "stop", "error", "length", "token_id:²",
)  # fmt: skip
_ERRORS: tuple[Any, ...] = (
    "overloaded", {"message": "x"}, {"message": None, "code": "²"}, {"code": "9" * 5000}, {"code": 500}, {"code": 429},
    {"message": {"message": {"message": []}}}, [], [{}], 5, True, {"code": 10**400}, {"code": float("nan")},
    {"message": "prompt is too long"}, {"code": [400], "message": ["a"]},
)  # fmt: skip
_WHOLE = (b"", b"null", b"[]", b"{}", b"5", b'"x"', b"<html>", b"[DONE]", b"data: {}")
_STATUSES = (400, 413, 422, 429, 500, 502, 503)
_KEYS = ("error", "choices", "usage", "logprobs", "text", "message", "content", "tokens", "index", "finish_reason")


def _path(value: Any, rng: random.Random) -> list[Any]:
    """Choose a place in a value: keys and indexes that lead to it."""
    path: list[Any] = []
    while isinstance(value, (dict, list)) and value and rng.random() < 0.85:
        key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        path.append(key)
        value = value[key]
    return path


def _container(value: Any, rng: random.Random, kind: type) -> Any:
    """Choose a list or an object in a value; None when there is none."""
    found = [value] if isinstance(value, kind) else []
    waiting = [value]
    while waiting and len(found) < 200:
        item = waiting.pop()
        children = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        for child in children:
            if isinstance(child, (dict, list)):
                waiting.append(child)
                if isinstance(child, kind):
                    found.append(child)
    return rng.choice(found) if found else None


def _replace(body: Any, rng: random.Random, new: Any) -> Any:
    path = _path(body, rng)
    if not path:
        return new
    holder = body
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = new
    return body


def _list(body: Any, rng: random.Random) -> None:
    found = _container(body, rng, list)
    if not found:
        return
    place = rng.randrange(len(found))
    kind = rng.randrange(8)
    if kind == 0:
        found.reverse()
    elif kind == 1:
        rng.shuffle(found)
    elif kind == 2:
        found.append(found.pop(0))
    elif kind == 3:
        del found[place]
    elif kind == 4:
        found.insert(place, found[place])
    elif kind == 5:
        found.insert(place, rng.choice(_RUBBISH))
    elif kind == 6:
        del found[place:]
    else:
        found.clear()


def _object(body: Any, rng: random.Random) -> None:
    found = _container(body, rng, dict)
    if not found:
        return
    key = rng.choice(list(found))
    kind = rng.randrange(5)
    if kind == 0:
        del found[key]
    elif kind == 1:
        found[rng.choice(_KEYS)] = found.pop(key)
    elif kind == 2:
        other = rng.choice(list(found))
        found[key], found[other] = found[other], found[key]
    elif kind == 3:
        found[rng.choice(_KEYS)] = rng.choice(_RUBBISH)
    else:
        found[key] = [found[key]] if rng.random() < 0.5 else {key: found[key]}


def _tree(raw: bytes, rng: random.Random) -> bytes:
    body = json.loads(raw)
    kind = rng.randrange(6)
    if kind == 0:
        body = _replace(body, rng, rng.choice(_RUBBISH))
    elif kind in (1, 2):
        _list(body, rng)
    elif kind == 3:
        _object(body, rng)
    elif kind == 4 and isinstance(body, dict):
        holder = body if rng.random() < 0.5 else _container(body, rng, dict)
        holder["error"] = rng.choice(_ERRORS)
        if rng.random() < 0.5:
            body.pop("choices", None)
    else:
        body = _replace(body, rng, rng.choice(_RUBBISH))
    try:
        return json.dumps(body).encode()
    except ValueError:  # a number of more digits than Python writes
        return raw


def _bytes(raw: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(raw)) if raw else 0
    kind = rng.randrange(9)
    if kind == 0:
        return raw[:at]
    if kind == 1:
        return raw[:at] + bytes([rng.randrange(256)]) + raw[at + 1 :]
    if kind == 2:
        return raw[:at] + rng.choice((b"\x00", b"\xff\xfe", b"}", b"]", b",", b'"', b"\\u0000", b"\\ud83d")) + raw[at:]
    if kind == 3:
        return rng.choice((*_WHOLE, raw + raw, b"\xef\xbb\xbf" + raw))
    if kind == 4:
        depth = rng.choice((50, 1000, 100_000))
        return raw[:at] + b"[" * depth + b"]" * depth + raw[at:]
    numbers = list(_NUMBER.finditer(raw))
    if not numbers:
        return raw[::-1]
    found = rng.choice(numbers)
    if kind in (5, 6):
        new = rng.choice(_NUMBERS)
    elif kind == 7:
        new = b"[" * 2000 + b"]" * 2000
    else:
        new = str(float(found[0]) + rng.choice((1, -1, 0.01, -0.01))).encode()
        new = new.removesuffix(b".0")
    return raw[: found.start()] + new + raw[found.end() :]


def mutate(status: int, raw: bytes, rng: random.Random) -> tuple[int, bytes]:
    """Spoil an answer.

    Args:
        status: The HTTP status.
        raw: The JSON.
        rng: Decides where and how.

    Returns:
        Status and bytes.
    """
    if rng.random() < 0.1:
        status = rng.choice(_STATUSES)
        bodies = {"error": rng.choice(_ERRORS)}, {"detail": rng.choice(_RUBBISH)}, rng.choice(_RUBBISH)
        raw = json.dumps(rng.choice(bodies)).encode()
        return status, raw if rng.random() < 0.7 else _bytes(raw, rng)
    if not raw or rng.random() < 0.3:
        return status, _bytes(raw, rng)
    raw = _tree(raw, rng)
    return status, _tree(raw, rng) if rng.random() < 0.2 and raw[:1] in b"[{" else raw
