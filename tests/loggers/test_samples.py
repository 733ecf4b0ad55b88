from __future__ import annotations

from typing import Any

from lm_eval.loggers._samples import SAMPLE_COLUMNS, conversation, sample_rows
from lm_eval.results import Sample
from tests.loggers.fakes import SAMPLES

GENERATED: dict[str, Any] = {
    "doc_id": 3,
    "filter": "flex",
    "target": "4",
    "arguments": [("2+2?", {"until": ["\n"]})],
    "resps": [["It is 4."]],
    "filtered_resps": ["4"],
    "metrics": ["exact_match"],
    "exact_match": 1.0,
}


def row(sample: dict[str, Any], output_type: str = "") -> dict[str, Any]:
    columns, rows = sample_rows([Sample(sample)], output_type)
    return dict(zip(columns, rows[0], strict=True))


def test_a_choice_is_shown_by_its_index() -> None:
    assert row(SAMPLES["t"][0], "multiple_choice") == {
        "id": 0,
        "filter": "none",
        "data": "Q:",
        "choices": "0.  no\n1.  yes",
        "input_len": 2,
        "labels": "1",
        "output_type": "multiple_choice",
        "raw_predictions": "1",
        "filtered_predictions": "1",
        "error": "",
        "acc": 1.0,
    }


def test_a_generated_answer_is_text() -> None:
    shown = row(GENERATED, "generate_until")
    assert (shown["raw_predictions"], shown["filtered_predictions"], shown["choices"]) == ("It is 4.", "4", "")


def test_arguments_may_be_as_files_have_them() -> None:
    shown = row({**GENERATED, "arguments": {"gen_args_0": {"arg_0": "2+2?", "arg_1": {}}}})
    assert shown["data"] == "2+2?"


def test_a_lost_doc_has_the_reason() -> None:
    shown = row({**GENERATED, "resps": [], "filtered_resps": [], "error": {"kind": "timeout", "message": "late"}})
    assert (shown["raw_predictions"], shown["error"]) == ("", "late")


def test_metrics_of_all_samples_are_columns() -> None:
    columns, rows = sample_rows([Sample(SAMPLES["t"][0]), Sample(GENERATED)])
    assert columns == [*SAMPLE_COLUMNS, "acc", "exact_match"]
    assert [entry[-2:] for entry in rows] == [[1.0, None], [None, 1.0]]


def test_values_other_than_numbers_become_text() -> None:
    assert row({**GENERATED, "exact_match": [1, 2]})["exact_match"] == "[1, 2]"


def test_a_conversation_has_the_prompt_and_the_response() -> None:
    messages, facts = conversation("m", Sample(GENERATED), "generate_until")
    assert messages == [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "It is 4."}]
    assert (facts["task"], facts["doc_id"], facts["filtered"], facts["exact_match"]) == ("m", 3, "4", 1.0)


def test_a_conversation_lists_the_choices() -> None:
    messages, _ = conversation("t", Sample(SAMPLES["t"][0]), "multiple_choice")
    assert messages[0]["content"] == "Q:\n\n0.  no\n1.  yes"
    assert messages[1]["content"] == "1"


def test_choices_that_were_also_asked_without_the_prompt_are_shown_once() -> None:
    sample = {
        **SAMPLES["t"][0],
        "arguments": [("Q:", " no"), ("Q:", " yes"), ("", " no"), ("", " yes")],
        "resps": [[(-2.0, False)], [(-1.0, True)], [(-0.5, False)], [(-3.0, False)]],
        "filtered_resps": [(-2.0, False), (-1.0, True), (-0.5, False), (-3.0, False)],
        "metrics": ["acc", "acc_mutual_info"],
    }
    shown = row(sample, "multiple_choice")
    assert (shown["choices"], shown["raw_predictions"], shown["filtered_predictions"]) == ("0.  no\n1.  yes", "1", "1")
    messages, facts = conversation("t", Sample(sample), "multiple_choice")
    assert (messages[0]["content"], messages[1]["content"]) == ("Q:\n\n0.  no\n1.  yes", "1")
    assert facts["filtered"] == "1"
