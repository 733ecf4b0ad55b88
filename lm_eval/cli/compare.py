"""Compare runs on the documents they share: differences, intervals, tests, a release gate; strengths of several."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lm_eval.cli import exit_codes
from lm_eval.text import outgoing, outgoing_json

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``lm_eval compare``.

    Args:
        parser: The parser that gets the options.
    """
    place = "A results folder (--output_path or a model's folder in it; its newest run is used) or a results file."
    parser.add_argument("a", metavar="A", help=f"The run to compare with. {place}")
    parser.add_argument(
        "b", metavar="B", help="The run that is compared, given in the same way; differences are B minus A."
    )
    parser.add_argument(
        "more", metavar="MORE", nargs="*", help="More runs: shows win rates and strengths of all runs instead."
    )
    parser.add_argument("--tasks", "-t", nargs="+", metavar="TASK", default=[], help="Tasks, groups or patterns.")
    parser.add_argument("--metric", nargs="+", metavar="METRIC", default=[], help="Metrics, or metric,filter.")
    parser.add_argument(
        "--allow_different_prompts", action="store_true", help="Pair documents even if their prompts differ."
    )
    parser.add_argument(
        "--across_formats", action="store_true", help="Pair a task with itself in another format (NAME@FORMAT)."
    )
    parser.add_argument(
        "--flips",
        type=_number_of,
        metavar="N",
        help="Show N changed documents per score with both answers (0: none; default: only their ids).",
    )
    parser.add_argument(
        "--fail_if_worse",
        type=float,
        metavar="DROP",
        help="Exit with code 1 unless it is shown that no score of B is more than DROP worse, such as 0.01.",
    )
    parser.add_argument(
        "--undecided",
        choices=["fail", "pass"],
        default="fail",
        help="Whether --fail_if_worse fails or passes scores with too few documents to decide (default: fail).",
    )
    parser.add_argument(
        "--format", choices=["text", "markdown", "json"], default="text", help="The output format (default: text)."
    )
    parser.add_argument("--output", "-o", metavar="FILE", help="Write to a file instead of stdout.")


def run(namespace: argparse.Namespace) -> int:
    """Compare runs, and print or write the result.

    Args:
        namespace: The parsed options.

    Returns:
        0, or 1 when the gate fails.
    """
    from lm_eval.config import values
    from lm_eval.reports.compare import compare, gate_lines, render
    from lm_eval.results import load

    if namespace.more:
        return _several(namespace)
    comparison = compare(
        load(namespace.a),
        load(namespace.b),
        tasks=values.names("--tasks", namespace.tasks),
        metrics=namespace.metric,
        allow_different_prompts=namespace.allow_different_prompts,
        across_formats=namespace.across_formats,
        fail_if_worse=namespace.fail_if_worse,
        undecided=namespace.undecided,
    )
    _put(render(comparison, namespace.format, namespace.flips), namespace)
    gate = comparison.gate
    if gate and (namespace.output or namespace.format == "json"):
        print(outgoing("\n".join(gate_lines(gate)), lines=True), file=sys.stderr)
    return exit_codes.OK if gate is None or gate.passed else exit_codes.NEGATIVE


def _several(namespace: argparse.Namespace) -> int:
    """Compare more than two runs."""
    from lm_eval.config import values
    from lm_eval.errors import ConfigError
    from lm_eval.reports.compare import render_strengths, strengths
    from lm_eval.results import load

    for name in ("allow_different_prompts", "across_formats", "flips", "fail_if_worse"):
        if getattr(namespace, name) not in (None, False):
            raise ConfigError(f"--{name} compares two runs; leave out {' '.join(namespace.more)}.")
    runs = [load(path) for path in (namespace.a, namespace.b, *namespace.more)]
    found = strengths(runs, tasks=values.names("--tasks", namespace.tasks), metrics=namespace.metric)
    _put(render_strengths(found, namespace.format), namespace)
    return exit_codes.OK


def _put(written: str, namespace: argparse.Namespace) -> None:
    """Write a comparison to the file that was asked for, or to stdout."""
    from lm_eval.results.atomic import write_atomically

    if namespace.output:
        write_atomically(Path(namespace.output).expanduser(), [written])
        print(namespace.output)
    else:
        sys.stdout.write(outgoing_json(written) if namespace.format == "json" else outgoing(written, lines=True))


def _number_of(word: str) -> int:
    if not word.isdecimal():
        raise argparse.ArgumentTypeError(f"it must be a whole number, 0 or more, not {word!r}")
    return int(word)
