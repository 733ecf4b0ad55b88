"""What the jobs send requests with: this package, the reference, a bare aiohttp pool."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.canned_server import TOKEN

CONCURRENT = 64


def arguments() -> dict[str, Any]:
    """Return what the job is to do."""
    found: dict[str, Any] = json.loads(sys.argv[1])
    return found


def finish(**found: Any) -> None:
    """Print what was found; the caller reads the last line."""
    print("\n" + json.dumps(found), flush=True)


def clock(work: Callable[[], Any]) -> tuple[float, float]:
    """Do some work; return its wall and CPU seconds."""
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def instances(kind: str, requests: Sequence[tuple[Any, ...]], task: str = "bench") -> list[Any]:
    """Make Instances of arguments."""
    from lm_eval.api.instance import Instance

    made: Any = Instance
    return [made(kind, {}, request, 0, (task, place, 1)) for place, request in enumerate(requests)]


def our_model(base_url: str, kind: str | None, use_cache: str | None = None, *, concurrent: int = CONCURRENT) -> Any:
    """Build our model, and let it get to know the server unless a run will."""
    from lm_eval.api.model import RunContext
    from lm_eval.models.openai_completions import LocalCompletionsAPI

    lm = LocalCompletionsAPI(model="bench", base_url=base_url, num_concurrent=concurrent)
    if kind is None:
        return lm
    cache = None if use_cache is None else Path(use_cache)
    lm.prepare(RunContext(request_types=frozenset({kind}), use_cache=cache, progress=False))
    return lm


def reference_model(base_url: str, concurrent: int = CONCURRENT) -> Any:
    """Build the reference's model with a stand-in for a tokenizer that costs next to nothing.

    Its tokens are the canned server's.
    """
    from lm_eval.models.openai_completions import LocalCompletionsAPI

    base: Any = LocalCompletionsAPI

    class Cut(base):  # type: ignore[misc]
        """Cuts texts every four characters; a token's id is its bytes."""

        def tok_encode(self, string: Any, **kwargs: Any) -> Any:
            if not isinstance(string, str):
                return [self.tok_encode(text) for text in string]
            data = string.encode("ascii")
            return list(memoryview(data + bytes(-len(data) % TOKEN)).cast("I"))

        def decode_batch(self, tokens: Any) -> list[str]:
            return [array("I", row).tobytes().rstrip(b"\0").decode() for row in tokens]

    lm = Cut(
        model="bench",
        base_url=f"{base_url}/completions",
        tokenizer_backend=None,
        num_concurrent=concurrent,
        max_length=100_000,
    )
    lm.tokenizer = object()
    return lm


def bare_pool(url: str, payloads: Sequence[dict[str, Any]]) -> int:
    """Send payloads with as many workers over one iterator, and parse each answer; return how many came."""

    async def work() -> int:
        import aiohttp

        waiting, done = iter(payloads), 0
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def worker() -> None:
                nonlocal done
                for payload in waiting:
                    async with session.post(url, json=payload) as response:
                        parsed = json.loads(await response.read())
                    done += len(parsed["choices"])

            await asyncio.gather(*(worker() for _ in range(CONCURRENT)))
        return done

    return asyncio.run(work())
