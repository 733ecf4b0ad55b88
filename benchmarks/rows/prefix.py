"""How much of the prompts a server's prefix cache has already seen when they come: the order of the requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.mix import write_mix
from benchmarks.processes import BenchmarkError, Python
from benchmarks.setting import Bench
from benchmarks.table import Row
from lm_eval.mock_server import MockServer

__all__ = ["prefix_cache"]

_AT_ONCE, _LATENCY_MS = 16, 5
_BLOCKS, _BLOCK = 4096, 16
_ENDLESS = 10**8


def prefix_cache(bench: Bench) -> Iterator[Row]:
    """Count the prompt tokens the mock server finds in its prefix cache, which keeps what was used last.

    Args:
        bench: What to measure with.

    Yields:
        A row.

    Raises:
        BenchmarkError: The two sides did not ask the same.
    """
    folder = bench.folder / "mix"
    names = write_mix(folder, bench.size(1000, 10))

    def counts(python: Python, blocks: int) -> dict[str, Any]:
        with MockServer(model="bench", latency_ms=_LATENCY_MS, prefix_cache_blocks=blocks, process=True) as server:
            python.job("mix", base_url=server.base_url, tasks=str(folder), names=names, concurrent=_AT_ONCE)
            return server.fetch_stats()

    def share(found: dict[str, Any]) -> float:
        return float(found["cached_tokens"] / found["prompt_tokens"])

    ours = counts(bench.ours, _BLOCKS)
    what = (
        f"cached prefix tokens, {len(names)} tasks, {ours['asked']:,} requests, {_AT_ONCE} at once, "
        f"a cache of {_BLOCKS * _BLOCK:,} tokens"
    )
    tokens = f"{ours['prompt_tokens'] / 1e6:.1f} million prompt tokens"
    if bench.peer is None:
        yield Row(what, f"{share(ours):.1%}", note=tokens)
        return
    peer = counts(bench.peer, _BLOCKS)
    # What differs is the short texts our client gets to know the server with.
    if abs(ours["prompt_tokens"] - peer["prompt_tokens"]) > 200 or abs(ours["asked"] - peer["asked"]) > 10:
        raise BenchmarkError(f"The two sides asked different things: {ours}, {peer}.")
    yield Row(
        what,
        f"{share(ours):.1%}",
        f"{share(peer):.1%}",
        share(ours) / share(peer),
        "> reference",
        share(ours) > share(peer),
        f"{tokens}; in a cache without end {share(counts(bench.ours, _ENDLESS)):.1%}, in any order",
    )
