"""``validate``: whether tasks exist."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from lm_eval._cli.subcommand import SubCommand

if TYPE_CHECKING:
    from lm_eval._cli.subcommand import Subparsers

__all__ = ["Validate"]


class Validate(SubCommand):
    """Says which of some tasks do not exist; ``lm_eval validate`` also loads them."""

    def __init__(self, subparsers: Subparsers, *args: object, **kwargs: object) -> None:
        """Add the parser.

        Args:
            subparsers: Gets the parser.
            *args: Ignored.
            **kwargs: Ignored.
        """
        self._parser = subparsers.add_parser("validate", help="check that tasks exist")
        self._add_args()
        self._parser.set_defaults(func=self._execute)

    def _add_args(self) -> None:
        what = "Tasks, groups, tags or patterns, separated by commas."
        self._parser.add_argument("--tasks", "-t", required=True, type=str, metavar="TASK,TASK", help=what)
        self._parser.add_argument("--include_path", metavar="DIR", type=str, help="Folder with more task files.")

    def _execute(self, args: argparse.Namespace) -> None:
        """Print the result; exit with 1 if a task does not exist."""
        from lm_eval.tasks import TaskManager

        names = args.tasks.split(",")
        print(f"Validating tasks: {names}")
        known = TaskManager(include_path=args.include_path).match_tasks(names)
        if missing := [name for name in names if name not in known]:
            print(f"Tasks not found: {', '.join(missing)}")
            sys.exit(1)
        print("All tasks found and valid")
