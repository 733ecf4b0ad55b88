"""List names of tasks, groups, subtasks, tags or families: all of them, or those that match."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lm_eval.cli import exit_codes
from lm_eval.cli._settings import add_setting, read_settings
from lm_eval.text import outgoing_json, visible

if TYPE_CHECKING:
    from lm_eval.task_files.families import Family
    from lm_eval.task_files.listing import Listed, ListedFamily

__all__ = ["add_arguments", "run"]

_KINDS = ("tasks", "groups", "subtasks", "tags", "families")
_CONDITIONS = ("family", "output_type", "language", "skill")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments.

    Args:
        parser: The parser to add them to.
    """
    parser.usage = "lm_eval ls [tasks|groups|subtasks|tags|families] [PATTERN ...] [options]"
    parser.add_argument(
        "words",
        nargs="*",
        metavar="PATTERN",
        help="Optionally, first what to list: tasks (everything that --tasks accepts; the default), groups, subtasks "
        "(single tasks), tags or families (folders of task files). Then globs such as 'mmlu_*', or parts of names; "
        "any may match.",
    )
    parser.add_argument("--family", metavar="FAMILY", help="Only names from this folder of task files.")
    parser.add_argument("--output_type", "--type", metavar="TYPE", help="Only tasks of this output type.")
    parser.add_argument(
        "--language", metavar="CODE", help="Only names in this language: an ISO 639-3 code such as kor, or a name."
    )
    parser.add_argument("--skill", metavar="SKILL", help="Only names that need this skill, such as math or reading.")
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
    from lm_eval.task_files.listing import listed, select, with_families
    from lm_eval.task_files.manager import TaskManager
    from lm_eval.utils import setup_logging

    setup_logging("WARNING")
    kind, *patterns = (
        namespace.words if namespace.words[:1] and namespace.words[0] in _KINDS else ["tasks", *namespace.words]
    )
    manager = TaskManager(include_path=read_settings(namespace).include_path)
    names = listed(manager)
    if namespace.language or namespace.skill or namespace.json or kind == "families":
        from lm_eval.task_files.families import families

        known = families(manager)
        names = with_families(names, known)
        if kind == "families":
            return _list_families(namespace, patterns, names, known)
    conditions = {condition: getattr(namespace, condition) for condition in _CONDITIONS}
    found = select(names, kind, patterns, **conditions)
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
    conditions += [f"--{name} {value}" for name in _CONDITIONS if (value := getattr(namespace, name))]
    near = did_you_mean(patterns[0].strip("*"), [item.name for item in names]) if patterns else ""
    print(f"lm_eval: no {kind} {' and '.join(conditions) or 'here'}.{near}", file=sys.stderr)
    return exit_codes.NEGATIVE


def _list_families(
    namespace: argparse.Namespace, patterns: Sequence[str], names: Sequence[Listed], known: Mapping[str, Family]
) -> int:
    """Print the families that have a task which meets all conditions; patterns are about the families' own names."""
    from lm_eval.reports.columns import columns
    from lm_eval.task_files.listing import listed_families, select

    conditions = {condition: getattr(namespace, condition) for condition in _CONDITIONS}
    found = listed_families(select(names, "subtasks", **conditions), known, patterns)
    if not found:
        return _nothing(namespace, patterns, "families", names)
    if namespace.json:
        _print_json(found)
    elif namespace.long:
        rows = [["family", "tasks", "languages", "skills", "title"]]
        for row in found:
            few = ", ".join(row.languages) if len(row.languages) <= 3 else f"{len(row.languages)} languages"
            rows.append([row.name, str(row.tasks), few, ", ".join(row.skills), row.title])
        print("\n".join(columns(rows, right=(1,), narrow=(4, 3), max_first=40)))
    else:
        sys.stdout.write("".join(f"{visible(row.name)}\n" for row in found))
    print(f"{len(found)} families", file=sys.stderr)
    return exit_codes.OK


def _print_json(found: Sequence[Listed] | Sequence[ListedFamily]) -> None:
    import json
    from dataclasses import asdict

    print(outgoing_json(json.dumps([asdict(item) for item in found], indent=1, ensure_ascii=False)))


def _print_table(found: Sequence[Listed]) -> None:
    from lm_eval.reports.columns import columns

    rows = [["name", "kind", "output type", "dataset", "file"]]
    rows += [[item.name, item.kind, item.output_type, item.dataset, item.source] for item in found]
    print("\n".join(columns(rows, narrow=(3, 4), max_first=40)))
