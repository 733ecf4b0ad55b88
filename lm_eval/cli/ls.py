"""List names of tasks, groups, subtasks, tags or families: all of them, or those that match."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lm_eval.cli import exit_codes
from lm_eval.text import outgoing_json, visible

if TYPE_CHECKING:
    from lm_eval.task_files.families import Family
    from lm_eval.task_files.listing import Listed, ListedFamily
    from lm_eval.task_files.manager import TaskManager

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
    # As lm_eval.config.run declares it, whose import takes a fifth of the time that the names take.
    parser.add_argument(
        "--include_path",
        action="extend",
        nargs="+",
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="Folders with more task files.",
    )


def run(namespace: argparse.Namespace) -> int:
    """Print the names to stdout and their number to stderr.

    Args:
        namespace: The parsed options.

    Returns:
        0, or 1 if nothing matches.
    """
    from lm_eval.task_files.manager import TaskManager
    from lm_eval.utils import setup_logging

    setup_logging("WARNING")
    kind, *patterns = (
        namespace.words if namespace.words[:1] and namespace.words[0] in _KINDS else ["tasks", *namespace.words]
    )
    manager = TaskManager(include_path=_folders(namespace))
    asked = [getattr(namespace, name) for name in (*_CONDITIONS, "json", "long")]
    if kind != "families" and not patterns and not any(asked) and (plain := _all(manager, kind)):
        return _print_names(plain, kind)
    return _select(namespace, manager, kind, patterns)


def _folders(namespace: argparse.Namespace) -> list[str]:
    if "include_path" not in namespace:
        return []
    from lm_eval.config import values

    return values.paths("include_path", namespace.include_path)


def _all(manager: TaskManager, kind: str) -> list[str]:
    kinds = {"groups": "all_groups", "subtasks": "all_subtasks", "tags": "all_tags"}
    names: list[str] = getattr(manager, kinds.get(kind, "all_tasks"))
    return names


def _print_names(names: Sequence[str], kind: str) -> int:
    sys.stdout.write("".join(f"{visible(name)}\n" for name in names))
    print(f"{len(names)} {kind}", file=sys.stderr)
    return exit_codes.OK


def _select(namespace: argparse.Namespace, manager: TaskManager, kind: str, patterns: Sequence[str]) -> int:
    """Print the names that meet all conditions, with more about them on request."""
    from lm_eval.task_files.listing import listed, select, with_families

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
    if not (namespace.json or namespace.long):
        return _print_names([item.name for item in found], kind)
    if namespace.json:
        _print_json(found)
    else:
        _print_table(found)
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
    rows += [[item.name, item.kind, item.output_type, item.dataset, item.place] for item in found]
    print("\n".join(columns(rows, narrow=(3, 4), max_first=40)))
