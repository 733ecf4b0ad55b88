"""The measurements, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.rows import asking, building, prefix, report, scoring, shards, statistics, whole
from benchmarks.setting import Bench
from benchmarks.table import Row

__all__ = ["MEASUREMENTS"]

MEASUREMENTS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "build": building.build,
    "ls": building.names,
    "start": building.start,
    "bootstrap": statistics.bootstrap,
    "engine": asking.engine,
    "long": asking.long_prompts,
    "settings": asking.settings,
    "prefix": prefix.prefix_cache,
    "first": whole.first_request,
    "whole": whole.whole_run,
    "million": whole.million,
    "processes": whole.processes,
    "shards": shards.constants,
    "scoring": scoring.after_the_last_answer,
    "replay": asking.replay,
    "report": report.report,
}
