"""List the names of tasks, groups, subtasks or tags, one a line."""

from __future__ import annotations

import argparse
import sys

__all__ = ["add_arguments", "run"]

_KINDS = {
    "tasks": "all_tasks",
    "groups": "all_groups",
    "subtasks": "all_subtasks",
    "tags": "all_tags",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to list and where to look.

    Args:
        parser: Gets the options.
    """
    parser.add_argument(
        "kind",
        nargs="?",
        default="tasks",
        choices=list(_KINDS),
        help="tasks: everything --tasks takes (default); subtasks: single tasks; groups; tags.",
    )
    parser.add_argument("--include_path", nargs="+", metavar="DIR", default=[], help="Folders with more task files.")


def run(namespace: argparse.Namespace) -> int:
    """Print the names to stdout and their number to stderr.

    Args:
        namespace: The parsed options.

    Returns:
        0.
    """
    from lm_eval.config.values import paths
    from lm_eval.tasks.manager import TaskManager
    from lm_eval.utils import setup_logging

    setup_logging("WARNING")
    manager = TaskManager(include_path=paths("--include_path", namespace.include_path) or None)
    names = getattr(manager, _KINDS[namespace.kind])
    sys.stdout.write("".join(f"{name}\n" for name in names))
    print(f"{len(names)} {namespace.kind}", file=sys.stderr)
    return 0
