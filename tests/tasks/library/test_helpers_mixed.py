"""The helpers of multilingual, Korean, Chinese and Japanese families, as the reference harness scores and asks."""

from __future__ import annotations

from pathlib import Path

import pytest
from datasets import Dataset

from lm_eval.task_files.loader import load_yaml
from lm_eval.tasks.click import utils as click
from lm_eval.tasks.hrm8k import utils as hrm8k
from lm_eval.tasks.jfinqa import utils as jfinqa
from lm_eval.tasks.kormedmcqa.utils import extract_choice
from lm_eval.tasks.mmlu_prox import utils as mmlu_prox
from lm_eval.tasks.okapi import utils as okapi
from lm_eval.tasks.shared.choices import collect_choices

TASKS = Path(okapi.__file__).parents[1]


def test_mmmlu_keeps_rows_that_name_the_csv_file_of_their_subject() -> None:
    keep = load_yaml(TASKS / "openai-mmmlu" / "mmmlu.yaml", name="mmmlu_sw_ke_virology")["process_docs"]
    assert callable(keep)
    subjects = ["virology", "virology_test.csv_sw-KE.csv", "virology_test-sw-KE.csv", "anatomy", None]
    assert keep(Dataset.from_dict({"Subject": subjects}))["Subject"] == subjects[:3]


def test_mmlu_prox_prompts() -> None:
    options = {f"option_{number}": "x" if number < 2 else None for number in range(10)}
    doc = {
        "question": "q",
        "cot_content": "A: Denken wir Schritt für Schritt nach. Weil. Die Antwort ist (A).",
        **options,
    }
    asked = "Frage:\nq\nOptionen:\nA. x\nB. x\nAntwort: Denken wir Schritt für Schritt nach."
    assert mmlu_prox.doc_to_text_de(doc) == asked
    assert mmlu_prox.fewshot_to_text_de(doc) == f"{asked} Weil. Die Antwort ist (A).\n\n"
    with pytest.raises(AttributeError, match="process_computer_science"):
        mmlu_prox.process_computer_sciences  # noqa: B018


def test_okapi_arc_leaves_out_missing_options() -> None:
    row = {"id": "1", "instruction": " Why [x]? ", **{f"option_{letter}": letter for letter in "abc"}}
    rows = Dataset.from_list([row | {"option_d": "", "option_e": None, "answer": "C"}])
    assert okapi.process_arc(rows)[0] | {"id": "1"} == rows[0] | {
        "query": "Question: Why ?\nAnswer:",
        "choices": ["a", "b", "c"],
        "gold": 2,
    }


@pytest.mark.parametrize(
    ("row_id", "question", "categories"),
    [
        ("CSAT_korean_22_40", "", {"function", "text"}),
        ("CSAT_korean_23_34", "", {"text"}),
        ("CSAT_korean_19_11", "", {"grammar"}),
        ("CSAT_korean_19_10", "", {"function"}),
        ("Kedu_16_3", "대화", {"function"}),
        ("Kedu_16_3", "", {"grammar"}),
        ("TK_5", "", {"text"}),
        ("TK_4", "", {"grammar"}),
        ("PSE_korean_1", "", {"function"}),
    ],
)
def test_click_tells_the_category_from_the_id(row_id: str, question: str, categories: set[str]) -> None:
    rows = Dataset.from_list([{"id": row_id, "question": question}])
    filters = {"function": click.extract_function, "grammar": click.extract_grammar, "text": click.extract_text}
    assert {name for name, keep in filters.items() if len(keep(rows))} == categories


@pytest.mark.parametrize(
    ("response", "answer", "score"),
    [
        ("so $\\boxed{x = 2.50}$", "2.5", 1),
        ("so \\boxed{3} or \\boxed{4", "3", 0),
        ("it is $y = 7$.", "7.0", 1),
        ("n = 12.", "12", 1),
        ("between 3 and 1/2", "0.5", 0),
        ("\\boxed{a/b}", "\\boxed{a/b}", 1),
        ("no number", "none here", 1),
    ],
)
def test_hrm8k_scores(response: str, answer: str, score: int) -> None:
    doc: hrm8k.Doc = {"question": "", "original": "", "answer": answer}
    assert hrm8k.process_results(doc, [response]) == {"exact_match": score}


@pytest.mark.parametrize(
    ("response", "letter"),
    [("A or B? 정답: c", "C"), ("정답은 D 입니다. E", "D"), ("A. x\nB. y", "B"), ("maybe e", "E"), ("none", "")],
)
def test_kormedmcqa_letter(response: str, letter: str) -> None:
    assert extract_choice(response) == letter


@pytest.mark.parametrize(
    ("response", "gold", "exact", "number"),
    [
        ("計算する。\nAnswer: ▲\uff11,234百万円", "-1234百万円", 1.0, 1.0),
        ("回答\uff1a12.1%", "12.0%", 0.0, 1.0),
        ("12.2%", "12.0%", 0.0, 0.0),
        ("売上は増加しました", "売上は増加した", 1.0, 1.0),
        ("0.1", "0", 0.0, 0.0),
        ("", "3", 0.0, 0.0),
    ],
)
def test_jfinqa_scores(response: str, gold: str, exact: float, number: float) -> None:
    assert jfinqa.process_results({"answer": gold}, [response]) == {"exact_match": exact, "numerical_match": number}


def test_jfinqa_prompt_has_the_parts_that_are_there() -> None:
    doc: jfinqa.Doc = {"table_headers": ["年", "円"], "table_rows": [["1", "2"]], "question": "q"}
    assert jfinqa.doc_to_text(doc) == "| 年 | 円 |\n| --- | --- |\n| 1 | 2 |\n\nQuestion: q\nAnswer:"


def test_optional_letters_are_choices_where_a_row_has_them() -> None:
    row = {"question": "q", "A": "a", "B": "b", "C": "c", "D": "d"}
    rows = Dataset.from_list([row | {"E": "e", "answer": "E"}, row | {"E": "", "answer": "D"}])
    assert [(doc["choices"], doc["goal"]) for doc in collect_choices(rows, optional="EF")] == [
        (["a", "b", "c", "d", "e"], 4),
        (["a", "b", "c", "d"], 3),
    ]


def test_truthfulqa_without_a_true_choice_scores_0() -> None:
    assert okapi.process_results_mc2({"mc2_targets": {"labels": [0, 0]}}, [(-1.0, True), (-2.0, False)]) == {"acc": 0.0}
