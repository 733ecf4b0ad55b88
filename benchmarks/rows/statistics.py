"""Standard errors."""

from __future__ import annotations

import math
from collections.abc import Iterator

from benchmarks.setting import Bench
from benchmarks.table import Row

_SECONDS = 5.0


def bootstrap(bench: Bench) -> Iterator[Row]:
    """Measure the bootstrap of an F1; the reference does fewer resamples and its time is scaled.

    Args:
        bench: What to measure with.

    Yields:
        A row.
    """
    docs, resamples, fewer = bench.size(10_000), bench.size(100_000, 1000), bench.size(4000, 1000)
    ours = bench.ours.job("bootstrap", docs=docs, resamples=resamples)
    what = f"standard error of F1, {docs:,} docs, {resamples:,} resamples"
    target = f"< {_SECONDS:g} s"
    if bench.peer is None:
        yield Row(what, f"{ours['wall']:.2f} s", "", None, target, ours["wall"] < _SECONDS)
        return
    peer = bench.peer.job("bootstrap", docs=docs, resamples=fewer)
    scaled = peer["wall"] * resamples / fewer
    apart = abs(ours["stderr"] / peer["stderr"] - 1)
    yield Row(
        what,
        f"{ours['wall']:.2f} s",
        f"{scaled:,.0f} s",
        scaled / ours["wall"],
        target,
        ours["wall"] < _SECONDS,
        f"reference: {fewer:,} resamples on all cores in {peer['wall']:.1f} s, scaled; estimates {ours['stderr']:.5f} "
        f"and {peer['stderr']:.5f}, {apart:.1%} apart, of which noise of the fewer resamples "
        f"{1 / math.sqrt(2 * fewer):.1%}",
    )
