"""The code of task families with long texts, images and code, one rule per test."""

from __future__ import annotations

import importlib
from typing import Any

import pytest


def module(name: str) -> Any:
    return importlib.import_module(f"lm_eval.tasks.{name}")


@pytest.mark.parametrize(
    ("prediction", "reference", "score"),
    [
        ("the cat sat", "the cat sat", 1.0),
        # "a c" is the longest common subsequence; 2 of 3 distinct words on either side.
        ("a x c", "a b c", 2 / 3),
        # The words of both sentences of the answer count: a, b and c, d of "a b c d".
        ("a b. c d", "a b c d", 1.0),
        ("", "a", 0.0),
        (".", "a", 0.0),
    ],
)
def test_longbench_rouge_l(prediction: str, reference: str, score: float) -> None:
    assert module("longbench.rouge_l").rouge_l(prediction, reference) == pytest.approx(score, abs=1e-7)


def test_longbench_scores_take_the_best_answer() -> None:
    metrics = module("longbench.metrics")
    doc = {"answers": ["Paragraph 3", "Paragraph 7"]}
    assert metrics.get_retrieval_with_score(doc, ["3, 4 and 3"]) == {"score": 2 / 3, "retrieval_score": 2 / 3}
    assert metrics.get_qa_f1_with_score({"answers": ["The red fox", "a dog"]}, ["red fox!"])["score"] == 1.0
    assert metrics.count_score("5 or 6", "5") == 0.5


def test_longbench_code_is_the_first_line_that_is_no_comment() -> None:
    score = module("longbench.metrics").code_sim_score
    assert score("\n# note\n```python\nreturn x", "return x") == 1.0
    assert score("// only\n", "return x") == 0.0
    # 4 of the 8 characters match: 2 * 4 / (4 + 8) = 0.67.
    assert score("retu", "return x") == 0.67


def test_longbench_a_class_within_the_right_one_does_not_count() -> None:
    score = module("longbench.metrics").classification_score
    assert score("Food and Food type", "Food type", ["Food", "Food type", "City"]) == 1.0
    assert score("City or Food type", "Food type", ["City", "Food type"]) == 0.5
    assert score("City", "Food type", ["City", "Food type"]) == 0.0


def test_infinitebench_letters_and_numbers() -> None:
    utils = module("infinitebench.utils")
    doc = {"answer": ["Rome"], "options": ["Paris", "Rome", "Oslo", "Bern"]}
    assert utils.process_results_choice(doc, ["A or rather B"]) == {"score": 1.0}
    assert utils.process_results_choice(doc, ["the answer is: b!"]) == {"score": 1.0}
    assert utils.process_results_code_debug(doc, ["Rome has it"]) == {"score": 1.0}
    assert utils.process_results_code_debug(doc, ["D"]) == {"score": 0.0}
    assert utils.process_results_math({"answer": ["3"]}, ["it is 3.0"]) == {"score": 1.0}
    assert utils.process_results_int_match({"answer": ["42"]}, ["No. 42, not 43"]) == {"score": 1.0}
    assert utils.process_results_code_run({"answer": ["-7"]}, ["so it is: -7."]) == {"score": 1.0}
    assert utils.process_results_kv({"answer": ["ab-1"]}, ['{"key": "ab-1"}']) == {"score": 1.0}


def test_graphwalks_reads_the_last_line_or_any() -> None:
    scores = module("graphwalks.utils").process_results({"answer_nodes": ["a", "b"]}, ["Final Answer: [a, 'c']\nDone"])
    # One of two listed nodes is right, and one of two right nodes is listed.
    assert scores == {"f1": 0.0, "flexible_f1": 0.5}


@pytest.mark.parametrize(
    ("answer", "target", "relaxed", "anywhere"),
    [
        ("Final **Answer:** 104", "100", 1.0, 1.0),
        ("Answer: 106", "100", 0.0, 0.0),
        ("answer: 25%", "0.25", 1.0, 1.0),
        ("Answer: b)", "B", 1.0, 1.0),
        ("Answer: 'Blue'", "blue", 1.0, 1.0),
        ("There are 1,000 of them", "1000", 0.0, 1.0),
        ("The colour is blue", "blue", 0.0, 1.0),
    ],
)
def test_chartqa_numbers_within_five_percent(answer: str, target: str, relaxed: float, anywhere: float) -> None:
    utils = module("chartqa.utils")
    assert utils.relaxed_accuracy([target], [answer]) == {"relaxed_accuracy": relaxed}
    assert utils.anywhere_accuracy([target], [answer]) == {"anywhere_accuracy": anywhere}


