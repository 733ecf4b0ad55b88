"""Measure how long scoring goes on after the last answer."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.processes import BenchmarkError
from benchmarks.setting import Bench, CannedServer
from benchmarks.table import Row

_MAX_AFTER, _LATENCY = 0.1, 0.05
_TASKS = ("humaneval", "mbpp", "minerva_math")


def after_the_last_answer(bench: Bench) -> Iterator[Row]:
    """Measure the part of a run that follows the last answer, of tasks that take long to score.

    Args:
        bench: The interpreters and sizes; ``data`` has the datasets.

    Yields:
        One row per task.

    Raises:
        BenchmarkError: There is no folder with datasets.
    """
    if bench.data is None:
        raise BenchmarkError("Give --data DIR, a folder with the datasets of humaneval, mbpp and minerva_math.")
    docs = bench.size(100)
    for task in _TASKS:
        with CannedServer(_LATENCY * 1000) as server:
            ran = bench.package.command(
                *("run", "--model", "local-completions"),
                *("--model_args", f"model=bench,num_concurrent=1,base_url={server.base_url}"),
                *("--tasks", task, "--limit", str(docs), "--data_dir", str(bench.data), "--confirm_run_unsafe_code"),
                *("--output_path", str(bench.folder / f"out-{task}"), "--log_samples"),
            )
            ended = time.time()
            seen = server.seen()
        after = (ended - seen["last"]) / ran.seconds
        yield Row(
            f"part of a run after the last answer, {task}, {docs} docs per task, {_LATENCY * 1000:.0f} ms",
            f"{after:.1%}",
            target=f"<= {_MAX_AFTER:.0%}",
            met=after <= _MAX_AFTER,
            note=f"{ended - seen['last']:.1f} of {ran.seconds:.1f} s; CPU {ran.cpu:.1f} s; one request at a time",
        )
