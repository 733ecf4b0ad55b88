"""Measure the time before the first request: building requests, listing names, starting."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks.processes import BenchmarkError, Ran
from benchmarks.setting import Bench, turns
from benchmarks.table import Row

_MAX_COLD, _MAX_WARM, _MAX_HELP, _MIN_BUILD = 3.0, 0.3, 0.15, 15.0


def build(bench: Bench) -> Iterator[Row]:
    """Measure how many documents per second are turned into requests; the reference must build the same requests.

    Args:
        bench: The interpreters and sizes.

    Yields:
        A row without shots and one with five.

    Raises:
        BenchmarkError: The requests differ.
    """
    docs = bench.size(25_000)
    tasks = str(bench.tasks(docs))
    for shots in (0, 5):
        what = f"building requests, {docs:,} docs, 4 choices, {shots} shots"
        package: list[dict[str, Any]] = []
        peer: list[dict[str, Any]] = []

        def build_here(jobs: list[dict[str, Any]] = package, shots: int = shots) -> None:
            jobs.append(bench.package.job("build", tasks=tasks, shots=shots))

        def build_there(jobs: list[dict[str, Any]] = peer, shots: int = shots) -> None:
            if bench.reference is not None:
                jobs.append(bench.reference.job("build", tasks=tasks, shots=shots))

        for _ in turns(min(bench.rounds, 2), build_here, build_there):
            pass
        speed = median([job["docs"] / job["wall"] for job in package])
        if not peer:
            yield Row(what, f"{speed:,.0f} docs/s", target=f">= {_MIN_BUILD:g} x")
            continue
        if {job["digest"] for job in package} != {job["digest"] for job in peer}:
            raise BenchmarkError("The reference built other requests.")
        ratios = [a["docs"] / a["wall"] / (b["docs"] / b["wall"]) for a, b in zip(package, peer, strict=True)]
        yield Row(
            what,
            f"{speed:,.0f} docs/s",
            f"{median([job['docs'] / job['wall'] for job in peer]):,.0f} docs/s",
            median(ratios),
            f">= {_MIN_BUILD:g} x",
            median(ratios) >= _MIN_BUILD,
            f"reference; the same {package[0]['requests']:,} requests; by CPU time "
            f"{median([b['cpu'] / a['cpu'] for a, b in zip(package, peer, strict=True)]):.3g} x",
        )


def names(bench: Bench) -> Iterator[Row]:
    """Measure ``lm_eval ls tasks`` over the reference's task files, without and with the saved index.

    Args:
        bench: The interpreters and sizes.

    Yields:
        One row without the index (cold) and one with it (warm).
    """
    folder = bench.task_files()
    words = ("ls", "tasks", *(("--include_path", folder) if folder else ()))
    cold: list[Ran] = []
    warm: list[Ran] = []
    peer: list[float] = []
    listed = other = 0
    for _ in range(bench.rounds):
        bench.forget_index()
        cold.append(bench.package.command(*words))
        ran = bench.package.command(*words)
        warm.append(ran)
        listed = len(ran.out.splitlines())
        if bench.reference is not None and len(peer) < 2:
            reference_run = bench.reference.command("ls", "tasks")
            peer.append(reference_run.seconds)
            other = reference_run.out.count("\n|")
    what = "`lm_eval ls tasks`, the reference's task files"
    for name, runs, target in (("cold", cold, _MAX_COLD), ("warm", warm, _MAX_WARM)):
        took = [run.seconds for run in runs]
        yield Row(
            f"{what}, {name}",
            f"{median(took):.2f} s",
            f"{median(peer):.1f} s" if peer else "",
            median(peer) / median(took) if peer else None,
            f"< {target:g} s",
            median(took) < target if folder else None,
            f"CPU {median([run.cpu for run in runs]):.2f} s; {listed:,} names"
            + (f"; the reference prints {other:,} lines" if other else "; tasks of this package only"),
        )


def start(bench: Bench) -> Iterator[Row]:
    """Measure the time to the first line of output.

    Args:
        bench: The interpreters and sizes.

    Yields:
        One row for the help text and one for the names of the tasks.
    """
    for words, target in ((("--help",), _MAX_HELP), (("ls", "tasks"), _MAX_WARM)):
        bench.package.command(*words)
        runs = [bench.package.command(*words) for _ in range(max(5, bench.rounds))]
        took = [run.seconds for run in runs]
        peer = [bench.reference.command(*words).seconds for _ in range(2)] if bench.reference is not None else []
        yield Row(
            f"`lm_eval {' '.join(words)}`, second run",
            f"{median(took):.3f} s",
            f"{median(peer):.1f} s" if peer else "",
            median(peer) / median(took) if peer else None,
            f"< {target:g} s",
            median(took) < target,
            f"fastest {min(took):.3f} s; CPU {median([run.cpu for run in runs]):.3f} s",
        )
