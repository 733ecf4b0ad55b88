"""Measure the HTML report of many samples in a headless Chromium: open, filter, search, open a sample."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.processes import BenchmarkError
from benchmarks.setting import Bench
from benchmarks.table import Row
from lm_eval.reports.html import write_report
from lm_eval.results import load
from tests.reports.html.chromium import Browser, Page, find_chromium
from tests.reports.html.runs import many, save

__all__ = ["report"]

_MAX_OPEN = 2.0
_AFTER_PAINT = "await new Promise((done) => requestAnimationFrame(() => setTimeout(done)))"
_FILTER = (
    "(async () => { const start = performance.now(); document.querySelector('[data-show=wrong]').click(); "
    f"{_AFTER_PAINT}; return performance.now() - start; }})()"
)
_SAMPLE = (
    "(async () => { const start = performance.now(); document.querySelectorAll('.row')[3].click(); "
    "while (!document.querySelector('.pane-body')) await new Promise((done) => setTimeout(done, 1)); "
    f"{_AFTER_PAINT}; return performance.now() - start; }})()"
)
_SEARCH = (
    "(async () => { document.querySelector('[data-show=all]').click(); const shown = document.getElementById('shown'); "
    "const field = document.getElementById('search'); field.value = WORD; const start = performance.now(); "
    "field.dispatchEvent(new Event('input')); let last = start; let longest = 0; "
    "for (;;) { await new Promise((done) => setTimeout(done)); const now = performance.now(); "
    "longest = Math.max(longest, now - last); last = now; "
    "if (shown.textContent.startsWith('1 of') && !shown.textContent.includes('%')) break; } "
    "return [last - start, longest]; })()"
)


def report(bench: Bench) -> Iterator[Row]:
    """Measure a report of samples with prompts of about 4 KB.

    Args:
        bench: The sizes.

    Yields:
        One row each to write the report, open it, filter, open a sample, and search all texts.

    Raises:
        BenchmarkError: There is no Chromium.
    """
    chromium = find_chromium()
    if chromium is None:
        raise BenchmarkError("no Chromium found; LM_EVAL_CHROMIUM names one")
    count = bench.size(20_000, 20)
    run = load(save(bench.folder / "report", {"words": many(count)}, shots=5))
    started = time.perf_counter()
    path = write_report(run)
    written = time.perf_counter() - started
    saved = sum(file.stat().st_size for file in run.sample_files.values())
    what = f"report of {count:,} samples"
    note = f"{path.stat().st_size / 1e6:.1f} MB; the samples file has {saved / 1e6:.1f} MB"
    yield Row(f"{what}: written", f"{written:.1f} s", note=note)
    with Browser(chromium) as browser:
        rounds = [_round(browser.page(), path) for _ in range(bench.rounds)]
    ready, filtered, opened, searched, stalled = (median(column) for column in zip(*rounds, strict=True))
    yield Row(
        f"{what}: opened",
        f"{ready:.2f} s",
        "",
        None,
        f"< {_MAX_OPEN:g} s",
        ready < _MAX_OPEN,
        "Chromium, until the page takes input",
    )
    yield Row(f"{what}: filtered", f"{filtered:.0f} ms", note="until the list is painted")
    yield Row(f"{what}: a sample opened", f"{opened:.0f} ms", note="until the sample is painted")
    yield Row(
        f"{what}: all texts searched",
        f"{searched:.0f} ms",
        note=f"the page is never blocked for more than {stalled:.0f} ms",
    )


def _round(page: Page, path: Path) -> tuple[float, float, float, float, float]:
    """Open the report and use it; return the seconds to open it, then the milliseconds of each action."""
    page.open(path, "#samples")
    ready = float(page.js("document.documentElement.dataset.ready")) / 1000
    filtered, opened = float(page.js(_FILTER)), float(page.js(_SAMPLE))
    searched, stalled = page.js(_SEARCH.replace("WORD", "'zeppelin'"))
    page.close()
    return ready, filtered, opened, float(searched), float(stalled)
