"""``python -m tests.reports.view.measure [FOLDER]``: time the viewer on 1,000 runs with 1,000,000 made-up samples."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

from lm_eval.reports.runs import RunIndex
from tests.reports.html.chromium import Browser, Page, find_chromium
from tests.reports.many_runs import make_runs
from tests.reports.view.serving import Address, Serving

__all__ = ["main"]

_ROUNDS = 5


def main(words: list[str] | None = None) -> int:
    """Print a Markdown table.

    Args:
        words: The command line.

    Returns:
        0, or 1 without a browser.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.reports.view.measure", description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, help="A folder for the runs; it may have them already.")
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument("--docs", type=int, default=1000)
    options = parser.parse_args(words)
    chromium = find_chromium()
    if chromium is None:
        print("no Chromium found; LM_EVAL_CHROMIUM names one", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as scratch, Browser(chromium) as browser:
        folder = options.folder or Path(scratch) / "runs"
        if not folder.exists():
            make_runs(folder, options.models, options.tasks, options.docs)
        _measure(browser, folder, Path(scratch) / "index.sqlite")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    about = f"{os.cpu_count()} cores, Python {platform.python_version()}, load averages {load}"
    print(f"\nFastest of {_ROUNDS} rounds; {about}.")
    return 0


def _measure(browser: Browser, folder: Path, store: Path) -> None:
    samples = sum(file.read_bytes().count(b"\n") for file in folder.rglob("samples_*.jsonl"))
    built = _timed(lambda: _opened(folder, store))
    again = _timed(lambda: _opened(folder, store))
    with Serving(folder, store) as serving:
        serving.index.refresh()
        runs = serving.index.runs
        print(f"{len(runs):,} runs, {samples:,} samples.\n\n| what | seconds | CPU seconds |\n|---|---:|---:|")
        _say("the index is built, once", [built])
        _say("the index is opened again", [again])
        some = "document.querySelectorAll('{}').length > 100"
        marked = "document.getElementById('matrix-note')?.innerText.includes('5 % level')"
        _visit(browser, serving, "#/matrix", marked)  # tests are computed once, and kept
        for what, anchor, ready in (
            ("the list of runs, from an empty tab", "#/runs", some.format(".run")),
            ("the matrix, from an empty tab", "#/matrix", some.format(".matrix td")),
            ("the matrix with its best scores marked", "#/matrix", marked),
        ):
            _say(what, [_visit(browser, serving, anchor, ready) for _ in range(_ROUNDS)])
        task = runs[0].leaves[0]
        keys = [run.key for run in runs if task in run.tasks]
        page = browser.page()
        page.open(cast("Path", Address(serving.url)), "#/runs")
        for what, samples_of in (
            ("a sample of a file that was never opened", [(key, 700) for key in keys[10 : 10 + _ROUNDS]]),
            ("another sample of the same file", [(keys[10], doc) for doc in range(_ROUNDS)]),
            ("a sample of four runs", [(",".join(keys[30:34]), doc) for doc in range(_ROUNDS)]),
        ):
            _say(what, [_sample(page, f"#/sample?runs={run}&task={task}&doc={doc}") for run, doc in samples_of])
        if page.problems:
            print(page.problems, file=sys.stderr)
        page.close()


def _opened(folder: Path, store: Path) -> None:
    index = RunIndex(folder, store)
    index.refresh()
    index.close()


def _timed(act: Callable[[], object]) -> tuple[float, float]:
    """Return wall-clock and CPU seconds."""
    began, used = time.perf_counter(), time.process_time()
    act()
    return time.perf_counter() - began, time.process_time() - used


def _visit(browser: Browser, serving: Serving, anchor: str, ready: str) -> tuple[float, float]:
    """Load the page in a new tab and wait for its content."""
    page = browser.page()
    page._send("Performance.enable")
    before = _cpu(page)

    def load() -> None:
        page.open(cast("Path", Address(serving.url)), anchor)
        page.wait(ready)

    seconds, used = _timed(load)
    used += _cpu(page) - before
    page.close()
    return seconds, used


def _sample(page: Page, anchor: str) -> tuple[float, float]:
    """Go from the page to a sample, as a link does."""
    page._send("Performance.enable")
    page.js("document.documentElement.removeAttribute('data-ready')")
    before = _cpu(page)

    def go() -> None:
        page.js(f"location.hash = {anchor!r}")
        page.wait("document.documentElement.dataset.ready && document.querySelector('.pane-body')")

    seconds, used = _timed(go)
    return seconds, used + _cpu(page) - before


def _cpu(page: Page) -> float:
    """Return the CPU seconds of the page's process."""
    metrics = {entry["name"]: entry["value"] for entry in page._send("Performance.getMetrics")["metrics"]}
    return float(metrics["ProcessTime"])


def _say(what: str, rounds: list[tuple[float, float]]) -> None:
    seconds, used = min(rounds)
    print(f"| {what} | {seconds:.2f} | {used:.2f} |")


if __name__ == "__main__":
    sys.exit(main())
