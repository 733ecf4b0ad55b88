"""``python -m tests.reports.html.screenshots RUN_DIR OUT_DIR [--against DIR]``: save screenshots of a report."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from lm_eval.reports.html import write_report
from lm_eval.results import load
from tests.reports.html.chromium import Browser, Page, find_chromium

_FIRST_OF = (
    "(() => {{ const row = [...document.querySelectorAll('.row')].find({which}) || document.querySelector('.row');"
    " row.click(); return true; }})()"
)


def main(words: list[str] | None = None) -> int:
    """Save the screenshots.

    Args:
        words: The command line.

    Returns:
        0, or 1 without a browser.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.reports.html.screenshots", description=__doc__)
    parser.add_argument("run", metavar="RUN_DIR")
    parser.add_argument("out", metavar="OUT_DIR", type=Path)
    parser.add_argument("--against", metavar="DIR")
    parser.add_argument("--choices", default="arc_easy", help="A task with choices.")
    parser.add_argument("--answers", default="gsm8k", help="A task with generated answers.")
    parser.add_argument("--judged", help="A task with judges, such as judged_mini: takes only the picture of it.")
    options = parser.parse_args(words)
    chromium = find_chromium()
    if chromium is None:
        print("no Chromium found; LM_EVAL_CHROMIUM names one", file=sys.stderr)
        return 1
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Browser(chromium) as browser:
        report = write_report(load(options.run), Path(folder) / "report.html")
        page = browser.page(1360, 860)
        pictures = _judged(options.judged) if options.judged else _pictures(options.choices, options.answers)
        for name, anchor, then in pictures:
            page.prefer(color_scheme="dark" if "dark" in name else "light", reduced_motion="reduce")
            page.size(*((390, 844, 2, True) if "phone" in name else (1360, 860, 1, False)))
            _take(page, report, anchor, then, options.out / f"{name}.png")
        if options.against:
            versus = write_report(load(options.run), Path(folder) / "versus.html", against=load(options.against))
            page.prefer(color_scheme="light", reduced_motion="reduce")
            page.size(1360, 860)
            _take(page, versus, "#scores", None, options.out / "against.png")
            _take(page, versus, "#samples?show=changed", _open_row("() => true"), options.out / "against-sample.png")
    return 0


def _pictures(choices: str, answers: str) -> list[tuple[str, str, Callable[[Page], None] | None]]:
    choice = f"#samples?task={choices}"
    answer = f"#samples?task={answers}"
    return [
        ("scores-light", "#scores", None),
        ("scores-dark", "#scores", None),
        ("samples", "#samples", None),
        ("choices", choice, _open_row("() => true")),
        ("choices-dark", choice, _open_row("() => true")),
        ("answers", answer, _open_row("() => true")),
        ("scores-phone", "#scores", None),
        ("samples-phone", "#samples", None),
        ("answers-phone", answer, _open_row("() => true")),
        ("settings", "#settings", None),
    ]


def _judged(task: str) -> list[tuple[str, str, Callable[[Page], None] | None]]:
    hostile = "(row) => row.innerText.includes('Ignore')"
    return [("judgement", f"#samples?task={task}&sort=differ", _open_row(hostile))]


def _open_row(which: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.wait("document.querySelector('.row')")
        page.js(_FIRST_OF.format(which=which))
        page.wait("document.querySelector('.pane-body')")

    return act


def _take(page: Page, report: Path, anchor: str, then: Callable[[Page], None] | None, place: Path) -> None:
    page.open(report, anchor)
    if then is not None:
        then(page)
    page.screenshot(place)
    print(place)


if __name__ == "__main__":
    sys.exit(main())
