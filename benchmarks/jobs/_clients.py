"""The clients of the jobs: this package, the reference, a bare aiohttp pool."""

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
    """Read the arguments of the job."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    return given


def finish(**results: Any) -> None:
    """Print the results; the caller reads the last line."""
    print("\n" + json.dumps(results), flush=True)


def clock(work: Callable[[], object]) -> tuple[float, float]:
    """Call a function; return its wall and CPU seconds."""
    gc.collect()
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def instances(kind: str, requests: Sequence[tuple[Any, ...]], task: str = "bench") -> list[Any]:
    """Build one Instance per request."""
    from lm_eval.api.instance import Instance

    build: Any = Instance
    return [build(kind, {}, request, 0, (task, index, 1)) for index, request in enumerate(requests)]


def package_model(
    base_url: str, kind: str | None, use_cache: str | None = None, *, concurrent: int = CONCURRENT
) -> Any:
    """Build the model of this package; probe the server if ``kind`` is given, otherwise the run does it."""
    from lm_eval.api.model import RunContext
    from lm_eval.models.openai_completions import LocalCompletionsAPI

    lm = LocalCompletionsAPI(model="bench", base_url=base_url, num_concurrent=concurrent)
    if kind is None:
        return lm
    cache = None if use_cache is None else Path(use_cache)
    lm.harness_prepare(RunContext(request_types=frozenset({kind}), use_cache=cache, progress=False))
    return lm


def reference_model(base_url: str, concurrent: int = CONCURRENT) -> Any:
    """Build the model of the reference, with a stand-in for a tokenizer that costs almost nothing.

    The tokens are those of the canned server.
    """
    from lm_eval.models.openai_completions import LocalCompletionsAPI

    base: Any = LocalCompletionsAPI

    class Cut(base):  # type: ignore[misc]
        """Cuts texts every four characters; the id of a token is its bytes."""

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
    """Send payloads with a pool of workers over one iterator, and parse each answer; return the number of choices."""

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
