from __future__ import annotations

from typing import Any

import pytest

from lm_eval.api.task import ConfigurableTask
from lm_eval.errors import ConfigError, TaskFileError, TemplateError
from tests.api.tasks_for_tests import build, choice, make

ROWS = [{"q": "?", "answer": "a", "passage": "the same", "number": 7}]


@pytest.mark.parametrize(
    ("key", "cluster"),
    [
        ("passage", "the same"),
        ("number", "7"),
        ("{{passage}} {{number}}", "the same 7"),
        (lambda doc: doc["number"] + 1, "8"),
        (None, None),
    ],
)
def test_the_cluster_of_a_doc(key: Any, cluster: str | None) -> None:
    assert make(test=ROWS, cluster_key=key).doc_to_cluster(ROWS[0]) == cluster


def test_a_doc_without_the_value_has_no_cluster() -> None:
    rows = [*ROWS, {**ROWS[0], "passage": None}]
    assert make(test=rows, cluster_key="passage").doc_to_cluster(rows[1]) is None


@pytest.mark.parametrize(
    ("key", "error", "message"),
    [
        ("pasage", ConfigError, "cluster_key: 'pasage' is neither a column nor a template. Did you mean 'passage'"),
        (3, ConfigError, "cluster_key: 3 is neither a column nor a template"),
        ("{{page}}", TemplateError, "cluster_key: .*'page' is undefined"),
        (lambda doc: doc["page"], TaskFileError, "cluster_key.*KeyError"),
    ],
)
def test_a_cluster_key_that_cannot_be_read_stops_before_the_model_is_asked(
    key: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        build(make(test=ROWS, cluster_key=key))


def test_the_config_has_the_cluster_key_only_if_it_is_set() -> None:
    assert "cluster_key" not in make().dump_config()
    assert make(cluster_key="q").dump_config()["cluster_key"] == "q"


def repeated(over: Any, *, task: Any = make, **keys: Any) -> ConfigurableTask:
    built: ConfigurableTask = task(
        **{"repeats": 4, "metric_list": [{"metric": "exact_match", "over_repeats": over}], **keys}
    )
    return built


@pytest.mark.parametrize("over", ["pass@4", ["pass@4"], ["pass@4", "pass@4"]])
def test_combinations_are_separate_metrics(over: Any) -> None:
    task = repeated(over)
    assert list(task.aggregation()) == ["exact_match", "exact_match_pass@4"]
    assert task.higher_is_better()["exact_match_pass@4"] is True
    assert [how.name for how in task.over_repeats["exact_match"]] == ["pass@4"]


@pytest.mark.parametrize(
    ("over", "keys", "message"),
    [
        ("pass@5", {}, "Task demo, exact_match, over_repeats: pass@5 needs 'repeats' to be at least 5, it is 4"),
        ("best@2", {}, "Task demo, exact_match, over_repeats: 'best@2' is none of"),
        (2, {}, "Task demo, exact_match, over_repeats: 2 is none of"),
        ("mean@2", {"task": choice}, "over_repeats is for generated answers, not for multiple_choice"),
        (
            "mean@2",
            {"metric_list": [{"metric": "bleu", "over_repeats": "mean@2"}]},
            "bleu: over_repeats needs a metric that is aggregated by mean",
        ),
        (
            "mean@2",
            {"filter_list": [{"name": "v", "filter": [{"function": "majority_vote"}, {"function": "take_first"}]}]},
            "needs a filter pipeline without take_first_k and majority_vote",
        ),
    ],
)
def test_impossible_combinations_are_refused_when_the_task_is_loaded(over: Any, keys: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        repeated(over, **keys)
    assert "\n" not in str(caught.value)


def test_over_repeats_is_not_passed_to_the_metric() -> None:
    assert repeated("mean@2")._metrics["exact_match"].options == {}


def test_predict_only_drops_the_combinations() -> None:
    task = repeated("mean@2")
    task.override_metric("bypass")
    assert task.over_repeats == {}
