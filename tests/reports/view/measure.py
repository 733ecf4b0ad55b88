"""``python -m tests.reports.view.measure [FOLDER]``: time the viewer on 1,000 runs with 1,000,000 made-up samples."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
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
    print(f"\n{os.cpu_count()} cores, Python {platform.python_version()}, median of {_ROUNDS} rounds.")
    return 0


def _measure(browser: Browser, folder: Path, store: Path) -> None:
    samples = sum(file.read_bytes().count(b"\n") for file in folder.rglob("samples_*.jsonl"))
    index, seconds = _timed(lambda: RunIndex(folder, store))
    _, walk = _timed(index.refresh)
    runs = index.runs
    print(f"{len(runs):,} runs, {samples:,} samples.\n\n| what | seconds |\n|---|---:|")
    print(f"| the index is built, once | {seconds + walk:.2f} |")
    index.close()
    again, seconds = _timed(lambda: RunIndex(folder, store))
    _, walk = _timed(again.refresh)
    print(f"| the index is opened again | {seconds + walk:.2f} |")
    again.close()
    with Serving(folder, store) as serving:
        page = browser.page()
        opened = [
            _open(page, serving, "#/runs", "document.querySelectorAll('.run').length > 100") for _ in range(_ROUNDS)
        ]
        _say("the list of runs in the browser", opened)
        opened = [
            _open(page, serving, "#/matrix", "document.querySelectorAll('.matrix td').length > 100")
            for _ in range(_ROUNDS)
        ]
        _say("the matrix in the browser", opened)
        page.wait("document.getElementById('matrix-note').innerText.includes('5 % level')")
        _, marks = _timed(lambda: _marks(page, serving))
        print(f"| its best scores are marked, when the tests are kept | {marks:.2f} |")
        task = runs[0].leaves[0]
        several = [run for run in runs if task in run.tasks]
        cold = [
            _sample(page, serving, f"#/sample?runs={run.key}&task={task}&doc=700") for run in several[10 : 10 + _ROUNDS]
        ]
        _say("a sample of a file that was never opened", cold)
        warm = [
            _sample(page, serving, f"#/sample?runs={several[10].key}&task={task}&doc={doc}") for doc in range(_ROUNDS)
        ]
        _say("another sample of the same file", warm)
        four = ",".join(run.key for run in several[20:24])
        _say(
            "a sample of four runs",
            [_sample(page, serving, f"#/sample?runs={four}&task={task}&doc={doc}") for doc in range(_ROUNDS)],
        )
        if page.problems:
            print(page.problems, file=sys.stderr)
        page.close()


def _timed(act: Callable[[], object]) -> tuple[RunIndex, float]:
    began = time.perf_counter()
    found = act()
    return cast("RunIndex", found), time.perf_counter() - began


def _open(page: Page, serving: Serving, anchor: str, ready: str) -> float:
    """Load the page anew and wait for its content."""
    page._send("Page.navigate", url="about:blank")
    began = time.perf_counter()
    page.open(cast("Path", Address(serving.url)), anchor)
    page.wait(ready)
    return time.perf_counter() - began


def _marks(page: Page, serving: Serving) -> float:
    return _open(page, serving, "#/matrix", "document.getElementById('matrix-note').innerText.includes('5 % level')")


def _sample(page: Page, serving: Serving, anchor: str) -> float:
    """Go from the page to a sample, as a link does."""
    page.js("document.documentElement.removeAttribute('data-ready')")
    began = time.perf_counter()
    page.js(f"location.hash = {anchor!r}")
    page.wait("document.documentElement.dataset.ready && document.querySelector('.pane-body')")
    return time.perf_counter() - began


def _say(what: str, seconds: list[float]) -> None:
    print(f"| {what} | {statistics.median(seconds):.2f} |")


if __name__ == "__main__":
    sys.exit(main())
