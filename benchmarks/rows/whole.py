"""Measure complete commands, from their start."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from benchmarks.processes import Python, Ran
from benchmarks.setting import Bench, CannedServer
from benchmarks.table import Row

_MAX_FIRST, _MAX_SECONDS, _MAX_MIB = 1.5, 35.0, 400
_MAX_FIRST_OF_MANY, _MAX_MIB_OF_MANY = 2.0, 1024


def run_task(python: Python, base_url: str, task: str, folder: str, *more: str) -> Ran:
    """Run a generated task with 64 requests at once.

    Args:
        python: The interpreter.
        base_url: The server.
        task: The name of the task.
        folder: The folder of its file.
        *more: Further words of the command line.

    Returns:
        The finished process.
    """
    args = f"model=bench,num_concurrent=64,base_url={base_url}"
    if not python.this_package:
        args += "/completions,tokenizer_backend=None,tokenized_requests=False"
    return python.command(
        *("run", "--model", "local-completions", "--model_args", args),
        *("--tasks", task, "--include_path", folder, *more),
    )


def first_request(bench: Bench) -> Iterator[Row]:
    """Measure the time from the start of the process to the first prompt of the task at the server.

    Args:
        bench: The interpreters and sizes.

    Yields:
        One row for generation, with the reference as peer, and one for scoring.
    """
    folder = str(bench.tasks(bench.size(1000)))

    def seconds(python: Python, task: str, server: CannedServer) -> float:
        server.seen()
        ran = run_task(python, server.base_url, task, folder, "--limit", "10")
        return float(server.seen()["first_question"]) - ran.started

    with CannedServer() as server:
        for task, name in (("bench_generate", "generation"), ("bench_choice", "scoring")):
            seconds(bench.package, task, server)
            took = [seconds(bench.package, task, server) for _ in range(bench.rounds)]
            peer = []
            if bench.reference is not None and task == "bench_generate":
                # Run once before the measurement, as above, since datasets caches the files.
                peer = [seconds(bench.reference, task, server) for _ in range(2)][1:]
            yield Row(
                f"start to first request, local data, limit 10, {name}",
                f"{median(took):.2f} s",
                f"{peer[0]:.1f} s" if peer else "",
                peer[0] / median(took) if peer else None,
                f"<= {_MAX_FIRST} s",
                median(took) <= _MAX_FIRST,
                f"fastest {min(took):.2f} s"
                + ("" if peer or bench.reference is None else "; the reference needs a local tokenizer"),
            )


def whole_run(bench: Bench) -> Iterator[Row]:
    """Measure a complete command that saves its results, with increasing numbers of requests.

    Args:
        bench: The interpreters and sizes.

    Yields:
        One row per size.
    """
    docs = bench.size(25_000)
    folder = str(bench.tasks(docs))
    for limit in (docs // 100, docs // 10, docs):
        largest = limit == docs
        with CannedServer() as server:
            out = str(bench.folder / f"out-{limit}")
            ran = run_task(
                bench.package, server.base_url, "bench_choice", folder, "--limit", str(limit), "--output_path", out
            )
            asked = server.seen()["requests"]
        peer = None
        if bench.reference is not None and largest:
            with CannedServer() as server:
                peer = bench.reference.job("whole", base_url=server.base_url, tasks=folder, limit=limit)["process"]
        full = largest and bench.scale >= 1
        yield Row(
            f"complete run, {limit * 4:,} short scoring requests",
            f"{ran.seconds:.1f} s, {ran.peak:.0f} MiB",
            f"{peer.seconds:.0f} s, {peer.peak:,.0f} MiB" if peer else "",
            peer.seconds / ran.seconds if peer else None,
            f"<= {_MAX_SECONDS:g} s, {_MAX_MIB} MiB" if full else "",
            (ran.seconds <= _MAX_SECONDS and ran.peak <= _MAX_MIB) if full else None,
            f"CPU {ran.cpu:.1f} s; {asked:,} requests arrived"
            + ("; reference: simple_evaluate, a stand-in for a tokenizer, nothing saved" if peer else ""),
        )


def million(bench: Bench) -> Iterator[Row]:
    """Measure a complete command of a million requests that saves results and samples.

    Args:
        bench: The interpreters and sizes.

    Yields:
        One row for the run, and one for its first request.
    """
    docs = bench.size(250_000)
    folder, out = str(bench.tasks(docs)), str(bench.folder / "out-million")
    with CannedServer() as server:
        run_task(bench.package, server.base_url, "bench_choice", folder, "--limit", "10")  # datasets caches the files
        server.seen()
        ran = run_task(bench.package, server.base_url, "bench_choice", folder, "--output_path", out, "--log_samples")
        seen = server.seen()
    first = float(seen["first_question"]) - ran.started
    full = bench.scale >= 1
    yield Row(
        f"complete run with samples, {docs * 4:,} short scoring requests",
        f"{ran.seconds:.1f} s, {ran.peak:,.0f} MiB",
        target=f"<= {_MAX_MIB_OF_MANY:,} MiB" if full else "",
        met=ran.peak <= _MAX_MIB_OF_MANY if full else None,
        note=f"CPU {ran.cpu:.1f} s; {seen['requests']:,} requests arrived",
    )
    yield Row(
        f"start to first request, {docs * 4:,} requests",
        f"{first:.2f} s",
        target=f"<= {_MAX_FIRST_OF_MANY:g} s" if full else "",
        met=first <= _MAX_FIRST_OF_MANY if full else None,
    )


def processes(bench: Bench) -> Iterator[Row]:
    """Measure a complete command in two processes, with one process as peer.

    Args:
        bench: The interpreters and sizes.

    Yields:
        One row.
    """
    docs = bench.size(62_500)
    folder = str(bench.tasks(docs))
    ran: list[Ran] = []
    for name, more in (("one", ()), ("two", ("--distribute", "local:2"))):
        with CannedServer() as server:
            out = str(bench.folder / f"out-{name}")
            ran.append(run_task(bench.package, server.base_url, "bench_choice", folder, "--output_path", out, *more))
    one, two = ran
    yield Row(
        f"complete run, {docs * 4:,} short scoring requests, in two processes",
        f"{two.seconds:.1f} s, {two.peak:.0f} MiB",
        f"{one.seconds:.1f} s, {one.peak:.0f} MiB",
        one.seconds / two.seconds,
        note=f"one process; CPU {two.cpu:.1f} and {one.cpu:.1f} s; the server takes CPU time, too",
    )