def test_jsonschema_bench_checks_answers_and_survives_schemas(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jsonschema")
    metrics = module("jsonschema_bench.metrics")
    schema = '{"type": "object", "required": ["a"]}'
    assert metrics.schema_compliance([schema], ['```json{"a": 1}```']) is True
    assert metrics.schema_compliance([schema], ["{}"]) is False
    assert metrics.json_validity([schema], ["{]"]) is False
    assert metrics.schema_compliance(['{"$ref": "#"}'], ["1"]) is False
    monkeypatch.setenv("JSONSCHEMA_BENCH_TIMEOUT_S", "0.2")
    slow = '{"pattern": "^(a|a)*$"}'
    assert metrics.schema_compliance([slow], ['"' + "a" * 40 + 'b"']) is False


def test_mmmu_finds_options_and_short_answers() -> None:
    utils = module("mmmu.utils")
    choose = utils.parse_multi_choice_response
    named = {"A": "red", "B": "blue"}
    assert choose("(A) is wrong, so (B).", ["A", "B"], named) == "B"
    assert choose("A", ["A", "B"], named) == "A"
    assert choose("After all that thinking I say blue", ["A", "B"], named) == "B"
    doc = {"question_type": "open", "answer": ["2.5", "two and a half"]}
    assert utils.process_results(doc, ["The sum is 1 + 1.5\nSo the answer is 2.50"]) == {"acc": 1.0}
    assert utils.process_results(doc, ["The answer is 25"]) == {"acc": 0.0}


def test_mmmu_images_stand_in_the_order_of_the_prompt() -> None:
    utils = module("mmmu.utils")
    doc = {
        "question_type": "multiple-choice", "question": "<image 2>?", "options": "['<image 1>', 'x']",
        "image_1": "first", "image_2": "second",
    }  # fmt: skip
    assert utils.doc_to_image(doc) == ["second", "first"]
    assert "(A) <image>\n(B) x" in utils.doc_to_text(doc)


def test_longproc_reads_equations_and_runs_nothing() -> None:
    metrics = module("longproc.metrics")
    doc = {"reference_output": "", "metadata_parsed": {"nums": [3, 5, 2, 4], "target": 0}}
    right = "<Solution>3+5=8\n2*4=8\n8-8=0</Solution>"
    assert metrics.process_results_countdown(doc, [right])["score"] == 1.0
    assert metrics.process_results_countdown(doc, ["<Solution>3/0=1\nx+1=2\n8-8=0</Solution>"])["score"] == 0.0


def test_longproc_tables_compare_rows() -> None:
    score = module("longproc.metrics").process_results_html_to_tsv
    doc = {"reference_output": "name\tage\nThe Ann\t3\nBob\t4"}
    found = score(doc, ["```tsv\nname\tage\nann\t3\nEve\t9\ncut\n```"])
    assert found == {"score": 0.5, "f1": 0.5, "precision": 0.5, "recall": 0.5, "extraction_rate": 1.0}


def test_longproc_cpp_runs_only_where_that_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    score = module("longproc.metrics").process_results_pseudo_to_code
    doc = {"metadata_parsed": {"testcases": [[["3"], ["6"]]]}}
    answer = ["```c++\nint main() { int n; cin >> n; cout << 2 * n << endl; }\n```"]
    monkeypatch.delenv("LM_EVAL_RUN_CPP", raising=False)
    assert "LM_EVAL_RUN_CPP=1" in str(score(doc, answer)["score"])
    assert score(doc, ["none"])["extraction_rate"] == 0.0
    if module("longproc.cpp").shutil.which("g++") is None:
        pytest.skip("needs g++")
    monkeypatch.setenv("LM_EVAL_RUN_CPP", "1")
    assert score(doc, answer)["score"] == 1.0
    assert score(doc, ["```cpp\nint main() { cout << 1 << endl; }\n```"])["score"] == 0.0
    assert score(doc, ["```cpp\nint main( {\n```"])["score"] == 0.0


def test_scrolls_scores_take_the_nearest_reference() -> None:
    task = module("scrolls.task")
    pairs = [("a red fox", ["blue", "the red fox"]), ("cat", ["dog"])]
    assert task._score("f1", pairs) == 50.0
    # Two of three unigrams agree with "the red fox"; ROUGE keeps articles.
    assert task._score("rouge1", pairs) == round(100 * (2 / 3) / 2, 4)
    assert [doc["outputs"] for doc in task._merged([{"id": 1, "output": "x"}, {"id": 1, "output": "y"}])] == [
        ["x", "y"]
    ]
