"""Load task files with their functions, without data, and print one line per failure."""

from __future__ import annotations

import argparse
import sys

from lm_eval.cli import exit_codes
from lm_eval.cli._settings import add_setting, read_settings

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments.

    Args:
        parser: The parser to add them to.
    """
    add_setting(parser, "tasks", "Tasks, groups, tags or patterns; '*' checks all.", required=True)
    add_setting(parser, "include_path")


def run(namespace: argparse.Namespace) -> int:
    """Print one line per failure.

    Args:
        namespace: The parsed options.

    Returns:
        An exit code.
    """
    from lm_eval.task_files.manager import TaskManager
    from lm_eval.task_files.validate import validate
    from lm_eval.utils import setup_logging

    setup_logging("WARNING")
    settings = read_settings(namespace)
    problems = validate(TaskManager(include_path=settings.include_path), [str(task) for task in settings.tasks])
    for problem in problems:
        print(problem)
    print(f"{len(problems)} with errors" if problems else "every task loads", file=sys.stderr)
    return exit_codes.NEGATIVE if problems else exit_codes.OK
