"""The helpers of Llama 3's evaluations."""

from __future__ import annotations

from typing import Any

import datasets
import pytest
from datasets import Dataset

from lm_eval.errors import DatasetError
from lm_eval.tasks.llama3 import utils

served: Any = utils
END = 'Your response should end with "The best answer is [the_answer_letter]" where the [the_answer_letter] is A.'


def _turns(count: int) -> str:
    """Return a prompt in Llama's chat template: answered questions, and one without an answer."""
    head = "<|start_header_id|>user<|end_header_id|>\n\nGiven the following question, choose.\n"
    asked = [f"{head}Question: q{n}\nwith a line\nA. a\nB. b\nC. c\nD. d{n}\n{END}" for n in range(count + 1)]
    answer = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nThe best answer is"
    return "".join(f"{question}{answer} {'ABCD'[n % 4]}.<|eot_id|>" for n, question in enumerate(asked[:-1])) + (
        asked[-1] + answer
    )


def test_shots_are_the_answered_questions_of_a_prompt() -> None:
    shots = utils.shots_in_prompt(_turns(2))
    assert shots[1] == {
        "input_question": "q1\nwith a line",
        "input_choice_list": {"A": "a", "B": "b", "C": "c", "D": "d1"},
        "input_correct_responses": ["B"],
    }
    assert len(shots) == 2


def _load(rows: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> list[object]:
    asked: list[object] = []

    def load(*arguments: object, **_: object) -> dict[str, Dataset]:
        asked.append(arguments)
        return {"latest": Dataset.from_list(rows)}

    monkeypatch.setattr(datasets, "load_dataset", load)
    return asked


def test_shots_come_from_the_first_prompt_of_the_subject(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["mmlu_de_chat.virology", "mmlu_de_chat.anatomy"]
    rows = [{"subtask_name": name, "input_final_prompts": [_turns(5)]} for name in names]
    rows[0]["input_final_prompts"] = ["none"]
    asked = _load(rows, monkeypatch)
    assert [shot["input_question"] for shot in served.shots_de_anatomy()] == [f"q{n}\nwith a line" for n in range(5)]
    data = "meta-llama/Llama-3.1-8B-Instruct-evals"
    assert asked == [(data, "Llama-3.1-8B-Instruct-evals__multilingual_mmlu_de__details")]


@pytest.mark.parametrize("row", [{}, {"input_final_prompts": [_turns(4)]}, {"input_final_prompts": []}])
def test_another_number_of_shots_is_an_error(row: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    _load([{"subtask_name": "mmlu_th_chat.anatomy", **row}], monkeypatch)
    with pytest.raises(DatasetError, match=r"mmlu_th_chat\.anatomy stand in the column input_final_prompts .* found"):
        served.shots_th_anatomy()


def test_row_filters_by_name() -> None:
    rows = Dataset.from_dict({"subtask_name": ["mmlu_hi_chat.anatomy", "mmlu_hi_chat.virology"]})
    assert len(served.process_docs_hi_anatomy(rows)) == 1
    pro = Dataset.from_dict({"category": ["computer science", "law"]})
    assert pro[:1] == served.process_computer_science(pro)[:]
    with pytest.raises(AttributeError, match="shots_xx_anatomy"):
        served.shots_xx_anatomy  # noqa: B018


def test_arc_keeps_four_choices_and_names_them_by_letters() -> None:
    choices = {"text": list("wxyz"), "label": list("1234")}
    rows = [
        {"question": "a", "choices": choices, "answerKey": "2"},
        {"question": "b", "choices": {"text": list("wxy"), "label": list("ABC")}, "answerKey": "A"},
    ]
    assert utils.process_arc(Dataset.from_list(rows)).to_list() == [
        {"question": "a", "choices": {"text": list("wxyz"), "label": list("ABCD")}, "answerKey": "B"}
    ]


def test_reasoning_ends_as_the_prompt_asks() -> None:
    doc = {"cot_content": "A: Let's think step by step. So. The answer is (J)."}
    assert utils.fewshot_to_text(doc) == "So. The best answer is J."
