"""Rewrites a selection so that its tasks are asked in a prompt format, for users whose endpoint cannot score."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from lm_eval.config.formats import split_format
from lm_eval.errors import UserError
from lm_eval.task_files.resolve import Resolved, ResolvedGroup, ResolvedTask, select

if TYPE_CHECKING:
    from lm_eval.task_files.manager import TaskManager

__all__ = ["selection_in_format"]


def selection_in_format(
    manager: TaskManager, items: Iterable[object], runnable: Collection[str], wanted: str = "generate"
) -> tuple[str, set[str]] | None:
    """Rewrite a selection so that all its tasks can be asked.

    Args:
        manager: Knows the names.
        items: The selection.
        runnable: The names of the tasks that the endpoint can answer as they are.
        wanted: The format for the others.

    Returns:
        What follows ``--tasks``, and the names of the tasks that get the format, without it; None if no task can have
        it, or if an item is no name.
    """
    found: dict[str, None] = {}
    names: set[str] = set()
    for item in items:
        if not isinstance(item, str):
            return None
        base = split_format(item)[0] if item not in manager.task_index and "@" in item else item
        try:
            leaves = list(_leaves(manager, f"{base}@{wanted}"))
        except UserError:
            if any(leaf.name in runnable for leaf in _leaves(manager, item)):
                found[item] = None
            continue
        found[f"{base}@{wanted}"] = None
        names |= {leaf.name.removesuffix(f"@{wanted}") for leaf in leaves if leaf.format}
    return (shlex.quote(",".join(found)), names) if names else None


def _leaves(manager: TaskManager, item: str) -> Iterator[ResolvedTask]:
    nodes = select([item], manager.task_index, manager.unknown)
    for node in nodes:
        if isinstance(node, (ResolvedTask, ResolvedGroup)):
            yield from _inside(node)


def _inside(node: Resolved) -> Iterator[ResolvedTask]:
    for inner in [node] if isinstance(node, ResolvedTask) else node.inside():
        if isinstance(inner, ResolvedTask):
            yield inner
