"""Load task files with their functions, without data, and report a line for each that fails."""

from __future__ import annotations

import argparse
import sys

from lm_eval.cli import exit_codes

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to validate and where to look.

    Args:
        parser: Gets the options.
    """
    parser.add_argument(
        "--tasks", "-t", nargs="+", required=True, metavar="TASK", help="Tasks, groups, tags or patterns; '*' is all."
    )
    parser.add_argument("--include_path", nargs="+", metavar="DIR", default=[], help="Folders with more task files.")


def run(namespace: argparse.Namespace) -> int:
    """Print a line for each fault.

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
