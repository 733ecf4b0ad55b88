"""The config of a group: its members and how their scores are combined."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from lm_eval.config.task import plain_value
from lm_eval.errors import ConfigError, did_you_mean

__all__ = ["GROUP_KEYS", "AggMetricConfig", "GroupConfig"]


@dataclass
class AggMetricConfig:
    """One metric of a group."""

    metric: str
    """The metric's name, as its tasks report it."""
    filter_list: list[str] | None = None
    """The filter pipelines to aggregate; None means all that the tasks have. A single name becomes a list."""
    aggregation: str | Callable[..., object] = "mean"
    """How the scores of the tasks are combined; only ``mean`` is supported."""
    weight_by_size: bool = True
    """Whether to weight each task by its number of documents."""

    def __post_init__(self) -> None:
        """Turn a single filter name into a list.

        Raises:
            ConfigError: The aggregation is not known.
        """
        if isinstance(self.aggregation, str) and self.aggregation != "mean":
            raise ConfigError(
                f"aggregate_metric_list: unknown aggregation {self.aggregation!r} for metric {self.metric!r}; "
                "a group has only pre-defined aggregations: 'mean'."
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
            ConfigError: The entry is not a mapping, a key is not known, or ``metric`` is missing.
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
    """The keys of a group in a task file."""

    group: str
    """The group's name."""
    group_alias: str | None = None
    """The name shown in tables."""
    task: str | list[object] | None = None
    """The members: names, ``{task: name, **overrides}``, or groups written out."""
    aggregate_metric_list: list[AggMetricConfig] | None = None
    """The metrics to aggregate; None shows no score for the group. A dict, or a list of dicts, is converted."""
    metadata: dict[str, object] | None = None
    """Free; ``version`` is the group's version."""

    def __post_init__(self) -> None:
        """Turn single values into lists, and the metrics into ``AggMetricConfig``.

        Raises:
            ConfigError: An entry of ``aggregate_metric_list`` cannot be used.
        """
        if isinstance(self.task, (str, dict)):
            self.task = [self.task]
        metrics: object = self.aggregate_metric_list
        if metrics is not None:
            items = metrics if isinstance(metrics, (list, tuple)) else [metrics]
            self.aggregate_metric_list = [AggMetricConfig.from_dict(item) for item in items]

    @classmethod
    def from_dict(cls, config: Mapping[str, object]) -> GroupConfig:
        """Build from a mapping that has only the keys of a group.

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
        return cls(**config)  # type: ignore[arg-type]

    def to_dict(self, keep_callable: bool = False) -> dict[str, object]:
        """Return the config as a plain dict, for results and logs.

        Args:
            keep_callable: Keep functions as they are; False replaces them by their source text.

        Returns:
            All keys of a group.
        """
        return {item.name: self.serialize_function(getattr(self, item.name), keep_callable) for item in fields(self)}

    def serialize_function(self, value: object, keep_callable: bool = False) -> object:
        """Copy a value of the config; metrics become dicts.

        Args:
            value: The value.
            keep_callable: Keep functions as they are; False replaces them by their source text.

        Returns:
            The copy.
        """
        if isinstance(value, AggMetricConfig):
            value = {item.name: getattr(value, item.name) for item in fields(value)}
        if isinstance(value, list):
            return [self.serialize_function(item, keep_callable) for item in value]
        return plain_value(value, keep_callable)


GROUP_KEYS: frozenset[str] = frozenset(item.name for item in fields(GroupConfig))
"""The keys that describe a group; any other key is an override for its tasks."""
_METRIC_KEYS: frozenset[str] = frozenset(item.name for item in fields(AggMetricConfig))
