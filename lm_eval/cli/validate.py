"""Load task files with their functions, without data, and print one line per failure."""

from __future__ import annotations

import argparse
import sys

from lm_eval.cli import exit_codes

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments.

    Args:
        parser: The parser to add them to.
    """
    parser.add_argument(
        "--tasks",
        "-t",
        nargs="+",
        required=True,
        metavar="TASK",
        help="Tasks, groups, tags or patterns; '*' checks all.",
    )
    parser.add_argument("--include_path", nargs="+", metavar="DIR", default=[], help="Folders with more task files.")


def run(namespace: argparse.Namespace) -> int:
    """Print one line per failure.

    Args:
        namespace: The parsed options.

    Returns:
        An exit code.
    """
    from lm_eval.config import values
    from lm_eval.task_files.manager import TaskManager
    from lm_eval.task_files.validate import validate
    from lm_eval.utils import setup_logging

    setup_logging("WARNING")
    manager = TaskManager(include_path=values.paths("--include_path", namespace.include_path) or None)
    problems = validate(manager, values.names("--tasks", namespace.tasks))
    for problem in problems:
        print(problem)
    print(f"{len(problems)} with faults" if problems else "every task loads", file=sys.stderr)
    return exit_codes.NEGATIVE if problems else exit_codes.OK
