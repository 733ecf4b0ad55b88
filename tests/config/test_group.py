from __future__ import annotations

from typing import Any

import pytest

from lm_eval.config.group import AggMetricConfig, GroupConfig
from lm_eval.errors import ConfigError


def test_single_values_become_lists() -> None:
    config = GroupConfig.from_dict({"group": "g", "task": "a", "aggregate_metric_list": {"metric": "acc"}})
    assert config.task == ["a"]
    assert config.aggregate_metric_list == [AggMetricConfig("acc")]
    assert AggMetricConfig("acc", filter_list="none").filter_list == ["none"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"group": "g", "group_alia": "x"}, "Did you mean 'group_alias'"),
        ({"task": ["a"]}, "needs a name"),
        ({"group": "g", "aggregate_metric_list": [{"metric": "acc", "weigth_by_size": True}]}, "weight_by_size"),
        ({"group": "g", "aggregate_metric_list": ["acc"]}, "needs a 'metric'"),
        (
            {"group": "g", "aggregate_metric_list": [{"metric": "acc", "aggregation": "median"}]},
            "only pre-defined aggregations: 'mean'",
        ),
    ],
)
def test_faults_are_named(config: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        GroupConfig.from_dict(config)


def test_to_dict_is_plain() -> None:
    def pick(values: list[float]) -> float:
        return values[0]

    config = GroupConfig.from_dict({"group": "g", "aggregate_metric_list": [{"metric": "acc", "aggregation": pick}]})
    shown_config: dict[str, Any] = config.to_dict()
    kept_config: dict[str, Any] = config.to_dict(keep_callable=True)
    shown = shown_config["aggregate_metric_list"][0]
    assert shown["metric"] == "acc"
    assert "def pick" in shown["aggregation"]
    assert kept_config["aggregate_metric_list"][0]["aggregation"] is pick
