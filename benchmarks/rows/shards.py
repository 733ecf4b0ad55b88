"""Measure what a run in shards costs per request and per document, for an estimate of runs of any size."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.processes import Ran
from benchmarks.rows.whole import run_task
from benchmarks.setting import Bench, CannedServer
from benchmarks.table import Row

_CHOICES = 4


def constants(bench: Bench) -> Iterator[Row]:
    """Measure shards and their merge at two sizes; differences leave out the start of a process.

    Args:
        bench: The interpreters and sizes.

    Yields:
        A row for each constant.
    """
    sizes = bench.size(5000, 100), bench.size(20_000, 400)
    more_docs = sizes[1] - sizes[0]
    with CannedServer() as server:

        def part(docs: int, count: int, index: int = 0) -> Ran:
            out = str(bench.folder / f"shards-{docs}-{count}")
            words = "--num_fewshot", "5", "--log_samples", "--output_path", out, "--shard", f"{index}/{count}"
            return run_task(bench.package, server.base_url, "bench_choice", str(bench.tasks(docs)), *words)

        small, large = (part(docs, 2) for docs in sizes)
        for docs in sizes:
            part(docs, 2, 1)
        # Of two tasks that differ in size, a half and an eighth differ in what is asked and in what is passed over.
        few, many = (part(docs, 8) for docs in sizes)
        half, eighth = (large.cpu - small.cpu) / more_docs, (many.cpu - few.cpu) / more_docs
        asked = (half - eighth * 4 / 7) / (1 / 2 - 1 / 14) / _CHOICES
        passed = (eighth - asked * _CHOICES / 8) * 8 / 7
        yield Row("CPU of a shard per short scoring request, five shots", f"{asked * 1000:.2f} ms")
        yield Row("CPU of a shard per document of the other shards", f"{max(0.0, passed) * 1000:.3f} ms")
        yield Row(
            "memory of a shard per document",
            f"{(large.peak - small.peak) * 1024 / (more_docs / 2):.1f} KiB",
            note=f"{large.peak:.0f} MiB with {sizes[1] // 2:,} documents",
        )
        yield from _answers(bench, server, sizes)
    folders = [bench.folder / f"shards-{docs}-2" for docs in sizes]
    for kind in ("values", "samples"):
        written = [sum(file.stat().st_size for file in folder.rglob(f"{kind}_*.jsonl")) for folder in folders]
        yield Row(f"{kind} of a shard per document", f"{(written[1] - written[0]) / more_docs / 1000:.2f} KB")
    merged = [bench.package.command("merge", str(folder), "--output_path", f"{folder}-merged") for folder in folders]
    cpu, peak = merged[1].cpu - merged[0].cpu, merged[1].peak - merged[0].peak
    yield Row("CPU of a merge per document, with samples", f"{cpu / more_docs * 1000:.3f} ms")
    yield Row(
        "memory of a merge per document",
        f"{max(0.0, peak) * 1024 * 1024 / more_docs:,.0f} bytes",
        note=f"{merged[1].peak:.0f} MiB with {sizes[1]:,} documents",
    )


def _answers(bench: Bench, server: CannedServer, sizes: tuple[int, int]) -> Iterator[Row]:
    """Measure saved answers: a cache has the format of a journal, which a run removes at its end."""
    for task, name, requests in (("bench_choice", "an echo", _CHOICES), ("bench_generate", "a generated answer", 1)):
        saved = []
        for docs in sizes:
            file = bench.folder / f"{task}-{docs}.sqlite"
            run_task(bench.package, server.base_url, task, str(bench.tasks(docs)), "--use_cache", str(file))
            saved.append(file.stat().st_size)
        each = (saved[1] - saved[0]) / ((sizes[1] - sizes[0]) * requests)
        yield Row(f"journal per request, {name}", f"{each / 1000:.2f} KB")
