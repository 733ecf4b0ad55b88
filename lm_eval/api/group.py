"""Groups: named trees of tasks, and their aggregate scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lm_eval.api.group_scores import TaskMetrics, aggregate_scores
from lm_eval.api.result_keys import NOT_AVAILABLE
from lm_eval.config.group import AggMetricConfig, GroupConfig

if TYPE_CHECKING:
    from lm_eval.api.task import Task

__all__ = ["ConfigurableGroup", "Group", "TaskMetrics"]


def _name_of(item: Task | Group) -> str:
    return item.name if isinstance(item, Group) else str(item.task_name)


@dataclass(eq=False)
class Group:
    """A named set of tasks and groups.

    Attributes:
        name: The name of the group.
        alias: The name shown in tables.
        aggregate_metric_list: The metrics to aggregate; None or an empty list shows no score.
        metadata: Free; ``version`` is the group's version.
    """

    name: str
    alias: str | None = None
    aggregate_metric_list: list[AggMetricConfig] | None = None
    metadata: dict[str, object] | None = None
    _children: dict[str, Task | Group] = field(default_factory=dict)
    _config: GroupConfig | None = None

    def add(self, item: Task | Group) -> None:
        """Add a member; a member of the same name is replaced.

        Args:
            item: The task or group.
        """
        self._children[_name_of(item)] = item

    def pop(self, name: str) -> Group | Task | None:
        """Remove a member.

        Args:
            name: The name of the member.

        Returns:
            The member, or None if there is no member of that name.
        """
        return self._children.pop(name, None)

    def get(self, name: str) -> Task | Group | None:
        """Return a direct member.

        Args:
            name: The name of the member.

        Returns:
            The member, or None if there is no member of that name.
        """
        return self._children.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self._children

    def __iter__(self) -> Iterator[Task | Group]:
        return iter(self._children.values())

    def __len__(self) -> int:
        return len(self._children)

    def get_all_tasks(self, recursive: bool = True) -> list[Task]:
        """Return the tasks.

        Args:
            recursive: Also return the tasks of inner groups.

        Returns:
            The tasks, depth first.
        """
        tasks: list[Task] = []
        for child in self:
            if not isinstance(child, Group):
                tasks.append(child)
            elif recursive:
                tasks.extend(child.get_all_tasks())
        return tasks

    def get_all_groups(self, recursive: bool = True) -> list[Group]:
        """Return the inner groups, without this one.

        Args:
            recursive: Also return the inner groups of those.

        Returns:
            The groups, depth first, each before its inner groups.
        """
        groups: list[Group] = []
        for child in self:
            if isinstance(child, Group):
                groups.append(child)
                if recursive:
                    groups.extend(child.get_all_groups())
        return groups

    @property
    def child_names(self) -> list[str]:
        """The names of the direct members."""
        return list(self._children)

    @property
    def version(self) -> object:
        """The version in the metadata, or ``"N/A"``."""
        return NOT_AVAILABLE if self.metadata is None else self.metadata.get("version", NOT_AVAILABLE)

    @property
    def has_aggregation(self) -> bool:
        """Whether the group has scores."""
        return bool(self.aggregate_metric_list)

    def aggregate(self, task_metrics: Mapping[str, TaskMetrics]) -> dict[str, object]:
        """Compute the group's row of the results from its tasks' rows.

        The score is the mean over the tasks that have the metric, weighted by ``sample_len`` unless
        ``weight_by_size`` is false. The standard error of a weighted mean is pooled,
        ``sqrt(sum((n_i - 1) n_i s_i^2) / (sum(n_i) - k) / sum(n_i))``; that of a plain mean of k tasks is
        ``sqrt(sum(s_i^2)) / k``. It is ``"N/A"`` when any task's is.

        Args:
            task_metrics: Task name to row; names of other tasks are ignored.

        Returns:
            ``alias``, ``name`` and, for a group with aggregation, ``sample_len``, the scores, their standard errors
            and ``sample_count``: the number of documents of each score.
        """
        row: dict[str, object] = {"alias": self.alias or self.name, "name": self.name}
        if not self.aggregate_metric_list:
            return row
        names = dict.fromkeys(_name_of(task) for task in self.get_all_tasks())
        rows = {name: task_metrics[name] for name in names if name in task_metrics}
        return {**row, **aggregate_scores(self.name, self.aggregate_metric_list, rows)}

    def to_dict(self) -> dict[str, object]:
        """Return the group's config as a plain dict, without keys that say nothing."""
        return {key: value for key, value in self.to_config().to_dict().items() if value or key == "group"}

    def to_config(self) -> GroupConfig:
        """Return the config the group was built from, or one that describes it."""
        if self._config is not None:
            return self._config
        return GroupConfig(
            group=self.name,
            group_alias=self.alias,
            task=[*self.child_names],
            aggregate_metric_list=self.aggregate_metric_list,
            metadata=self.metadata,
        )

    @classmethod
    def from_config(cls, config: GroupConfig | Mapping[str, object]) -> Group:
        """Build a group without members from its config.

        Args:
            config: The config.

        Returns:
            The group.

        Raises:
            ConfigError: A key is not one of a group.
        """
        if not isinstance(config, GroupConfig):
            config = GroupConfig.from_dict(config)
        return cls(
            name=config.group,
            alias=config.group_alias,
            aggregate_metric_list=config.aggregate_metric_list,
            metadata=config.metadata,
            _config=config,
        )

    def __repr__(self) -> str:
        name, count = f"{type(self).__name__}(name={self.name!r}", len(self._children)
        return f"{name}, len_children={count}, children={self.child_names}, version={self.version})"


class ConfigurableGroup(Group):
    """A group that equals every group of the same name, so that it can be a key of a dict of tasks."""

    def __init__(self, config: Mapping[str, object] | GroupConfig | None = None) -> None:
        """Build a group without members.

        Args:
            config: The config of the group.

        Raises:
            ConfigError: A key is not one of a group, or there is no config.
        """
        super().__init__(**vars(Group.from_config({} if config is None else config)))

    @property
    def group(self) -> str:
        """The name."""
        return self.name

    @property
    def group_name(self) -> str:
        """The name."""
        return self.name

    @property
    def group_alias(self) -> str | None:
        """The name shown in tables."""
        return self.alias

    @property
    def config(self) -> dict[str, object]:
        """The config as a plain dict."""
        return self.to_config().to_dict()

    @classmethod
    def from_group(cls, group: Group) -> ConfigurableGroup:
        """Turn a group into one that can be a key of a dict.

        Args:
            group: The group; the result shares its members.

        Returns:
            The group as a key.
        """
        key = cls(group.to_config())
        key._children = group._children
        return key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConfigurableGroup) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"ConfigurableGroup(group={self.name},group_alias={self.alias})"
