"""Names of tasks, groups and tags, and the files they come from."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lm_eval.task_files.entry import Entry, Kind, describe
from lm_eval.task_files.index_cache import scan

__all__ = ["Entry", "Kind", "TaskIndex"]

eval_logger = logging.getLogger("lm_eval")


class TaskIndex:
    """Builds the mapping of names from folders of task files."""

    def __init__(self, *, meta: Mapping[str, Any] | None = None) -> None:
        """Start an index.

        Args:
            meta: Metadata for tasks; kept for those who read it.
        """
        self._meta = dict(meta or {})

    @staticmethod
    def build(paths: Iterable[str | Path], *, resolve_includes: bool = True) -> dict[str, Entry]:
        """Index folders of task files without importing any code.

        In one folder the first file with a name wins; a later folder overrides an earlier one. Either is said in a
        warning.

        Args:
            paths: The folders, least important first.
            resolve_includes: Accepted for compatibility; includes are always followed.

        Returns:
            Name to entry.
        """
        index: dict[str, Entry] = {}
        for root in paths:
            _add_root(index, Path(root))
        return index

    @staticmethod
    def entry_from_path(path: str | Path) -> Entry | None:
        """Read one file.

        Args:
            path: A task file.

        Returns:
            Its entry, or None for a fragment.

        Raises:
            TaskFileError: The file has a fault.
        """
        from lm_eval.task_files.loader import load_file

        return describe(load_file(path).data, path)

    @staticmethod
    def entry_from_config(cfg: dict[str, Any]) -> Entry | None:
        """Make an entry of a config that comes from no file.

        Args:
            cfg: The config.

        Returns:
            Its entry, or None for a fragment.

        Raises:
            TaskFileError: Its name is no text.
        """
        entry = describe(cfg)
        if entry is not None:
            entry.cfg = cfg
        return entry


def _add_root(index: dict[str, Entry], root: Path) -> None:
    """Add what one root holds."""
    own: dict[str, Entry] = {}
    held = scan(root)
    if held.problems:
        eval_logger.warning(
            "%d task files in %s cannot be read: %s%s",
            len(held.problems),
            root,
            held.problems[0],
            "; …" if len(held.problems) > 1 else "",
        )
    for entry in held.entries:
        first = own.setdefault(entry.name, entry)
        if first is not entry:
            eval_logger.warning(
                "%r is defined twice: %s is used, %s is not", entry.name, first.yaml_path, entry.yaml_path
            )
    overridden = [name for name in own if name in index and index[name].kind is not Kind.TAG]
    if overridden:
        shown = ", ".join(overridden[:5]) + (", …" if len(overridden) > 5 else "")
        eval_logger.warning("%d names in %s override earlier ones: %s", len(overridden), root, shown)
    for name in overridden:
        _untag(index, index.pop(name))
    index.update(own)
    for tag, name in _tagged(own.values()):
        known = index.get(tag)
        if known is None:
            index[tag] = Entry(tag, Kind.TAG, tags=[name])
        elif known.kind is Kind.TAG:
            known.tags.add(name)
        else:
            eval_logger.debug("Tag %r of %s is also the name of a %s", tag, name, known.kind.name.lower())


def _tagged(entries: Iterable[Entry]) -> Iterator[tuple[str, str]]:
    for entry in entries:
        if entry.kind in (Kind.TASK, Kind.PY_TASK):
            for tag in entry.tags:
                yield tag, entry.name


def _untag(index: dict[str, Entry], gone: Entry) -> None:
    """Take an overridden task out of its tags; a tag left without tasks goes too."""
    for tag in gone.tags:
        known = index.get(tag)
        if known is not None and known.kind is Kind.TAG:
            known.tags.discard(gone.name)
            if not known.tags:
                del index[tag]
