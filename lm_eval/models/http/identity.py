"""What a model is beyond its name, where the server says so: part of the key of each answer that a file keeps.

A name such as ``my-model`` may stand for another model the next day. What the server says of it shows the difference:
the file or repository that was loaded (``root``, ``model_path``), the adapter's base (``parent``), when the model was
created, and its size.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime

from lm_eval.errors import APIError
from lm_eval.models.http.descriptions import Descriptions
from lm_eval.models.http.endpoints import Endpoint
from lm_eval.models.http.transport import Transport

__all__ = ["identify", "model_facts"]

_ATTEMPTS, _WAIT_SECONDS, _MAX_SECONDS = 3, 0.3, 20.0
_FACTS = ("root", "parent", "digest", "sha", "revision")
_SIZES = ("size", "n_params", "n_vocab", "n_embd", "n_ctx_train")
_PROPS = ("model_path", "chat_template")
_SECONDS_OF_A_REQUEST = 5.0
"""Several servers give the time of the request as ``created``, which says nothing about the model."""


async def identify(
    transport: Transport, endpoints: Sequence[Endpoint], model: str, known: Descriptions | None = None
) -> str:
    """Ask every endpoint what its model is.

    Args:
        transport: Sends the requests: ``GET /models``, and ``GET /props`` of llama.cpp.
        endpoints: The endpoints. Endpoints that say the same count once, and those that say nothing do not count.
        model: The name of the model.
        known: What the only endpoint has said of itself already; None asks for everything.

    Returns:
        A text that stays the same as long as the model does; empty when no endpoint says anything.
    """
    known = known or Descriptions()
    found = await asyncio.gather(*(_facts_of(transport, endpoint, model, known) for endpoint in endpoints))
    return "\n".join(sorted({json.dumps(facts, sort_keys=True, default=str) for facts in found if facts}))


async def _facts_of(transport: Transport, endpoint: Endpoint, model: str, known: Descriptions) -> dict[str, object]:
    listed, now = await _get(transport, endpoint, "/models", known)
    facts = model_facts(listed, model, now)
    entry = _entry(listed, model)
    if entry is not None and entry.get("owned_by", "llamacpp") == "llamacpp":
        props, _ = await _get(transport, endpoint, "//props", known)
        facts |= {name: props[name] for name in _PROPS if props.get(name)}
    return facts


def model_facts(listed: Mapping[str, object], model: str, now: float) -> dict[str, object]:
    """Read what a list of models says of one.

    Args:
        listed: The body of ``/models``.
        model: The name of the model.
        now: The time on the server's clock, in seconds.

    Returns:
        The facts that change with the model, and not with the request or with a restart of the server.
    """
    entry = _entry(listed, model)
    if entry is None:
        return {}
    facts = {name: entry[name] for name in _FACTS if entry.get(name)}
    created, meta = entry.get("created"), entry.get("meta")
    if isinstance(created, int | float) and 0 < created < now - _SECONDS_OF_A_REQUEST:
        facts["created"] = created
    if isinstance(meta, Mapping):
        facts |= {name: meta[name] for name in _SIZES if meta.get(name)}
    return facts


def _entry(listed: Mapping[str, object], model: str) -> Mapping[str, object] | None:
    """Return what a list says of a model; of the only one in the list if none has the name."""
    data = listed.get("data")
    entries = [entry for entry in data if isinstance(entry, Mapping)] if isinstance(data, list) else []
    named = [entry for entry in entries if entry.get("id") == model]
    return named[0] if named else entries[0] if len(entries) == 1 else None


async def _get(
    transport: Transport, endpoint: Endpoint, path: str, known: Descriptions
) -> tuple[Mapping[str, object], float]:
    """Read a description, and the time on the server's clock; an empty one if the server has none."""
    if path in known.missing:
        return {}, 0.0
    if path in known.replies:
        body = known.replies[path].body
        return (body if isinstance(body, Mapping) else {}), _server_time({"Date": known.dates.get(path, "")})
    for attempt in range(_ATTEMPTS):
        if attempt:
            await asyncio.sleep(_WAIT_SECONDS)
        endpoint.requests += 1
        try:
            found, _, headers = await asyncio.wait_for(transport.send(endpoint.url(path), b""), _MAX_SECONDS)
        except (APIError, asyncio.TimeoutError) as error:
            if isinstance(error, APIError) and error.retryable:
                continue
            break
        return (found if isinstance(found, Mapping) else {}), _server_time(headers)
    return {}, 0.0


def _server_time(headers: Mapping[str, str]) -> float:
    try:
        return parsedate_to_datetime(headers["Date"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return time.time()
