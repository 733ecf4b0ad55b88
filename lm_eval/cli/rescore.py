"""Score saved responses again with the present filters and metrics of their tasks, without asking the model."""

from __future__ import annotations

import argparse

from lm_eval.cli import exit_codes

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``lm_eval rescore``.

    Args:
        parser: Gets the options.
    """
    parser.add_argument("path", metavar="DIR", help="Folder of a run with saved samples, or its results file.")
    parser.add_argument(
        "--tasks",
        "-t",
        nargs="+",
        action="extend",
        metavar="TASK",
        help="Tasks or groups of the run, or patterns; all of them by default.",
    )
    parser.add_argument("--include_path", nargs="+", metavar="DIR", default=[], help="Folders with more task files.")
    parser.add_argument(
        "--output_path", "-o", metavar="DIR", help="Folder for results and samples; by default that of the saved ones."
    )
    parser.add_argument(
        "--output_format", metavar="FORMAT", default="jsonl", help="Format of samples: jsonl or parquet."
    )
    parser.add_argument(
        "--confirm_run_unsafe_code", action="store_true", help="Allow tasks that run code that the model wrote."
    )
    parser.add_argument("--verbosity", "-v", metavar="LEVEL", default="INFO", help="Log level; DEBUG shows tracebacks.")


def run(namespace: argparse.Namespace) -> int:
    """Rescore a run, save the results, print the scores and what changed.

    Args:
        namespace: The parsed options.

    Returns:
        An exit code.
    """
    from lm_eval.config import values
    from lm_eval.loggers.evaluation_tracker import EvaluationTracker
    from lm_eval.reports.markdown import room
    from lm_eval.reports.table import tables
    from lm_eval.rescoring import change_lines, rescore
    from lm_eval.results import load
    from lm_eval.utils import setup_logging

    setup_logging(namespace.verbosity)
    saved = load(namespace.path)
    tracker = EvaluationTracker(namespace.output_path or saved.output_path, output_format=namespace.output_format)
    results = rescore(
        saved,
        tasks=values.names("--tasks", namespace.tasks) if namespace.tasks else None,
        include_path=values.paths("--include_path", namespace.include_path) or None,
        confirm_run_unsafe_code=namespace.confirm_run_unsafe_code,
    )
    samples = results.pop("samples")
    tracker.save_results_aggregated(results=results, samples=samples)
    for task, rows in samples.items():
        tracker.save_results_samples(task_name=task, samples=rows)

    print(tables(results, width=room()))
    print("\n".join(change_lines(results)))
    incomplete = results["errors"]["exceeded"] or results.get("refused")
    return exit_codes.ERRORS if incomplete else exit_codes.OK
