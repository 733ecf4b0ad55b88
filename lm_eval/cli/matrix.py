"""Print all runs below a folder as one table, models in rows and tasks in columns, or write it as one HTML file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lm_eval.cli import exit_codes
from lm_eval.text import outgoing

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``lm_eval matrix``.

    Args:
        parser: The parser that gets the options.
    """
    parser.add_argument("folder", metavar="DIR", help="A folder with runs at any depth, such as that of --output_path.")
    parser.add_argument("--tasks", "-t", nargs="+", metavar="TASK", default=[], help="Tasks, groups or patterns.")
    parser.add_argument(
        "--metric",
        nargs="+",
        metavar="METRIC",
        default=[],
        help="Metrics or patterns, also as metric,filter; all for all (default: the first of each task).",
    )
    parser.add_argument("--models", nargs="+", metavar="MODEL", default=[], help="Models or patterns.")
    parser.add_argument("--by_run", action="store_true", help="Show each run, not the newest of a model's settings.")
    parser.add_argument("--no_intervals", action="store_true", help="Show scores without their 95 %% intervals.")
    parser.add_argument(
        "--format",
        choices=["markdown", "csv", "latex", "html"],
        default="markdown",
        help="The output format; html is one file that needs no server (default: markdown).",
    )
    parser.add_argument("--output", "-o", metavar="FILE", help="Write to a file instead of stdout.")
    parser.add_argument("--index", metavar="FILE", help="The file of the index (default: in the user's cache folder).")


def run(namespace: argparse.Namespace) -> int:
    """Print or write the table.

    Args:
        namespace: The parsed options.

    Returns:
        0.
    """
    from lm_eval.config import values
    from lm_eval.errors import ConfigError
    from lm_eval.reports.matrix import best_of, matrix_of, to_csv, to_latex, to_markdown
    from lm_eval.reports.runs import RunIndex
    from lm_eval.results.atomic import write_atomically

    index = RunIndex(namespace.folder, Path(namespace.index).expanduser() if namespace.index else None)
    index.refresh()
    for path, problem in index.problems.items():
        print(outgoing(f"left out: {path}: {problem}"), file=sys.stderr)
    if not index.runs:
        raise ConfigError(
            f"No results file (results_<time>.json) under {namespace.folder}; runs save one with --output_path."
        )
    matrix = matrix_of(
        index.runs,
        tasks=values.names("--tasks", namespace.tasks),
        metrics=namespace.metric,
        models=namespace.models,
        by_run=namespace.by_run,
    )
    best = best_of(index, matrix)
    intervals = not namespace.no_intervals
    if namespace.format == "html":
        from lm_eval.reports.view import matrix_page

        written = matrix_page(matrix, best)
    elif namespace.format == "csv":
        written = to_csv(matrix, best)
    else:
        write = to_latex if namespace.format == "latex" else to_markdown
        written = write(matrix, best, intervals=intervals)
    index.close()
    if namespace.output:
        write_atomically(Path(namespace.output).expanduser(), [written])
        print(outgoing(namespace.output))
    elif namespace.format == "html":
        sys.stdout.write(written)
    else:
        sys.stdout.write(outgoing(written, lines=True))
    return exit_codes.OK
