"""List names of tasks, groups, subtasks or tags: all of them, or those that match."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lm_eval.cli import exit_codes
from lm_eval.cli._settings import add_setting, read_settings
from lm_eval.text import outgoing_json, visible

if TYPE_CHECKING:
    from lm_eval.task_files.listing import Listed

__all__ = ["add_arguments", "run"]

_KINDS = ("tasks", "groups", "subtasks", "tags")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments.

    Args:
        parser: The parser to add them to.
    """
    parser.usage = "lm_eval ls [tasks|groups|subtasks|tags] [PATTERN ...] [options]"
    parser.add_argument(
        "words",
        nargs="*",
        metavar="PATTERN",
        help="Optionally, first what to list: tasks (everything that --tasks accepts; the default), groups, subtasks "
        "(single tasks) or tags. Then globs such as 'mmlu_*', or parts of names; any may match.",
    )
    parser.add_argument("--family", metavar="FAMILY", help="Only names from this folder of task files.")
    parser.add_argument("--output_type", metavar="TYPE", help="Only tasks of this output type.")
    parser.add_argument("--long", "-l", action="store_true", help="A table with kind, output type, dataset and file.")
    parser.add_argument(
        "--json", action="store_true", help="A JSON list with everything that is known about each name."
    )
    add_setting(parser, "include_path")


def run(namespace: argparse.Namespace) -> int:
    """Print the names to stdout and their number to stderr.

    Args:
        namespace: The parsed options.

    Returns:
        0, or 1 if nothing matches.
    """
    from lm_eval.task_files.listing import listed, select
    from lm_eval.task_files.manager import TaskManager
    from lm_eval.utils import setup_logging

    setup_logging("WARNING")
    kind, *patterns = (
        namespace.words if namespace.words[:1] and namespace.words[0] in _KINDS else ["tasks", *namespace.words]
    )
    names = listed(TaskManager(include_path=read_settings(namespace).include_path))
    found = select(names, kind, patterns, namespace.family, namespace.output_type)
    if not found:
        return _nothing(namespace, patterns, kind, names)
    if namespace.json:
        _print_json(found)
    elif namespace.long:
        _print_table(found)
    else:
        sys.stdout.write("".join(f"{visible(item.name)}\n" for item in found))
    print(f"{len(found)} {kind}", file=sys.stderr)
    return exit_codes.OK


def _nothing(namespace: argparse.Namespace, patterns: Sequence[str], kind: str, names: Sequence[Listed]) -> int:
    """Print that nothing matches, with similar names; return 1, as grep does."""
    from lm_eval.errors import did_you_mean

    conditions = [f"match {' or '.join(map(repr, patterns))}"] if patterns else []
    conditions += [f"--{name} {value}" for name in ("family", "output_type") if (value := getattr(namespace, name))]
    near = did_you_mean(patterns[0].strip("*"), [item.name for item in names]) if patterns else ""
    print(f"lm_eval: no {kind} {' and '.join(conditions) or 'here'}.{near}", file=sys.stderr)
    return exit_codes.NEGATIVE


def _print_json(found: Sequence[Listed]) -> None:
    import json
    from dataclasses import asdict

    print(outgoing_json(json.dumps([asdict(item) for item in found], indent=1, ensure_ascii=False)))


def _print_table(found: Sequence[Listed]) -> None:
    from lm_eval.reports.columns import columns

    rows = [["name", "kind", "output type", "dataset", "file"]]
    rows += [[item.name, item.kind, item.output_type, item.dataset, item.source] for item in found]
    print("\n".join(columns(rows, narrow=(3, 4), max_first=40)))
