from __future__ import annotations

import logging
import math
import sys
from typing import Any

import pytest

from lm_eval.api.task import ConfigurableTask
from lm_eval.errors import TaskFileError, UnknownNameError

from .tasks_for_tests import build, choice, make, questions

DOC = questions(1)[0]


def score(task: ConfigurableTask, results: list[Any], doc: dict[str, Any] = DOC) -> dict[str, Any]:
    return task.process_results(doc, results)


def choices(metrics: list[str], **keys: Any) -> ConfigurableTask:
    return choice(metric_list=[{"metric": metric} for metric in metrics], **keys)


LLS = [(-4.0, False), (-3.0, True), (-9.0, False)]


@pytest.mark.parametrize(
    ("metric", "gold", "value"),
    [
        ("acc", 1, 1.0),
        ("acc", 0, 0.0),
        ("acc", "no", 1.0),
        ("acc", [0, 1], 1.0),
        ("acc", ["yes", "no"], 1.0),
        ("acc_norm", 0, 1.0),
        ("acc_norm", 2, 0.0),
        ("exact_match", 1, 1),
        ("exact_match", 0, 0),
        ("exact_match", [0, 1], 1),
        ("f1", 0, (0, 1)),
        ("mcc", 0, (0, 1)),
        ("likelihood", 2, (2, [-4.0, -3.0, -9.0])),
    ],
)
def test_choice_metrics(metric: str, gold: Any, value: Any) -> None:
    assert score(choices([metric], doc_to_target=gold), LLS) == {metric: value}


def test_brier_score_keeps_gold_and_probabilities() -> None:
    gold, probabilities = score(choices(["brier_score"]), LLS)["brier_score"]
    assert gold == 0
    assert probabilities == pytest.approx([math.exp(x) / sum(map(math.exp, (-4, -3, -9))) for x in (-4, -3, -9)])


def test_bytes_and_characters_differ() -> None:
    task = choices(["acc_norm", "acc_bytes"], doc_to_choice=["éééé", "abcde"], doc_to_target=0)
    assert score(task, [(-6.0, False), (-5.0, False)]) == {"acc_norm": 0.0, "acc_bytes": 1.0}


def test_mutual_information_subtracts_the_unconditional_score() -> None:
    results = [*LLS, (-1.0, False), (-5.0, False), (-9.0, False)]
    assert score(choices(["acc", "acc_mutual_info"], doc_to_target=1), results) == {"acc": 1.0, "acc_mutual_info": 1.0}


def test_ties_go_to_the_first() -> None:
    assert score(choices(["acc"], doc_to_target=0), [(-1.0, False)] * 3) == {"acc": 1.0}


@pytest.mark.parametrize("gold", [7, "none of them", ["x", 9], [], -100])
def test_gold_outside_the_choices_scores_zero_with_a_warning(gold: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="lm_eval"):
        values = score(choices(["acc", "acc_norm", "exact_match"], doc_to_target=gold), LLS)
    assert values == {"acc": 0.0, "acc_norm": 0.0, "exact_match": 0}
    assert "none of its 3 choices" in caplog.text


def test_empty_choice_never_wins_by_length() -> None:
    task = choices(["acc_norm"], doc_to_choice=["", "ab"], doc_to_target=1)
    assert score(task, [(-1.0, False), (-50.0, False)]) == {"acc_norm": 1.0}


def test_several_inputs_take_the_question_as_gold() -> None:
    task = choices(["acc"], doc_to_text="label", doc_to_target="answer")
    assert [score(task, LLS, doc) for doc in questions(2)] == [{"acc": 0.0}, {"acc": 1.0}]


def test_loglikelihood_scores() -> None:
    assert score(make(output_type="loglikelihood"), [(-2.5, True)]) == {"perplexity": -2.5, "acc": 1}


def test_rolling_scores_carry_words_and_bytes() -> None:
    task = make(output_type="loglikelihood_rolling", doc_to_target="é  b\nc ")
    assert score(task, [-8.0]) == {
        "word_perplexity": (-8.0, 4),
        "byte_perplexity": (-8.0, 8),
        "bits_per_byte": (-8.0, 8),
    }


@pytest.mark.parametrize(
    ("target", "response", "value"),
    [
        ("{{answer}}", "answer 0", 1.0),
        ("{{answer}}", "no", 0.0),
        (["a", "b"], "b", 1.0),
        (["a", "b"], "c", 0.0),
        (3, "3", 1.0),
    ],
)
def test_exact_match_against_one_target_or_any(target: Any, response: str, value: float) -> None:
    assert score(make(doc_to_target=target), [response]) == {"exact_match": value}


