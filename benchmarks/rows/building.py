"""What happens before anything is asked: building requests, listing names, starting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.processes import BenchmarkError, Ran
from benchmarks.setting import Bench, middle, turns
from benchmarks.table import Row

_COLD, _WARM, _HELP, _BUILD = 3.0, 0.3, 0.15, 15.0


def build(bench: Bench) -> Iterator[Row]:
    """Measure docs a second when requests are built; both sides must build the same.

    Args:
        bench: What to measure with.

    Yields:
        A row without shots and one with five.

    Raises:
        BenchmarkError: The requests differ.
    """
    docs = bench.size(25_000)
    tasks = str(bench.tasks(docs))
    for shots in (0, 5):
        what = f"building requests, {docs:,} docs, 4 choices, {shots} shots"
        ours: list[dict[str, Any]] = []
        peer: list[dict[str, Any]] = []

        def own(found: list[dict[str, Any]] = ours, shots: int = shots) -> None:
            found.append(bench.ours.job("build", tasks=tasks, shots=shots))

        def other(found: list[dict[str, Any]] = peer, shots: int = shots) -> None:
            if bench.peer is not None:
                found.append(bench.peer.job("build", tasks=tasks, shots=shots))

        for _ in turns(min(bench.rounds, 2), own, other):
            pass
        speed = middle([one["docs"] / one["wall"] for one in ours])
        if not peer:
            yield Row(what, f"{speed:,.0f} docs/s", target=f">= {_BUILD:g} x")
            continue
        if {one["digest"] for one in ours} != {one["digest"] for one in peer}:
            raise BenchmarkError("The two sides built different requests.")
        ratios = [a["docs"] / a["wall"] / (b["docs"] / b["wall"]) for a, b in zip(ours, peer, strict=True)]
        yield Row(
            what,
            f"{speed:,.0f} docs/s",
            f"{middle([one['docs'] / one['wall'] for one in peer]):,.0f} docs/s",
            middle(ratios),
            f">= {_BUILD:g} x",
            middle(ratios) >= _BUILD,
            f"reference; the same {ours[0]['requests']:,} requests; by CPU time "
            f"{middle([b['cpu'] / a['cpu'] for a, b in zip(ours, peer, strict=True)]):.3g} x",
        )


def names(bench: Bench) -> Iterator[Row]:
    """Measure ``lm_eval ls tasks`` over the reference's task files, without and with what is kept between runs.

    Args:
        bench: What to measure with.

    Yields:
        A row cold and one warm.
    """
    folder = bench.task_files()
    words = ("ls", "tasks", *(("--include_path", folder) if folder else ()))
    cold: list[Ran] = []
    warm: list[Ran] = []
    peer: list[float] = []
    listed = other = 0
    for _ in range(bench.rounds):
        bench.forget_index()
        cold.append(bench.ours.command(*words))
        ran = bench.ours.command(*words)
        warm.append(ran)
        listed = len(ran.out.splitlines())
        if bench.peer is not None and len(peer) < 2:
            found = bench.peer.command("ls", "tasks")
            peer.append(found.seconds)
            other = found.out.count("\n|")
    what = "`lm_eval ls tasks`, the reference's task files"
    for name, runs, target in (("cold", cold, _COLD), ("warm", warm, _WARM)):
        took = [one.seconds for one in runs]
        yield Row(
            f"{what}, {name}",
            f"{middle(took):.2f} s",
            f"{middle(peer):.1f} s" if peer else "",
            middle(peer) / middle(took) if peer else None,
            f"< {target:g} s",
            middle(took) < target if folder else None,
            f"CPU {middle([one.cpu for one in runs]):.2f} s; {listed:,} names"
            + (f"; the reference prints {other:,} lines" if other else "; ours only"),
        )


def start(bench: Bench) -> Iterator[Row]:
    """Measure what a user waits for before the first line.

    Args:
        bench: What to measure with.

    Yields:
        A row for the help text and one for the names that ship.
    """
    for words, target in ((("--help",), _HELP), (("ls", "tasks"), _WARM)):
        bench.ours.command(*words)
        runs = [bench.ours.command(*words) for _ in range(max(5, bench.rounds))]
        took = [one.seconds for one in runs]
        peer = [bench.peer.command(*words).seconds for _ in range(2)] if bench.peer is not None else []
        yield Row(
            f"`lm_eval {' '.join(words)}`, second run",
            f"{middle(took):.3f} s",
            f"{middle(peer):.1f} s" if peer else "",
            middle(peer) / middle(took) if peer else None,
            f"< {target:g} s",
            middle(took) < target,
            f"fastest {min(took):.3f} s; CPU {middle([one.cpu for one in runs]):.3f} s",
        )
