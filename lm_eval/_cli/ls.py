"""``ls``: the tables of tasks, groups, subtasks or tags."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from lm_eval._cli.subcommand import SubCommand

if TYPE_CHECKING:
    from lm_eval._cli.subcommand import Subparsers

__all__ = ["List"]

_KINDS = {
    "tasks": {},
    "groups": {"list_subtasks": False, "list_tags": False},
    "subtasks": {"list_groups": False, "list_tags": False},
    "tags": {"list_groups": False, "list_subtasks": False},
}
"""What is listed, to the arguments of ``TaskManager.list_all_tasks``."""


class List(SubCommand):
    """Prints the tables that ``TaskManager.list_all_tasks`` writes; ``lm_eval ls`` prints one name per line."""

    def __init__(self, subparsers: Subparsers, *args: object, **kwargs: object) -> None:
        """Add the parser.

        Args:
            subparsers: Gets the parser.
            *args: Ignored.
            **kwargs: Ignored.
        """
        self._parser = subparsers.add_parser("ls", help="list tasks, groups, subtasks or tags")
        self._add_args()
        self._parser.set_defaults(func=self._execute)

    def _add_args(self) -> None:
        self._parser.add_argument("what", nargs="?", choices=list(_KINDS), help="What is listed.")
        self._parser.add_argument("--include_path", metavar="DIR", type=str, help="Folder with more task files.")

    def _execute(self, args: argparse.Namespace) -> None:
        """Print the tables, or the help where nothing is asked for."""
        from lm_eval.tasks import TaskManager

        if args.what is None:
            self._parser.print_help()
        else:
            print(TaskManager(include_path=args.include_path).list_all_tasks(**_KINDS[args.what]))