@pytest.mark.parametrize(
    ("response", "seen"), [(2, (2, 2)), ("2", ("2", "2")), (2.0, (2.0, 2.0)), (["2"], ("2", ["2"]))]
)
def test_target_gets_the_type_of_the_response_unless_that_is_a_list(response: Any, seen: tuple[Any, Any]) -> None:
    def pair(items: list[Any]) -> tuple[Any, Any]:
        return items[0], items[1]

    task = make(output_type="generate_until", doc_to_target="{{'2'}}", metric_list=[{"metric": pair}])
    found = score(task, [response])["pair"]
    assert found == seen
    assert [type(item) for item in found] == [type(item) for item in seen]


def test_generation_with_choices_takes_the_gold_choices_text() -> None:
    assert score(make(doc_to_choice="choices", doc_to_target="label"), ["yes"]) == {"exact_match": 1.0}


def test_metric_may_be_a_function_with_options() -> None:
    def near(references: list[str], predictions: list[str], slack: int) -> float:
        return float(abs(len(references[0]) - len(predictions[0])) <= slack)

    task = make(metric_list=[{"metric": near, "slack": 2, "aggregation": "mean", "higher_is_better": True}])
    assert score(task, ["answer 000"]) == {"near": 1.0}
    assert task.higher_is_better() == {"near": True}


def test_metric_of_plain_items_gets_gold_and_response() -> None:
    def same(items: list[str]) -> bool:
        return items[0] == items[1]

    assert score(make(metric_list=[{"metric": same, "aggregation": "mean"}]), ["answer 0"]) == {"same": True}


def test_metric_that_returns_a_dict_gives_several() -> None:
    def both(references: list[str], predictions: list[str]) -> dict[str, float]:
        return {"first": 1.0, "second": 2.0}

    task = make(metric_list=[{"metric": both, "aggregation": "mean", "higher_is_better": False}])
    assert score(task, ["x"]) == {"first": 1.0, "second": 2.0}
    assert task.aggregation()["second"] is task.aggregation()["both"]
    assert task.higher_is_better()["first"] is False


def test_fault_inside_a_metric_is_not_hidden() -> None:
    def broken(references: list[str], predictions: list[str]) -> float:
        raise TypeError("not your day")

    with pytest.raises(TypeError, match="not your day"):
        score(make(metric_list=[{"metric": broken, "aggregation": "mean"}]), ["x"])


def test_process_results_replaces_the_metrics() -> None:
    task = make(
        process_results=lambda doc, results: {"length": len(results[0])},
        metric_list=[{"metric": "length", "aggregation": "mean", "higher_is_better": True}],
    )
    assert score(task, ["four"]) == {"length": 4}
    assert task.aggregation()["length"]([1, 2]) == 1.5


def test_metric_without_aggregation_is_averaged_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="lm_eval"):
        task = make(process_results=lambda doc, results: {"odd": 1}, metric_list=[{"metric": "odd"}])
    assert task.aggregation()["odd"]([1, 3]) == 2
    assert "metric odd has no aggregation" in caplog.text


