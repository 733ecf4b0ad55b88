from __future__ import annotations

import logging
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask
from lm_eval.evaluator import evaluate, simple_evaluate
from lm_eval.statistics.intervals import wilson
from lm_eval.statistics.repeats import pass_at_k
from tests.api.tasks_for_tests import make
from tests.fakes import FakeLM

PAGE = Path(__file__).resolve().parents[2] / "docs" / "statistics.md"
ROWS = [{"q": f"{i}?", "answer": str(i), "passage": f"p{i // 3}"} for i in range(12)]
NUMBER = [
    {"name": "number", "filter": [{"function": "regex", "regex_pattern": "= ([0-9]+)"}, {"function": "take_first"}]}
]
REPEATS = 6


class Sampled(FakeLM):
    """Answers ``= n`` with the right n, or the number after it, depending only on doc and repeat."""

    def generate_until(self, requests: list[Instance]) -> list[str]:
        asked: dict[int | None, int] = {}
        said = []
        for request in requests:
            repeat = asked[request.doc_id] = asked.get(request.doc_id, -1) + 1
            said.append(f"it is = {number(request.doc_id or 0, repeat)}")
        return said


def number(doc: int, repeat: int) -> int:
    return doc + random.Random(f"{doc} {repeat}").choice([0, 0, 1, 2])


def right(doc: int) -> list[int]:
    return [int(number(doc, repeat) == doc) for repeat in range(REPEATS)]


def task(over: Any = ("mean@6", "pass@2", "maj@5"), **keys: Any) -> ConfigurableTask:
    metric = {"metric": "exact_match", "over_repeats": list(over) if isinstance(over, tuple) else over}
    return make(**{"test": ROWS, "repeats": REPEATS, "filter_list": NUMBER, "metric_list": [metric], **keys})


def run(task: ConfigurableTask, lm: FakeLM | None = None) -> dict[str, Any]:
    return evaluate(lm or Sampled(), {"tasks": {"demo": task}}, bootstrap_iters=0)


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def test_the_scores_are_means_over_docs() -> None:
    row = run(task())["results"]["demo"]
    assert row["exact_match_mean@6,number"] == pytest.approx(mean([mean(right(doc)) for doc in range(12)]))
    assert row["exact_match_pass@2,number"] == pytest.approx(
        mean([pass_at_k(REPEATS, sum(right(doc)), 2) for doc in range(12)])
    )
    voted = [
        max(range(5), key=lambda r: ([number(doc, o) for o in range(5)].count(number(doc, r)), -r)) for doc in range(12)
    ]
    assert row["exact_match_maj@5,number"] == pytest.approx(mean([right(doc)[r] for doc, r in enumerate(voted)]))


def test_the_metric_itself_uses_the_first_repeat() -> None:
    assert run(task())["results"]["demo"]["exact_match,number"] == mean([right(doc)[0] for doc in range(12)])


def test_the_error_is_over_docs() -> None:
    found = run(task(("maj@6", "mean@6")))["statistics"]["demo"]
    score = run(task(("maj@6",)))["results"]["demo"]["exact_match_maj@6,number"]
    assert found["exact_match_maj@6,number"]["interval"] == list(wilson(round(score * 12), 12))
    assert (found["exact_match_mean@6,number"]["n"], found["exact_match_mean@6,number"]["method"]) == (12, "t")


def test_only_the_mean_has_the_share_of_repeats() -> None:
    found = run(task(("mean@6", "pass@2")))["statistics"]["demo"]
    assert 0 < found["exact_match_mean@6,number"]["repeats_share"] <= 1
    shares = [key for key, entry in found.items() if "repeats_share" in entry]
    assert shares == ["exact_match_mean@6,number"]


def test_a_sample_has_its_repeats() -> None:
    sample = run(task())["samples"]["demo"][4]
    assert sample["repeats"] == {
        "filtered": [str(number(4, repeat)) for repeat in range(REPEATS)],
        "exact_match": right(4),
    }
    assert sample["exact_match_mean@6"] == pytest.approx(mean(right(4)))
    assert sample["filtered_resps"] == [str(number(4, 0))]


def test_a_task_without_over_repeats_is_unchanged() -> None:
    plain = task(None)
    result = run(plain)
    assert list(result["statistics"]["demo"]) == ["exact_match,number"]
    assert "repeats" not in result["samples"]["demo"][0]


