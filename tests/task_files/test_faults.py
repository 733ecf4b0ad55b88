from __future__ import annotations

import pytest

from lm_eval.api.task import Task
from lm_eval.config.group import AggMetricConfig
from lm_eval.task_files.faults import group_faults, prompt_faults, reported_keys, task_faults
from lm_eval.tasks import TaskManager
from tests.task_files.conftest import BASE, Write

FIRST = """
filter_list:
  - name: first
    filter: [{function: regex, regex_pattern: "(.*)"}, {function: take_first}]
"""
VOTE = """
filter_list:
  - name: maj
    filter: [{function: lowercase}, {function: majority_vote}, {function: take_first}]
"""
UNKNOWN = """
process_results: !function own.score
metric_list: [{metric: mine, aggregation: mean}]
"""


def task(write: Write, keys: str) -> Task:
    names = {line.partition(":")[0] for line in keys.splitlines()}
    base = "\n".join(line for line in BASE.splitlines() if line.partition(":")[0] not in names)
    base = base.replace("  - metric: exact_match\n", "") if "metric_list" in names else base
    own = "def score(doc, results):\n    return {'mine': 1}\n"
    data = "def load(**_):\n    return {'train': [{'q': 'a', 'a': 'b'}]}\n"
    base = base.replace("dataset_path: json", "custom_dataset: !function data.load")
    root = write({"t.yaml": f"task: t\n{base}\n{keys}", "own.py": own, "data.py": data})
    found = TaskManager(include_path=root, include_defaults=False).load("t")["tasks"]["t"]
    return found


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("", []),
        ("doc_to_text: Question text", []),
        ("doc_to_text: 'Q: {q}\\nA:'", ["doc_to_text has {q} as it is; a template needs two braces: {{q}}"]),
        ("doc_to_text: 'Q: {{q}} {a}'", []),
        ("doc_to_target: '{a}'", ["doc_to_target has {a} as it is; a template needs two braces: {{a}}"]),
        ("doc_to_text: Answer the question.", ["doc_to_text is the same text for every document"]),
        (f"repeats: 4\n{FIRST}", ["repeats is 4, but every filter pipeline keeps the first answer only"]),
        ("repeats: 4", ["repeats is 4, but every filter pipeline keeps the first answer only"]),
        (f"repeats: 4\n{VOTE}", []),
        (f"repeats: 1\n{FIRST}", []),
        ("repeats: 4\nmetric_list: [{metric: exact_match, over_repeats: [mean@4]}]", []),
        (UNKNOWN, ["metric_list does not say whether higher is better for mine"]),
        (UNKNOWN.replace("mean}", "mean, higher_is_better: false}"), []),
    ],
)
def test_faults_of_a_task(keys: str, said: list[str], write: Write) -> None:
    found = task_faults(task(write, keys))
    assert len(found) == len(said)
    assert all(fault.startswith(start) for fault, start in zip(found, said, strict=True))


def test_the_keys_that_a_task_reports(write: Write) -> None:
    assert reported_keys(task(write, FIRST)) == {"exact_match,first"}


@pytest.mark.parametrize(
    ("metric", "filters", "faulty"),
    [("acc", None, False), ("f1", None, True), ("acc", ["none"], False), ("acc", ["strict"], True)],
)
def test_a_group_aggregates_what_its_tasks_report(metric: str, filters: list[str] | None, faulty: bool) -> None:
    config = AggMetricConfig(metric=metric, filter_list=filters)
    assert bool(group_faults([config], {"acc,none", "acc_norm,none"})) is faulty
    assert group_faults([config], ()) == []


def test_prompts_that_are_all_equal() -> None:
    assert prompt_faults(["a", "b"]) == []
    assert prompt_faults(["a"]) == []
    assert prompt_faults(["a", "a"]) == [
        "the prompts of the first 2 documents are equal: doc_to_text does not use the document"
    ]