def test_override_by_bypass_scores_nothing() -> None:
    task = choice(process_results=lambda doc, results: {"acc": 1})
    task.override_metric("bypass")
    assert score(task, LLS) == {"bypass": 999}
    assert list(task.aggregation()) == ["bypass"]


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ([{"metric": "exact_macth"}], "Unknown metric 'exact_macth'. Did you mean 'exact_match'"),
        ([{"metric": "exact_match", "aggregation": "maen"}], "Unknown aggregation 'maen'. Did you mean 'mean'"),
    ],
)
def test_unknown_names_are_refused_when_the_task_is_built(metrics: list[Any], message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        make(metric_list=metrics)


def test_metric_the_output_type_computes_needs_no_package() -> None:
    task = choice(metric_list=[{"metric": "f1", "hf_evaluate": True, "aggregation": "mean"}])
    assert score(task, LLS) == {"f1": (0, 1)}


def test_option_a_metric_does_not_know_is_named() -> None:
    with pytest.raises(TaskFileError, match=r"unknown option 'ignore_cas'\. Did you mean 'ignore_case'"):
        make(metric_list=[{"metric": "exact_match", "ignore_cas": True}])


def test_entry_without_metric_is_refused() -> None:
    with pytest.raises(TaskFileError, match="an entry without 'metric'"):
        make(metric_list=[{"aggregation": "mean"}])


def test_filters_run_in_pipelines_with_names() -> None:
    pipelines = [
        {"name": "number", "filter": [{"function": "regex", "regex_pattern": "([0-9]+)"}, {"function": "take_first"}]},
        {"name": "loud", "filter": [{"function": "uppercase"}, {"function": "take_first"}]},
    ]
    task = make(filter_list=pipelines)
    (instance,) = build(task, limit=1)
    instance.resps = ["it is 42"]
    task.apply_filters()
    assert instance.filtered_resps == {"number": "42", "loud": "IT IS 42"}


@pytest.mark.parametrize("entry", [{"filter": []}, {"name": "x", "filter": [{}]}, "take_first"])
def test_malformed_filter_list_is_refused(entry: Any) -> None:
    with pytest.raises(TaskFileError, match=r"\[filter_list\]"):
        make(filter_list=[entry])


class OwnScores(ConfigurableTask):
    """Scores by its own method, whatever the config says."""

    def process_results(self, doc: Any, results: Any) -> dict[str, Any]:
        raise AssertionError("scored")

    def aggregation(self) -> dict[str, Any]:
        return {"own": sum}

    def higher_is_better(self) -> dict[str, Any]:
        return {"own": True}


def test_bypass_replaces_the_scoring_of_a_subclass() -> None:
    task = make(OwnScores)
    task.override_metric("bypass")
    assert score(task, ["x"]) == {"bypass": 999}
    assert list(task.aggregation()) == list(task.higher_is_better()) == ["bypass"]


@pytest.mark.parametrize(
    ("gold", "response", "references"),
    [("3", -1, [3]), ("3", 3.0, [3.0]), (3, "3", ["3"]), ("3", "x", ["3"]), ("3", ["3", "4"], ["3"])],
)
def test_a_target_is_cast_to_the_type_of_the_filtered_response(gold: Any, response: Any, references: list[Any]) -> None:
    seen: list[Any] = []

    def looks(references: list[Any], predictions: list[Any]) -> float:
        seen.extend([references, predictions])
        return 0.0

    score(make(doc_to_target=lambda doc: gold, metric_list=[{"metric": looks}]), [response])
    assert seen == [references, [response]]
    assert type(seen[0][0]) is type(references[0])


def test_the_target_among_choices_is_not_cast() -> None:
    seen: list[Any] = []

    def looks(references: list[Any], predictions: list[Any]) -> float:
        seen.extend(references)
        return 0.0

    task = make(doc_to_target="label", doc_to_choice=lambda doc: [1, 2, 3], metric_list=[{"metric": looks}])
    score(task, ["1"])
    assert seen == [1]


def test_metrics_of_hugging_face_see_target_and_mapped_response_as_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    class Module:
        """Stands for the package ``evaluate``: the share of equal pairs, as f1 with ``average: micro`` is."""

        def load(self, name: str) -> Module:
            assert name in ("f1", "accuracy")
            return self

        def compute(self, references: list[int], predictions: list[int], **options: Any) -> dict[str, float]:
            assert all(type(value) is int for value in references + predictions)
            equal = [a == b for a, b in zip(references, predictions, strict=True)]
            return {("f1" if options else "accuracy"): sum(equal) / len(equal)}

    monkeypatch.setitem(sys.modules, "evaluate", Module())
    letters = {"function": "map", "mapping_dict": {"A": 0, "B": 1, "C": 2, "D": 3}, "default_value": -1}
    task = make(
        test=[{"q": "Q", "target": name} for name in ("zero", "minus", "plus", "amb")],
        doc_to_target="{{['zero', 'minus', 'plus', 'amb'].index(target)}}",
        filter_list=[{"name": "first", "filter": [{"function": "take_first"}, letters, {"function": "take_first"}]}],
        metric_list=[
            {"metric": "f1", "hf_evaluate": True, "aggregation": "mean", "average": "micro"},
            {"metric": "accuracy", "hf_evaluate": True, "aggregation": "mean"},
        ],
    )
    docs = list(task.test_docs())
    for response, mean in ((0, 0.25), (-1, 0.0)):
        values = [task.process_results(doc, [response]) for doc in docs]
        assert {name: task.aggregation()[name]([value[name] for value in values]) for name in values[0]} == {
            "f1": mean,
            "accuracy": mean,
        }
