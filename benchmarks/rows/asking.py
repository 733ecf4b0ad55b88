"""What the client costs while a server answers: short and long prompts, many settings, answers kept on disk."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

from benchmarks.processes import BenchmarkError, Python
from benchmarks.setting import Bench, CannedServer, middle
from benchmarks.table import Row

_SHARE, _QUICKER_SHARE, _IDEAL, _REPLAYED = 0.85, 1.2, 1.5, 20_000
_LATENCY, _SLOW, _AT_ONCE = 0.05, 2.0, 64
_Sides = list[tuple[str, Python, bool, float | None]]
"""What to call it, its interpreter, whether answers are kept on disk, and the share to reach."""


def engine(bench: Bench) -> Iterator[Row]:
    """Measure short scoring requests against a bare aiohttp pool with JSON parsing.

    Args:
        bench: What to measure with.

    Yields:
        A row for the engine, one with answers kept, one with a faster JSON parser, one for the reference.
    """
    count = bench.size(10_000)
    sides: _Sides = [("ours", bench.ours, False, _SHARE), ("ours, answers kept on disk", bench.ours, True, None)]
    if bench.quicker is not None:
        sides.append(("ours, with orjson", bench.quicker, False, None))
    yield from _against_pool(bench, f"{count:,} short scoring requests, 64 at once", count, 12, sides)


def long_prompts(bench: Bench) -> Iterator[Row]:
    """Measure prompts of 1,500 words, echoed with log-probabilities.

    Args:
        bench: What to measure with.

    Yields:
        A row for the engine, one with a faster JSON parser, one for the reference.
    """
    count = bench.size(1000)
    sides: _Sides = [("ours", bench.ours, False, _SHARE)]
    if bench.quicker is not None:
        sides.append(("ours, with orjson", bench.quicker, False, _QUICKER_SHARE))
    yield from _against_pool(bench, f"{count:,} prompts of 1,500 words, echoed with logprobs", count, 1500, sides)


def _against_pool(bench: Bench, what: str, count: int, words: int, sides: _Sides) -> Iterator[Row]:
    if bench.peer is not None:
        sides = [*sides, ("reference", bench.peer, False, None)]
    for name, python, journal, share in sides:
        with CannedServer() as server:
            found = python.job(
                "ask", base_url=server.base_url, count=count, words=words, rounds=bench.rounds, journal=journal
            )
        if found["wrong"]:
            raise BenchmarkError(f"{what}, {name}: {found['wrong']} scores are wrong.")
        rounds = found["rounds"]
        wall, cpu = (middle([one["bare"][kind] / one["harness"][kind] for one in rounds]) for kind in (0, 1))
        own = python.ours
        yield Row(
            f"{what}: {name}",
            f"{count / middle([one['harness'][0] for one in rounds]):,.0f}/s",
            f"{count / middle([one['bare'][0] for one in rounds]):,.0f}/s",
            wall,
            f">= {share}" if share is not None else "",
            wall >= share if share is not None else None,
            f"bare aiohttp pool, {len(rounds)} rounds in turns; by CPU time {cpu:.2f}"
            + ("" if own else "; its tokenizer is a stand-in that costs next to nothing"),
        )


def settings(bench: Bench) -> Iterator[Row]:
    """Measure six generation settings, with a slow answer in a hundred, against the work divided by 64.

    Args:
        bench: What to measure with.

    Yields:
        A row for each side.
    """
    docs = bench.size(500, 100)
    for python in (bench.ours, bench.peer):
        if python is None:
            continue
        runs, waited = [], []
        with CannedServer(_LATENCY * 1000, _SLOW * 1000) as server:
            for _ in range(bench.rounds if python.ours else 1):
                runs.append(python.job("settings", base_url=server.base_url, settings=6, docs=docs))
                seen = server.seen()
                waited.append(seen["last"] - seen["last_quick"])
        seconds = [_SLOW if slow else _LATENCY for slow in runs[0]["slow"]]
        ideal = sum(seconds) / _AT_ONCE
        took, alone = middle([one["wall"] for one in runs]), middle(waited)
        own = python.ours
        yield Row(
            f"six generation settings, {docs} docs each, 50 ms, 1 in 100 takes 2 s: {'ours' if own else 'reference'}",
            f"{took:.2f} s",
            f"{ideal:.2f} s",
            took / ideal,
            f"<= {_IDEAL}" if own else "",
            took / ideal <= _IDEAL if own else None,
            f"ideal: all the work / 64; at the end {alone:.2f} s went by with nothing but slow answers under way"
            + (f"; a pool that costs nothing takes {_free_pool(seconds) / ideal:.2f}" if own else ""),
        )


def _free_pool(seconds: Sequence[float]) -> float:
    """Tell when the last answer comes if each place takes the next request the moment it is free."""
    free = [0.0] * _AT_ONCE
    for one in seconds:
        heapq.heapreplace(free, free[0] + one)
    return max(free)


def replay(bench: Bench) -> Iterator[Row]:
    """Measure how fast answers come from a file.

    Args:
        bench: What to measure with.

    Yields:
        A row for generation and one for scoring.
    """
    count = bench.size(20_000)
    for kind, name in (("generate_until", "generation"), ("loglikelihood", "scoring")):
        speeds = []
        for python in (bench.ours, bench.peer):
            if python is None:
                continue
            with CannedServer() as server:
                runs = [
                    python.job("replay", base_url=server.base_url, kind=kind, count=count)
                    for _ in range(bench.rounds if python.ours else 1)
                ]
            if not all(one["same"] for one in runs):
                raise BenchmarkError("Replayed answers differ from those that were asked.")
            speeds.append(count / middle([one["wall"] for one in runs]))
        yield Row(
            f"{count:,} kept answers replayed, {name}",
            f"{speeds[0]:,.0f}/s",
            f"{speeds[1]:,.0f}/s" if len(speeds) > 1 else "",
            speeds[0] / speeds[1] if len(speeds) > 1 else None,
            f">= {_REPLAYED:,}/s",
            speeds[0] >= _REPLAYED,
            "reference: --use_cache" if len(speeds) > 1 else "",
        )
