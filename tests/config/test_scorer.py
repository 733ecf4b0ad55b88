from __future__ import annotations

from typing import Any

import pytest

from lm_eval.config.scorer import Condition, Criterion, JudgeMetric, ScorerSpec, VerdictSpec, read_criteria
from lm_eval.config.task import TaskConfig
from lm_eval.errors import ConfigError

BASE: dict[str, Any] = {"type": "ai_judge", "prompt": "{{answer}}", "verdict": "boolean"}


def test_defaults() -> None:
    spec = ScorerSpec.parse(BASE)
    assert (spec.read, spec.repeats, spec.reduce, spec.only_if) == ("auto", 1, "mean", None)
    assert spec.metrics == (JudgeMetric("judge_score"),)


@pytest.mark.parametrize(
    ("given", "kind", "bounds"),
    [
        ("boolean", "boolean", (0.0, 1.0)),
        ({"C": 1.0, "I": 0}, "labels", (0.0, 1.0)),
        ({"labels": {"good": 2, "bad": -1}}, "labels", (-1.0, 2.0)),
        ({"scale": [1, 10]}, "scale", (1.0, 10.0)),
        ({"rubric": "rubrics"}, "rubric", None),
        ({"pairwise": "reference"}, "pairwise", (0.0, 1.0)),
        ({"pairwise": None}, "pairwise", (0.0, 1.0)),
    ],
)
def test_kinds_of_verdicts(given: object, kind: str, bounds: tuple[float, float] | None) -> None:
    verdict = VerdictSpec.parse(given)
    assert (verdict.kind, verdict.range) == (kind, bounds)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"promt": "x"}, "no key 'promt'. Did you mean 'prompt'?"),
        ({"type": "ai_juge"}, "Did you mean 'ai_judge'?"),
        ({"verdict": "boolan"}, "Did you mean 'boolean'?"),
        ({"verdict": {"scael": [1, 2]}}, "Did you mean 'scale'?"),
        ({"verdict": {"scale": [2, 1]}}, "does not rise"),
        ({"verdict": {"scale": [1]}}, "two numbers"),
        ({"verdict": {True: 1, False: 0}}, "use verdict: boolean"),
        ({"verdict": {"C": "x", "I": 0}}, "C is a number"),
        ({"verdict": {"rubric": []}}, "a rubric is a list"),
        ({"verdict": {"pairwise": {"base": "x"}}}, "no key 'base'. Did you mean 'baseline'?"),
        ({"verdict": {"pairwise": {"labels": {"A": 2, "B": 0}}}}, "from 0 (lost) to 1 (won)"),
        ({"read": "jason"}, "Did you mean 'json'?"),
        ({"reduce": "avg"}, "reduce is one of"),
        ({"repeats": 0}, "repeats is a whole number from 1"),
        ({"repeats": True}, "repeats is a whole number from 1"),
        ({"pattern": "GRADE: (["}, "no regular expression"),
        ({"pattern": "GRADE: C"}, "needs one group"),
        ({"only_if": "exact_match"}, "only_if is METRIC"),
        ({"prompt": "{{question}}"}, "does not show {{answer}}"),
        ({"judge_template": "x.jinja"}, "one of prompt and judge_template"),
        ({"prompt": None}, "one of prompt and judge_template"),
        ({"verdict": {"rubric": "r"}}, "does not show {{criterion}}"),
        ({"metrics": []}, "metrics is a list"),
        ({"metrics": [{"metric": "x", "valu": "score"}]}, "Did you mean 'value'?"),
        ({"metrics": [{"metric": "x", "value": {"label": "yess"}}]}, "Did you mean 'yes'?"),
        ({"metrics": [{"metric": "x", "value": "custom"}]}, "there is no process_verdict"),
        ({"process_verdict": "utils.f"}, "process_verdict is a function"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ScorerSpec.parse({**BASE, **change})
    assert said in str(caught.value)


def test_a_missing_verdict_is_named() -> None:
    with pytest.raises(ConfigError, match="no verdict"):
        ScorerSpec.parse({"type": "ai_judge", "prompt": "{{answer}}"})


def test_the_error_names_the_task() -> None:
    with pytest.raises(ConfigError, match="Task t: scorer has no key"):
        TaskConfig(task="t", scorer={**BASE, "x": 1})


def test_only_generated_texts_are_judged() -> None:
    with pytest.raises(ConfigError, match="needs output_type generate_until"):
        TaskConfig(task="t", output_type="multiple_choice", scorer=BASE)


@pytest.mark.parametrize(
    ("text", "value", "holds"), [("acc < 1", 1.0, False), ("acc<1", 0.0, True), ("f1@2 >= -0.5", -0.5, True)]
)
def test_conditions(text: str, value: float, holds: bool) -> None:
    assert Condition.parse(text).holds(value) is holds


def test_criteria_are_read_from_texts_and_mappings() -> None:
    found = read_criteria(["polite", {"criterion": "lies", "points": -3, "tags": ["axis:truth"]}])
    assert found == [Criterion("polite"), Criterion("lies", -3.0, ("axis:truth",))]


@pytest.mark.parametrize("given", ["text", [], [{"points": 1}], [{"criterion": "a", "points": -1}], [3], None])
def test_other_rubrics_are_refused(given: object) -> None:
    with pytest.raises(ConfigError):
        read_criteria(given)


def test_lengths_are_those_of_two_answers() -> None:
    prompt = "{{answer}} {{answer_a}} {{answer_b}}"
    metrics = [{"metric": "lc", "value": "lengths", "aggregation": "length_controlled"}]
    given = {"type": "ai_judge", "prompt": prompt, "metrics": metrics}
    assert ScorerSpec.parse({**given, "verdict": {"pairwise": "output"}}).metrics[0].value == "lengths"
    with pytest.raises(ConfigError, match="metrics: lc compares two answers, so verdict must be pairwise"):
        ScorerSpec.parse({**given, "verdict": "boolean"})
