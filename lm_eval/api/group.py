"""Groups: named trees of tasks, and their aggregate scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lm_eval.api._group_scores import NOT_AVAILABLE, TaskMetrics, aggregate_scores, pipelines_of
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
        name: Its name.
        alias: The name shown in tables.
        aggregate_metric_list: What is aggregated; None or empty shows no score.
        metadata: Free; ``version`` is the group's version.
    """

    name: str
    alias: str | None = None
    aggregate_metric_list: list[AggMetricConfig] | None = None
    metadata: dict[str, Any] | None = None
    _children: dict[str, Task | Group] = field(default_factory=dict)
    _config: GroupConfig | None = None

    def add(self, item: Task | Group) -> None:
        """Add a member; one of the same name is replaced.

        Args:
            item: The task or group.
        """
        self._children[_name_of(item)] = item

    def pop(self, name: str) -> Group | Task | None:
        """Remove a member.

        Args:
            name: Its name.

        Returns:
            The member, or None when there is none of that name.
        """
        return self._children.pop(name, None)

    def get(self, name: str) -> Task | Group | None:
        """Return a direct member.

        Args:
            name: Its name.

        Returns:
            The member, or None when there is none of that name.
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
            recursive: Also those of the groups within.

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
        """Return the groups within, without this one.

        Args:
            recursive: Also the groups of those groups.

        Returns:
            The groups, depth first, each before its own.
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
    def version(self) -> Any:
        """The version in the metadata, or ``"N/A"``."""
        return (self.metadata or {}).get("version", NOT_AVAILABLE)

    @property
    def has_aggregation(self) -> bool:
        """Whether the group has a score of its own."""
        return bool(self.aggregate_metric_list)

    def _discover_filters_for_metric(self, metric_name: str, task_metrics: Mapping[str, TaskMetrics]) -> list[str]:
        """Return the filter pipelines the tasks report a metric for, in the order they are met."""
        return pipelines_of(metric_name, task_metrics)

    def aggregate(self, task_metrics: Mapping[str, TaskMetrics]) -> dict[str, Any]:
        """Make the group's row of the results from its tasks' rows.

        The score is the mean over the tasks that have the metric, weighted by ``sample_len`` unless
        ``weight_by_size`` is false. The standard error of a weighted mean is pooled,
        ``sqrt(sum((n_i - 1) n_i s_i^2) / (sum(n_i) - k) / sum(n_i))``; that of a plain mean of k tasks is
        ``sqrt(sum(s_i^2)) / k``. It is ``"N/A"`` when any task's is.

        Args:
            task_metrics: Task name to row; names of other tasks are ignored.

        Returns:
            ``alias``, ``name`` and, for a group with aggregation, ``sample_len``, the scores, their standard errors
            and ``sample_count``, the docs behind each score.
        """
        row: dict[str, Any] = {"alias": self.alias or self.name, "name": self.name}
        if not self.aggregate_metric_list:
            return row
        names = dict.fromkeys(_name_of(task) for task in self.get_all_tasks())
        own = {name: task_metrics[name] for name in names if name in task_metrics}
        return {**row, **aggregate_scores(self.name, self.aggregate_metric_list, own)}

    def to_dict(self) -> dict[str, Any]:
        """Return the group's config as a plain dict, for the results."""
        return self._as_config().to_dict()

    def _as_config(self) -> GroupConfig:
        if self._config is not None:
            return self._config
        return GroupConfig(
            group=self.name,
            group_alias=self.alias,
            task=self.child_names,
            aggregate_metric_list=self.aggregate_metric_list,
            metadata=self.metadata,
        )

    @classmethod
    def from_config(cls, config: GroupConfig | Mapping[str, Any]) -> Group:
        """Build an empty group from its config; the members are added by whoever builds the tasks.

        Args:
            config: The config.

        Returns:
            The group.

        Raises:
            ConfigError: A key is not a group's.
        """
        if not isinstance(config, GroupConfig):
            config = GroupConfig.from_dict(config)
        metrics = config.aggregate_metric_list
        return cls(
            name=config.group,
            alias=config.group_alias,
            aggregate_metric_list=None if metrics is None else [AggMetricConfig.from_dict(item) for item in metrics],
            metadata=config.metadata,
            _config=config,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, children={self.child_names}, version={self.version})"


class ConfigurableGroup(Group):
    """A group that is equal to any other of its name, so that it can be a key of a dict of tasks."""

    def __init__(self, config: Mapping[str, Any] | GroupConfig | None = None) -> None:
        """Build an empty group.

        Args:
            config: Its config.

        Raises:
            ConfigError: A key is not a group's, or there is no config.
        """
        group = Group.from_config(config if config is not None else {})
        super().__init__(
            name=group.name,
            alias=group.alias,
            aggregate_metric_list=group.aggregate_metric_list,
            metadata=group.metadata,
            _config=group._config,
        )

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
    def config(self) -> dict[str, Any]:
        """The config as a plain dict."""
        return self.to_dict()

    @classmethod
    def from_group(cls, group: Group) -> ConfigurableGroup:
        """Turn a group into one that can be a key.

        Args:
            group: The group; its members are shared.

        Returns:
            The group as a key.
        """
        made = cls(group._as_config())
        made._children = group._children
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConfigurableGroup) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"ConfigurableGroup(group={self.name},group_alias={self.alias})"