def test_pipelines_that_choose_among_repeats_are_left_out() -> None:
    voting = {"name": "vote", "filter": [{"function": "majority_vote"}, {"function": "take_first"}]}
    row = run(task(filter_list=[*NUMBER, voting]))["results"]["demo"]
    assert [key for key in row if "," in key and "stderr" not in key] == [
        "exact_match,number",
        "exact_match_mean@6,number",
        "exact_match_pass@2,number",
        "exact_match_maj@5,number",
        "exact_match,vote",
    ]


def test_a_doc_with_a_lost_repeat_is_lost() -> None:
    result = run(task(), Sampled(lose=lambda instance: instance.doc_id == 3))
    entry = result["statistics"]["demo"]["exact_match_pass@2,number"]
    assert (entry["n"], entry["lost"]) == (11, 1)
    assert "repeats" not in result["samples"]["demo"][3]


def test_grades_have_no_pass_at_k_and_keep_the_rest(caplog: pytest.LogCaptureFixture) -> None:
    def grade(references: list[str], predictions: list[str]) -> float:
        return len(predictions[0]) / 4

    metric = {"metric": grade, "aggregation": "mean", "over_repeats": ["mean@2", "pass@2"]}
    row = run(task(metric_list=[metric]))["results"]["demo"]
    assert isinstance(row["grade_mean@2,number"], float)
    assert row["grade_pass@2,number"] == row["grade_pass@2_stderr,number"] == "N/A"
    assert "needs values that are 0 or 1" in row["failed"]["grade_pass@2,number"]
    assert "cannot be computed" in caplog.text


def test_a_metric_that_is_not_returned_is_named() -> None:
    scored = task(process_results=lambda doc, results: {"other": 1.0})
    failed = run(scored)["results"]["demo"]["failed"]
    assert failed["exact_match_pass@2,number"] == "the task gives no value under the name 'exact_match'"


def test_the_scoring_of_the_task_is_used() -> None:
    scored = task(process_results=lambda doc, results: {"exact_match": float(len(results) == 1 and results[0] != "1")})
    row = run(scored)["results"]["demo"]
    expected = mean([mean([number(doc, repeat) != 1 for repeat in range(REPEATS)]) for doc in range(12)])
    assert row["exact_match_mean@6,number"] == pytest.approx(expected)


def test_equal_repeats_cause_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="lm_eval"):
        run(task(), FakeLM(lambda prompt: "= 1"))
    assert caplog.text.count("the repeats of every doc are equal") == 1


def test_clusters_and_repeats_can_be_combined() -> None:
    result = run(task(cluster_key="passage"))
    entry = result["statistics"]["demo"]["exact_match_pass@2,number"]
    assert (entry["clusters"], entry["method"]) == (4, "clustered t")
    assert [sample["cluster"] for sample in result["samples"]["demo"][:4]] == ["p0", "p0", "p0", "p1"]


def test_a_doc_without_a_cluster_is_a_separate_cluster() -> None:
    rows = [{**row, "passage": None if place < 6 else row["passage"]} for place, row in enumerate(ROWS)]
    result = run(task(test=rows, cluster_key="passage"))
    assert result["statistics"]["demo"]["exact_match,number"]["clusters"] == 6 + 2
    assert [sample["cluster"] for sample in result["samples"]["demo"][4:7]] == ["doc 4", "doc 5", "p2"]


def test_the_example_of_the_documentation_runs(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (example,) = [block for block in blocks if "over_repeats" in block]
    rows = tmp_path / "sums.jsonl"
    rows.write_text("".join(f'{{"question": "{i}?", "answer": {i}}}\n' for i in range(5)))
    settings = yaml.safe_load(example)
    settings["dataset_kwargs"]["data_files"] = str(rows)
    said = random.Random(1)
    lm = FakeLM(lambda prompt: f"The answer is {said.choice([0, 1, 2])}.")
    result = simple_evaluate(lm, tasks=[settings], bootstrap_iters=0)
    keys = [f"exact_match{how},number" for how in ("", "_mean@8", "_pass@4", "_maj@8")]
    assert list(result["statistics"]["sums_8_times"]) == keys
