"""Small fake servers, and a client for the mock server, that implement ``Ask``."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.config.redact import Redactor
from lm_eval.errors import APIError, EndpointNotFound
from lm_eval.models.http.transport import Transport, TransportSettings, encode
from lm_eval.models.http.usage import usage_of
from lm_eval.models.scoring import Scorer
from lm_eval.models.work import Answer, Ask, Call, Reply, Slot, Unit


class Http:
    """Sends each call to a real server once, and counts calls by path."""

    def __init__(self, base_url: str) -> None:
        self.base = base_url
        self.root = base_url.removesuffix("/v1")
        self.calls: Counter[str] = Counter()
        self.prompt_tokens = 0
        self._transport = Transport(TransportSettings(timeout=30), Redactor())

    async def __aenter__(self) -> Http:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.__aexit__(kind, error, trace)

    async def __call__(self, call: Call) -> Reply:
        self.calls[call.path] += 1
        url = f"{self.root}{call.path[1:]}" if call.path.startswith("//") else f"{self.base}{call.path}"
        body = (await self._transport.send(url, encode(call.payload)))[0]
        if call.path == "/completions" and isinstance(body, dict):
            self.prompt_tokens += body["usage"]["prompt_tokens"]
        return Reply(body, url, usage=usage_of(body))


class Fake:
    """A server of functions of the payload, one per path; other paths are not found."""

    def __init__(self, **routes: Callable[[dict[str, Any]], Any]) -> None:
        self.routes = {f"/{name}" if name == "completions" else f"//{name}": route for name, route in routes.items()}
        self.calls: list[Call] = []

    async def __call__(self, call: Call) -> Reply:
        self.calls.append(call)
        await asyncio.sleep(0)
        if call.path not in self.routes:
            raise EndpointNotFound("no such path", status=404)
        body = self.routes[call.path](dict(call.payload))
        return Reply(body, "http://fake", usage=usage_of(body))


def pair(context: str, continuation: str) -> Slot:
    return Slot(Instance("loglikelihood", {}, (context, continuation), 0))


def document(text: str) -> Slot:
    return Slot(Instance("loglikelihood_rolling", {}, (text,), 0))


async def drive(units: Iterable[Unit], ask: Ask, workers: int = 4) -> dict[int, Any]:
    """Run units as the engine does; return the response or error by the ``id`` of the Instance."""
    waiting, more = iter(units), list[Unit]()
    found: dict[int, Any] = {}

    async def work() -> None:
        while True:
            unit = more.pop(0) if more else next(waiting, None)
            if unit is None:
                return
            try:
                results: Sequence[Answer | Unit] = await unit.run(ask)
            except APIError as error:
                for slot in unit.slots:
                    assert id(slot.instance) not in found, "a slot finished twice"
                    found[id(slot.instance)] = error
                continue
            for result in results:
                if isinstance(result, Answer):
                    assert id(result.slot.instance) not in found, "a slot finished twice"
                    found[id(result.slot.instance)] = result
                else:
                    more.append(result)

    await asyncio.gather(*(work() for _ in range(workers)))
    while more:
        await work()
    return found


def answers(scorer: Scorer, slots: Sequence[Slot], ask: Ask, workers: int = 4) -> list[Any]:
    """Score slots; return the ``Answer`` or the error of each, in order."""
    return asyncio.run(answers_of(scorer, slots, ask, workers))


async def answers_of(scorer: Scorer, slots: Sequence[Slot], ask: Ask, workers: int = 4) -> list[Any]:
    found = await drive(scorer.units(slots), ask, workers)
    return [found[id(slot.instance)] for slot in slots]


def legacy_choice(
    tokens: Sequence[str], logprobs: Sequence[float | None], text: str, index: int = 0, shift: int = 0
) -> dict[str, Any]:
    """Build a choice in the legacy format; each listed token is the most probable one."""
    offsets, at = [], -shift
    for token in tokens:
        offsets.append(at + shift)
        at += len(token)
    tops = [None if value is None else {token: value} for token, value in zip(tokens, logprobs, strict=True)]
    return {
        "index": index,
        "text": text,
        "logprobs": {
            "tokens": list(tokens),
            "token_logprobs": list(logprobs),
            "top_logprobs": tops,
            "text_offset": offsets,
        },
    }
