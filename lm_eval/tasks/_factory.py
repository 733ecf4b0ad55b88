"""``TaskFactory``, kept for compatibility with the reference harness: both passes of ``lm_eval.task_files`` in one."""

from __future__ import annotations

from collections.abc import Mapping

from lm_eval.api.group import Group
from lm_eval.api.task import Task
from lm_eval.task_files.build import Builder
from lm_eval.task_files.entry import Entry, Kind
from lm_eval.task_files.resolve import Resolver

__all__ = ["TaskFactory"]


class TaskFactory:
    """Builds tasks and groups; no dataset is loaded."""

    def __init__(self, *, meta: Mapping[str, object] | None = None) -> None:
        """Create a factory.

        Args:
            meta: Merged over the metadata of every task and group.
        """
        self._meta = meta

    def build(
        self, entry: Entry, *, overrides: Mapping[str, object] | None = None, registry: Mapping[str, Entry]
    ) -> Task | Group | list[Task | Group]:
        """Build what an entry of the index stands for.

        Args:
            entry: The entry.
            overrides: Keys that replace the file's.
            registry: The index, for the members of groups and tags.

        Returns:
            The task, the group with its tasks, or a tag's tasks, sorted by name.

        Raises:
            TaskFileError: A file has an error.
            UnknownNameError: A member of a group does not exist.
            MissingPackageError: A function needs a package that is not installed.
        """
        builder, resolver = Builder(self._meta), Resolver(registry, {} if overrides is None else overrides)
        built = [builder.build(node) for node in resolver.entry(entry)]
        return built if entry.kind is Kind.TAG else built[0]
