"""Measure how much of the prompts is in the prefix cache of a server, which depends on the order of the requests."""

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
_BLOCKS, _BLOCK_TOKENS = 4096, 16
_UNLIMITED = 10**8


def prefix_cache(bench: Bench) -> Iterator[Row]:
    """Count the prompt tokens that the mock server finds in its prefix cache, which drops the least recently used.

    Args:
        bench: The interpreters and sizes.

    Yields:
        One row.

    Raises:
        BenchmarkError: The reference sent other requests.
    """
    folder = bench.folder / "mix"
    names = write_mix(folder, bench.size(1000, 10))

    def counts(python: Python, blocks: int) -> dict[str, Any]:
        with MockServer(model="bench", latency_ms=_LATENCY_MS, prefix_cache_blocks=blocks, process=True) as server:
            python.job("mix", base_url=server.base_url, tasks=str(folder), names=names, concurrent=_AT_ONCE)
            return server.fetch_stats()

    def share(stats: dict[str, Any]) -> float:
        return float(stats["cached_tokens"] / stats["prompt_tokens"])

    package = counts(bench.package, _BLOCKS)
    what = (
        f"cached prefix tokens, {len(names)} tasks, {package['asked']:,} requests, {_AT_ONCE} at once, "
        f"a cache of {_BLOCKS * _BLOCK_TOKENS:,} tokens"
    )
    tokens = f"{package['prompt_tokens'] / 1e6:.1f} million prompt tokens"
    if bench.reference is None:
        yield Row(what, f"{share(package):.1%}", note=tokens)
        return
    peer = counts(bench.reference, _BLOCKS)
    # A small difference is right: this package sends short texts to probe the server.
    if abs(package["prompt_tokens"] - peer["prompt_tokens"]) > 200 or abs(package["asked"] - peer["asked"]) > 10:
        raise BenchmarkError(f"The reference sent other requests: {package}, {peer}.")
    yield Row(
        what,
        f"{share(package):.1%}",
        f"{share(peer):.1%}",
        share(package) / share(peer),
        "> reference",
        share(package) > share(peer),
        f"{tokens}; in an unlimited cache {share(counts(bench.package, _UNLIMITED)):.1%}, in any order",
    )
