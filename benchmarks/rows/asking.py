"""Measure the client while a server answers: short and long prompts, many settings, saved answers."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.processes import BenchmarkError, Python
from benchmarks.setting import Bench, CannedServer
from benchmarks.table import Row

_MIN_RATIO, _MIN_RATIO_SAVED, _MIN_RATIO_ORJSON, _MAX_OF_IDEAL, _MIN_REPLAYED = 0.9, 0.9, 1.2, 1.5, 20_000
_LATENCY, _SLOW, _AT_ONCE = 0.05, 2.0, 64
_Clients = list[tuple[str, Python, bool, float | None]]
"""Name, interpreter, whether answers are saved on disk, and the target for the ratio to the pool."""


def engine(bench: Bench) -> Iterator[Row]:
    """Measure short scoring requests against a bare aiohttp pool with JSON parsing.

    Args:
        bench: The interpreters and sizes.

    Yields:
        Rows for this package, with saved answers, with the extra ``speed``, and for the reference.
    """
    count = bench.size(10_000)
    clients: _Clients = [
        ("this package", bench.package, False, _MIN_RATIO),
        ("this package, answers saved", bench.package, True, _MIN_RATIO_SAVED),
    ]
    if bench.with_speed is not None:
        clients.append(("this package, answers saved, extra speed", bench.with_speed, True, _MIN_RATIO_SAVED))
    yield from _against_pool(bench, f"{count:,} short scoring requests, 64 at once", count, 12, clients)


def long_prompts(bench: Bench) -> Iterator[Row]:
    """Measure prompts of 1,500 words, echoed with log-probabilities.

    Args:
        bench: The interpreters and sizes.

    Yields:
        Rows for this package, with the extra ``speed``, and for the reference.
    """
    count = bench.size(1000)
    clients: _Clients = [("this package", bench.package, False, _MIN_RATIO)]
    if bench.with_speed is not None:
        clients.append(("this package, extra speed", bench.with_speed, False, _MIN_RATIO_ORJSON))
    yield from _against_pool(bench, f"{count:,} prompts of 1,500 words, echoed with logprobs", count, 1500, clients)


def _against_pool(bench: Bench, what: str, count: int, words: int, clients: _Clients) -> Iterator[Row]:
    if bench.reference is not None:
        clients = [*clients, ("reference", bench.reference, False, None)]
    for name, python, journal, target in clients:
        with CannedServer() as server:
            job = python.job(
                "ask", base_url=server.base_url, count=count, words=words, rounds=bench.rounds, journal=journal
            )
        if job["wrong"]:
            raise BenchmarkError(f"{what}, {name}: {job['wrong']} scores are wrong.")
        rounds = job["rounds"]
        wall, cpu = (median([round_["bare"][kind] / round_["harness"][kind] for round_ in rounds]) for kind in (0, 1))
        yield Row(
            f"{what}: {name}",
            f"{count / median([round_['harness'][0] for round_ in rounds]):,.0f}/s",
            f"{count / median([round_['bare'][0] for round_ in rounds]):,.0f}/s",
            wall,
            f">= {target}" if target is not None else "",
            wall >= target if target is not None else None,
            f"bare aiohttp pool, {len(rounds)} rounds in turns; by CPU time {cpu:.2f}"
            + ("" if python.this_package else "; the tokenizer is a stand-in that costs almost nothing"),
        )


def settings(bench: Bench) -> Iterator[Row]:
    """Measure six generation settings, with one slow answer in a hundred, against the work divided by 64.

    Args:
        bench: The interpreters and sizes.

    Yields:
        One row per harness.
    """
    docs = bench.size(500, 100)
    for python in (bench.package, bench.reference):
        if python is None:
            continue
        runs, waited = [], []
        with CannedServer(_LATENCY * 1000, _SLOW * 1000) as server:
            for _ in range(bench.rounds if python.this_package else 1):
                runs.append(python.job("settings", base_url=server.base_url, settings=6, docs=docs))
                seen = server.seen()
                waited.append(seen["last"] - seen["last_quick"])
        seconds = [_SLOW if slow else _LATENCY for slow in runs[0]["slow"]]
        ideal = sum(seconds) / _AT_ONCE
        took, alone = median([run["wall"] for run in runs]), median(waited)
        package = python.this_package
        yield Row(
            f"six generation settings, {docs} docs each, 50 ms, 1 in 100 takes 2 s: "
            + ("this package" if package else "reference"),
            f"{took:.2f} s",
            f"{ideal:.2f} s",
            took / ideal,
            f"<= {_MAX_OF_IDEAL}" if package else "",
            took / ideal <= _MAX_OF_IDEAL if package else None,
            f"ideal: all the work / 64; in the last {alone:.2f} s only slow answers were pending"
            + (f"; a pool without overhead has {_free_pool(seconds) / ideal:.2f}" if package else ""),
        )


def _free_pool(seconds: Sequence[float]) -> float:
    """Compute the total time of a pool without overhead, whose workers take the next request at once."""
    free = [0.0] * _AT_ONCE
    for duration in seconds:
        heapq.heapreplace(free, free[0] + duration)
    return max(free)


def replay(bench: Bench) -> Iterator[Row]:
    """Measure how fast saved answers are read.

    Args:
        bench: The interpreters and sizes.

    Yields:
        A row for generation and one for scoring.
    """
    count = bench.size(20_000)
    for kind, name in (("generate_until", "generation"), ("loglikelihood", "scoring")):
        speeds = []
        for python in (bench.package, bench.reference):
            if python is None:
                continue
            with CannedServer() as server:
                runs = [
                    python.job("replay", base_url=server.base_url, kind=kind, count=count)
                    for _ in range(bench.rounds if python.this_package else 1)
                ]
            if not all(run["same"] for run in runs):
                raise BenchmarkError("Replayed answers differ from the original ones.")
            speeds.append(count / median([run["wall"] for run in runs]))
        yield Row(
            f"{count:,} saved answers replayed, {name}",
            f"{speeds[0]:,.0f}/s",
            f"{speeds[1]:,.0f}/s" if len(speeds) > 1 else "",
            speeds[0] / speeds[1] if len(speeds) > 1 else None,
            f">= {_MIN_REPLAYED:,}/s",
            speeds[0] >= _MIN_REPLAYED,
            "reference: --use_cache" if len(speeds) > 1 else "",
        )
