"""Load task files with their functions, without data, and print one line per failure."""

from __future__ import annotations

import argparse
import sys

from lm_eval.cli import exit_codes
from lm_eval.cli._settings import add_setting, read_settings
from lm_eval.text import outgoing

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments.

    Args:
        parser: The parser to add them to.
    """
    parser.usage = "lm_eval validate TASK ... [--include_path DIR]"
    what = "Tasks, groups, tags, patterns, or paths of task files or folders; '*' checks all."
    parser.add_argument("words", nargs="*", metavar="TASK", help=what)
    add_setting(parser, "tasks", "The same, as an option.")
    add_setting(parser, "include_path")


def run(namespace: argparse.Namespace) -> int:
    """Print one line per failure.

    Args:
        namespace: The parsed options.

    Returns:
        An exit code.
    """
    from lm_eval.config import values
    from lm_eval.errors import ConfigError
    from lm_eval.task_files.manager import TaskManager
    from lm_eval.task_files.validate import validate
    from lm_eval.utils import setup_logging

    setup_logging("WARNING")
    settings = read_settings(namespace)
    names = [*values.tasks("TASK", namespace.words), *settings.tasks]
    if not names:
        raise ConfigError("Nothing to validate; name tasks or task files, or '*' for all.")
    problems = validate(TaskManager(include_path=settings.include_path), map(str, names), with_faults=True)
    for problem in problems:
        print(outgoing(str(problem)))
    errors = sum(not problem.is_fault for problem in problems)
    warnings = f", {len(problems) - errors} with warnings" if len(problems) > errors else ""
    print((f"{errors} with errors" if errors else "every task loads") + warnings, file=sys.stderr)
    return exit_codes.NEGATIVE if errors else exit_codes.OK
