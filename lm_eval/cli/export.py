"""Write tasks and groups as flat task files, with the code and data they need; the reference harness runs them too."""

from __future__ import annotations

import argparse
import sys

from lm_eval.cli import exit_codes
from lm_eval.cli._settings import add_setting, read_settings
from lm_eval.text import first_names, outgoing

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments.

    Args:
        parser: The parser to add them to.
    """
    parser.usage = "lm_eval export NAME ... DIR [--include_path DIR]"
    what = "Tasks, groups, tags, patterns, paths of task files or folders; members of groups and tags are written, too."
    parser.add_argument("names", nargs="+", metavar="NAME", help=what)
    parser.add_argument("folder", metavar="DIR", help="A new folder.")
    add_setting(parser, "include_path")


def run(namespace: argparse.Namespace) -> int:
    """Write the files; print what they lack to stdout, and their number to stderr.

    Args:
        namespace: The parsed options.

    Returns:
        0.
    """
    from lm_eval.task_files.export import export
    from lm_eval.task_files.manager import TaskManager
    from lm_eval.utils import setup_logging

    setup_logging("ERROR")
    manager = TaskManager(include_path=read_settings(namespace).include_path)
    done = export(manager, namespace.names, namespace.folder)
    for key, names in done.left_out.items():
        print(outgoing(f"{key}, which only this package has, is left out of {len(names)} tasks: {first_names(names)}"))
    print(outgoing(f"{len(done.tasks)} tasks and {len(done.groups)} groups in {namespace.folder}"), file=sys.stderr)
    return exit_codes.OK
