"""Write saved runs in the formats of other projects: Inspect, Every Eval Ever, the Hub."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lm_eval.cli import exit_codes
from lm_eval.text import count_of, outgoing

__all__ = ["add_arguments", "run"]

_FORMATS = ("inspect", "every-eval-ever", "hub", "model-index")
_RELATIONS = ("first_party", "third_party", "collaborative", "other")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``lm_eval export-results``.

    Args:
        parser: The parser that gets the options.
    """
    parser.add_argument(
        "run",
        metavar="DIR",
        help="A folder with a saved run (its newest run is used), or a results file.",
    )
    parser.add_argument("--format", choices=_FORMATS, required=True, help="The format to write.")
    parser.add_argument("--output", "-o", metavar="DIR", default=".", help="Where the files go (default: here).")
    parser.add_argument("--all", action="store_true", help="Write every run below DIR, not the newest alone.")
    parser.add_argument("--tasks", "-t", nargs="+", metavar="TASK", default=[], help="Tasks, groups or patterns.")
    parser.add_argument(
        "--metric", nargs="+", metavar="METRIC", default=[], help="Metrics or patterns, also as metric,filter."
    )
    parser.add_argument(
        "--model_id", metavar="NAME", default="", help="The model's name on the Hub, such as org/model."
    )
    parser.add_argument("--organization", metavar="NAME", default="", help="Who ran the evaluation.")
    parser.add_argument(
        "--evaluator",
        choices=_RELATIONS,
        default="other",
        help="Relation of that organization to the model, for Every Eval Ever (default: other).",
    )
    parser.add_argument("--source_url", metavar="URL", default="", help="A page about the evaluation.")


def run(namespace: argparse.Namespace) -> int:
    """Write the files and print their paths.

    Args:
        namespace: The parsed options.

    Returns:
        0.
    """
    from lm_eval.config import values
    from lm_eval.reports.exports import About, export_results
    from lm_eval.results import load, load_all

    about = About(
        model_id=namespace.model_id,
        organization=namespace.organization,
        evaluator=namespace.evaluator,
        source_url=namespace.source_url,
        tasks=values.names("--tasks", namespace.tasks),
        metrics=namespace.metric,
    )
    folder = Path(namespace.output).expanduser()
    runs = load_all(namespace.run) if namespace.all else [load(namespace.run)]
    for each in runs:
        exported = export_results(each, namespace.format, folder, about)
        for file in exported.files:
            print(outgoing(str(file)))
        for line in exported.left_out:
            print(outgoing(f"left out: {line}"), file=sys.stderr)
    print(outgoing(f"{count_of(len(runs), 'run')} in {folder}"), file=sys.stderr)
    return exit_codes.OK
