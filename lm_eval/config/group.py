"""The config of a group: its members and how their scores become one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from lm_eval.errors import ConfigError, did_you_mean

__all__ = ["GROUP_KEYS", "AggMetricConfig", "GroupConfig"]


@dataclass
class AggMetricConfig:
    """One metric of a group."""

    metric: str
    """The metric's name, as its tasks report it."""
    filter_list: list[str] | None = None
    """The filter pipelines to aggregate; None means all that the tasks have. A single name is a list of one."""
    aggregation: str | Callable[..., Any] = "mean"
    """How the tasks' scores become one; ``mean`` is the only one there is."""
    weight_by_size: bool = True
    """Whether a task counts as often as it has docs."""

    def __post_init__(self) -> None:
        """Make lists of single names.

        Raises:
            ConfigError: The aggregation is not known.
        """
        if isinstance(self.aggregation, str) and self.aggregation != "mean":
            raise ConfigError(
                f"aggregate_metric_list: unknown aggregation {self.aggregation!r} for metric {self.metric!r}; "
                "a group has only 'mean'."
            )
        if isinstance(self.filter_list, str):
            self.filter_list = [self.filter_list]

    @classmethod
    def from_dict(cls, config: object) -> AggMetricConfig:
        """Build from an entry of a group's ``aggregate_metric_list``.

        Args:
            config: The mapping in the file.

        Returns:
            The config.

        Raises:
            ConfigError: It is no mapping, a key is not known, or ``metric`` is missing.
        """
        if isinstance(config, AggMetricConfig):
            return config
        if not isinstance(config, Mapping) or "metric" not in config:
            raise ConfigError(f"aggregate_metric_list: an entry needs a 'metric', got {config!r}.")
        unknown = [str(key) for key in config if key not in _METRIC_KEYS]
        if unknown:
            near = did_you_mean(unknown[0], _METRIC_KEYS)
            raise ConfigError(f"aggregate_metric_list: unknown key {unknown[0]!r}.{near}")
        return cls(**config)


@dataclass
class GroupConfig:
    """Everything a file can say about a group."""

    group: str
    """The group's name."""
    group_alias: str | None = None
    """The name shown in tables."""
    task: str | list[Any] | None = None
    """The members: names, ``{task: name, **overrides}``, or groups written out."""
    aggregate_metric_list: list[Any] | dict[str, Any] | None = None
    """The metrics to aggregate (``AggMetricConfig`` once built); None shows no score for the group."""
    metadata: dict[str, Any] | None = None
    """Free; ``version`` is the group's version."""

    def __post_init__(self) -> None:
        """Make lists of single members and typed configs of the metrics.

        Raises:
            ConfigError: A metric's entry cannot be used.
        """
        if isinstance(self.task, (str, dict)):
            self.task = [self.task]
        if isinstance(self.aggregate_metric_list, (dict, AggMetricConfig)):
            self.aggregate_metric_list = [self.aggregate_metric_list]
        if self.aggregate_metric_list is not None:
            self.aggregate_metric_list = [AggMetricConfig.from_dict(item) for item in self.aggregate_metric_list]

    @classmethod
    def from_dict(cls, config: Mapping[str, Any]) -> GroupConfig:
        """Build from a mapping with no other keys than a group's own.

        Args:
            config: The keys of the group.

        Returns:
            The config.

        Raises:
            ConfigError: A key is not known, or ``group`` is missing.
        """
        unknown = [str(key) for key in config if key not in GROUP_KEYS]
        if unknown:
            raise ConfigError(f"Unknown key {unknown[0]!r} of a group.{did_you_mean(unknown[0], GROUP_KEYS)}")
        if not config.get("group"):
            raise ConfigError("A group needs a name: 'group'.")
        return cls(**config)

    def to_dict(self, keep_callable: bool = False) -> dict[str, Any]:
        """Return the config as a plain dict, for results and logs.

        Args:
            keep_callable: Keep functions as they are; else their source text stands for them.

        Returns:
            All keys of a group.
        """
        shown: dict[str, Any] = {}
        for item in fields(self):
            shown[item.name] = self.serialize_function(getattr(self, item.name), keep_callable)
        return shown

    def serialize_function(self, value: Any, keep_callable: bool = False) -> Any:
        """Return a value with the functions in it as source text.

        Args:
            value: A value of the config.
            keep_callable: Leave functions as they are.

        Returns:
            A copy of the value; metrics as dicts.
        """
        if isinstance(value, AggMetricConfig):
            value = {item.name: getattr(value, item.name) for item in fields(value)}
        if isinstance(value, dict):
            return {key: self.serialize_function(item, keep_callable) for key, item in value.items()}
        if isinstance(value, list):
            return [self.serialize_function(item, keep_callable) for item in value]
        if callable(value) and not keep_callable:
            try:
                return inspect.getsource(value)
            except (OSError, TypeError):
                return repr(value)
        return value


GROUP_KEYS: frozenset[str] = frozenset(item.name for item in fields(GroupConfig))
"""The keys that are a group's own; any other is an override for its tasks."""
_METRIC_KEYS: frozenset[str] = frozenset(item.name for item in fields(AggMetricConfig))
