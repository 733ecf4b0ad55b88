"""``TaskManager``, the public face of the task files: finds tasks by name and loads them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lm_eval.errors import ConfigError, TaskFileError, UnknownNameError
from lm_eval.task_files.index import Entry, Kind, TaskIndex, match_names
from lm_eval.task_files.roots import declared_roots

if TYPE_CHECKING:
    from lm_eval.task_files.build import NestedTasks, TaskDict

__all__ = ["TaskManager"]

eval_logger = logging.getLogger("lm_eval")


class TaskManager:
    """Knows the names of all tasks, groups and tags, and loads them."""

    def __init__(
        self,
        verbosity: str | None = None,
        include_path: str | Path | Sequence[str | Path] | None = None,
        include_defaults: bool = True,
        metadata: Mapping[str, object] | None = None,
        data_dir: str | Path | None = None,
    ) -> None:
        """Index the task files; none of their code is run.

        Args:
            verbosity: A logging level for the package.
            include_path: Folders with more task files; a name in a later folder overrides earlier ones.
            include_defaults: Whether to index the library of this package, and the folders of installed packages
                that declare the entry point ``lm_eval.tasks``.
            metadata: Merged over the metadata of every task.
            data_dir: A folder with datasets, searched before the Hub.

        Raises:
            ConfigError: An ``include_path`` is not a folder.
        """
        if verbosity is not None:
            eval_logger.setLevel(verbosity.upper())
        included = [include_path] if isinstance(include_path, (str, Path)) else include_path
        self.include_path = [] if included is None else [Path(path) for path in included]
        for path in self.include_path:
            if not path.is_dir():
                raise ConfigError(f"include_path {str(path)!r} is not a folder.")
        self.metadata: dict[str, object] = {} if metadata is None else dict(metadata)
        self.data_dir = data_dir
        self.roots = [*(declared_roots() if include_defaults else ()), *self.include_path]
        self._index = TaskIndex.build(self.roots)
        self._importable = False

    @property
    def task_index(self) -> dict[str, Entry]:
        """Every name and its entry."""
        return self._index

    @property
    def all_tasks(self) -> list[str]:
        """The names of all tasks, groups and tags, sorted."""
        return sorted(self._index)

    @property
    def all_groups(self) -> list[str]:
        """The names of all groups, sorted."""
        return self._of_kind(Kind.GROUP)

    @property
    def all_subtasks(self) -> list[str]:
        """The names of all single tasks, sorted."""
        return self._of_kind(Kind.TASK, Kind.PY_TASK)

    @property
    def all_tags(self) -> list[str]:
        """The names of all tags, sorted."""
        return self._of_kind(Kind.TAG)

    def _of_kind(self, *kinds: Kind) -> list[str]:
        return sorted(name for name, entry in self._index.items() if entry.kind in kinds)

    def match_tasks(self, task_list: Iterable[str]) -> list[str]:
        """Return the names that match.

        Args:
            task_list: Names and glob patterns.

        Returns:
            The known names among them and the names that the patterns match, sorted.
        """
        return match_names(task_list, self._index)

    def load(self, task_list: object) -> TaskDict:
        """Load tasks and groups.

        Args:
            task_list: One of these or a list of them: a name of a task, group or tag; a glob pattern; a path to a
                YAML file, to a folder of them, or a pattern of such paths; a dict such as
                ``{"task": "gsm8k", "num_fewshot": 3}``; an entry of the index; a Task or a Group.

        Returns:
            The tasks and groups; no dataset has been loaded.

        Raises:
            UnknownNameError: A name is not known.
            TaskFileError: A task file has an error.
            MissingPackageError: A task's code needs a package that is not installed.
            ConfigError: A task is reached through two of the items.
        """
        from lm_eval.task_files.build import load_selected
        from lm_eval.task_files.resolve import select

        self.make_importable()
        items = task_list if isinstance(task_list, (list, tuple, set, frozenset)) else [task_list]
        return load_selected(select(items, self._index, self.unknown), self.metadata, self.data_dir)

    def load_task_or_group(self, task_list: object) -> NestedTasks:
        """Load tasks and groups as nested dicts.

        Args:
            task_list: As in ``load``.

        Returns:
            Task name to task, and for each group ``ConfigurableGroup`` to such a dict of its members.

        Raises:
            UserError: As ``load``.
        """
        from lm_eval.task_files.build import nested

        return nested(self.load(task_list))

    def list_all_tasks(self, list_groups: bool = True, list_tags: bool = True, list_subtasks: bool = True) -> str:
        """Describe the index as Markdown tables.

        Args:
            list_groups: Show the groups and their files.
            list_tags: Show the tags.
            list_subtasks: Show the tasks, their files and output types.

        Returns:
            The tables, with an empty line between them.
        """
        tables = []
        if list_groups:
            rows = [[name, str(self._index[name].file)] for name in self.all_groups]
            tables.append(_markdown(["Group", "Config Location"], rows))
        if list_tags:
            tables.append(_markdown(["Tag"], [[name] for name in self.all_tags]))
        if list_subtasks:
            entries = [self._index[name] for name in self.all_subtasks]
            rows = [[entry.name, str(entry.file), entry.output_type] for entry in entries]
            tables.append(_markdown(["Task", "Config Location", "Output Type"], rows))
        return "\n\n".join(tables)

    def make_importable(self) -> None:
        """Let task code import the modules next to it; listing names does not need this."""
        if not self._importable:
            from lm_eval.task_files.modules import add_root

            for root in self.roots:
                add_root(root)
            self._importable = True

    def problems(self) -> list[TaskFileError]:
        """Return the errors of files that are not in the index because they cannot be read."""
        from lm_eval.task_files.index_cache import scan

        return [problem for root in self.roots for problem in scan(root).problems]

    def unknown(self, name: str) -> UnknownNameError:
        """Return the error for a name that is not known.

        Args:
            name: The name.

        Returns:
            The error, with similar names, or, if there are none, with the command that lists all names.
        """
        broken = len(self.problems())
        hint = "'lm_eval ls tasks' lists the names."
        if broken:
            hint += f" It lacks those of {broken} files with errors, which lm_eval validate --tasks '*' shows."
        return UnknownNameError("task", name, self._index, hint)


def _markdown(header: list[str], rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "|" + "|".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + "|" for line in lines
    )
