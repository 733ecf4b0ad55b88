"""Which tasks are scored document by document, and which only as a whole."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest

from lm_eval.api.filter import Filter, ResponseFilter
from lm_eval.api.metrics import exact_match_hf_evaluate
from lm_eval.api.task import ConfigurableTask
from lm_eval.api.task_parts.scoring_code import why_scored_together
from lm_eval.task_files.manager import TaskManager

BASE = {"task": "t", "test_split": "test", "output_type": "generate_until", "doc_to_text": "q", "doc_to_target": "a"}


def score(doc: Any, results: Any) -> dict[str, int]:
    return {"m": 1}


def rank(resps: Iterable[Any], docs: Any) -> list[Any]:
    return list(resps)


def target(doc: Any) -> str:
    return random.choice("ab")


class Whole(Filter):
    def apply(self, resps: Iterable[Any], docs: Any) -> list[Any]:
        return list(resps)


class Each(ResponseFilter):
    def transform(self, response: Any) -> object:
        return response


class Own(ConfigurableTask):
    pass


def pipeline(function: Any, **options: Any) -> dict[str, Any]:
    return {"filter_list": [{"name": "f", "filter": [{"function": function, **options}]}]}


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({}, ""),
        (pipeline("regex"), ""),
        (pipeline(Each), ""),
        (pipeline(Whole), "filter Whole of pipeline f is code that may look at several documents"),
        (pipeline("custom", filter_fn=rank), "filter_fn of pipeline f is code that may"),
        ({"process_results": score}, "process_results is code that may"),
        ({"process_results": score, "scoring": "processes"}, ""),
        ({"metric_list": [{"metric": score, "aggregation": "mean"}]}, "metric score is code that may"),
        ({"metric_list": [{"metric": exact_match_hf_evaluate, "aggregation": "mean"}]}, ""),
        ({"doc_to_target": target}, "doc_to_target draws at random"),
        ({"doc_to_target": lambda doc: doc["a"]}, "doc_to_target draws"),  # its module has the generator
        ({"doc_to_target": "{{ ['a', 'b'] | random }}"}, "doc_to_target draws"),
    ],
    ids=[
        "nothing",
        "a filter of the library",
        "a filter of single responses",
        "a filter of all responses",
        "a function as filter",
        "process_results",
        "process_results in processes",
        "a metric",
        "a metric of the library",
        "a target that draws",
        "a module that draws",
        "a template that draws",
    ],
)
def test_code_of_its_own_is_taken_to_look_at_several_documents(config: dict[str, Any], why: str) -> None:
    found = why_scored_together(ConfigurableTask(config={**BASE, **config}))
    assert found.startswith(why) and bool(found) == bool(why)


def test_a_class_of_its_own_is_code_of_its_own() -> None:
    assert why_scored_together(Own(config=BASE)).startswith("class Own is code")


def test_the_library_treats_each_document_alone_unless_it_draws() -> None:
    names = ["gsm8k", "squadv2", "ifeval", "kormedmcqa_doctor", "mmmu_val_art", "bbh_cot_fewshot_navigate", "drop"]
    tasks = TaskManager().load(names)["tasks"]
    assert {name: why_scored_together(task) for name, task in tasks.items()} == {
        **dict.fromkeys(names, ""),
        "mmmu_val_art": "process_results draws at random",
    }
