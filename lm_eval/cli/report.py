"""Write a saved run as one HTML file: scores with their intervals, and all samples, searchable."""

from __future__ import annotations

import argparse
from pathlib import Path

from lm_eval.text import visible

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``lm_eval report``.

    Args:
        parser: The parser that gets the options.
    """
    parser.add_argument(
        "run", metavar="DIR", help="Folder with a saved run (its newest run is used), or a results file."
    )
    parser.add_argument(
        "--against",
        metavar="DIR",
        help="A second run: shows differences with tests as compare does, and the samples that changed.",
    )
    parser.add_argument(
        "--output",
        "-o",
        metavar="FILE",
        help="The file to write (default: report_<time>.html next to the results file).",
    )
    parser.add_argument(
        "--tasks",
        "-t",
        nargs="+",
        metavar="TASK",
        default=[],
        help="Show only the samples of these tasks; all scores are shown.",
    )
    parser.add_argument(
        "--limit_samples",
        type=_at_least_one,
        metavar="N",
        help="Show only the samples of the first N documents of each task.",
    )
    parser.add_argument("--open", action="store_true", help="Open the report in the browser.")


def run(namespace: argparse.Namespace) -> int:
    """Write the file and print its path and size.

    Args:
        namespace: The parsed options.

    Returns:
        0.
    """
    from lm_eval.config import values
    from lm_eval.reports.html import write_report
    from lm_eval.results import load

    path = write_report(
        load(namespace.run),
        Path(namespace.output).expanduser() if namespace.output else None,
        against=load(namespace.against) if namespace.against else None,
        tasks=values.names("--tasks", namespace.tasks),
        limit_samples=namespace.limit_samples,
    )
    print(f"{visible(str(path))} ({path.stat().st_size / 1e6:.1f} MB)")
    if namespace.open:
        import webbrowser

        webbrowser.open(path.resolve().as_uri())
    return 0


def _at_least_one(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"it must be a whole number, 1 or more, not {word!r}")
    return int(word)
