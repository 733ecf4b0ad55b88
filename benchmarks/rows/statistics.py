"""Measure standard errors."""

from __future__ import annotations

import math
from collections.abc import Iterator

from benchmarks.setting import Bench
from benchmarks.table import Row

_MAX_SECONDS = 5.0


def bootstrap(bench: Bench) -> Iterator[Row]:
    """Measure the bootstrap of an F1 score; the reference takes fewer resamples, and its time is scaled.

    Args:
        bench: The interpreters and sizes.

    Yields:
        One row.
    """
    docs, resamples, fewer = bench.size(10_000), bench.size(100_000, 1000), bench.size(4000, 1000)
    package = bench.package.job("bootstrap", docs=docs, resamples=resamples)
    what = f"standard error of F1, {docs:,} docs, {resamples:,} resamples"
    target = f"< {_MAX_SECONDS:g} s"
    if bench.reference is None:
        yield Row(what, f"{package['wall']:.2f} s", "", None, target, package["wall"] < _MAX_SECONDS)
        return
    peer = bench.reference.job("bootstrap", docs=docs, resamples=fewer)
    scaled = peer["wall"] * resamples / fewer
    difference = abs(package["stderr"] / peer["stderr"] - 1)
    yield Row(
        what,
        f"{package['wall']:.2f} s",
        f"{scaled:,.0f} s",
        scaled / package["wall"],
        target,
        package["wall"] < _MAX_SECONDS,
        f"reference: {fewer:,} resamples on all cores in {peer['wall']:.1f} s, scaled; estimates "
        f"{package['stderr']:.5f} and {peer['stderr']:.5f}, {difference:.1%} apart; the standard error with "
        f"{fewer:,} resamples is {1 / math.sqrt(2 * fewer):.1%}",
    )
