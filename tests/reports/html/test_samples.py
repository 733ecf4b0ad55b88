from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lm_eval.reports.compare import pair_samples
from lm_eval.reports.html.records import FLAGS
from lm_eval.reports.html.samples import Samples
from lm_eval.results import Run, Sample
from tests.reports.html.runs import choice, generation
from tests.reports.html.test_packing import unpack

CHOICES = {"yellow": -2.0, "blue": -9.0, "a rather dark green": -8.0}


class Page:
    """The data of a task for the page."""

    def __init__(
        self,
        samples: Sequence[Mapping[str, Any]],
        against: Sequence[Mapping[str, Any]] = (),
        limit: int | None = None,
        **config: Any,
    ) -> None:
        self.samples = Samples(limit)
        better = {"t": {"loss": False}}
        run = Run(Path(), {"results": {"t": {}}, "configs": {"t": config}, "higher_is_better": better}, {})
        ours, theirs = ([Sample(line) for line in lines] for lines in (samples, against))
        self.samples.add(run.members["t"], ours, pair_samples(theirs, ours))
        index: Any = self.samples.index()
        self.index = index
        self.records = [record for block in self.samples.records.blocks for record in unpack(block)]
        self.block = self.index["blocks"][0]

    def metric(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(metric for metric in self.block["metrics"] if metric["name"] == name)
        return found


def test_a_doc_is_one_record_with_one_row_per_filter() -> None:
    page = Page(generation(4, " 3", 1.0, pipelines=("strict", "loose")))
    assert len(page.records) == 1
    assert [(block["filter"], block["records"]) for block in page.index["blocks"]] == [("strict", [0]), ("loose", [0])]
    assert page.records[0]["f"] == [["strict", ["3"], [["exact_match", 1]]], ["loose", ["3"], [["exact_match", 1]]]]


def test_an_answer_is_stored_unchanged() -> None:
    assert Page(generation(0, " 3 \n", 1.0)).records[0]["a"] == [[" 3 \n"]]


def test_choices_have_their_log_likelihoods_and_the_right_one_is_marked() -> None:
    record = Page([choice(0, "Colour?", CHOICES, 1)]).records[0]
    assert [row[:4] for row in record["c"]] == [
        ["yellow", -2, False, 0],
        ["blue", -9, False, 0],
        ["a rather dark green", -8, False, 0],
    ]
    assert record["c"][1][4] == -9 / 4
    assert record["g"] == [1]


def test_the_list_shows_the_chosen_and_the_right_choice() -> None:
    page = Page([choice(0, "Colour?", CHOICES, 1)])
    assert (page.block["answers"], page.index["columns"]["target"]) == (["yellow"], ["blue"])


def test_numbers_written_as_text_give_the_same_record() -> None:
    ours, theirs = (Page([choice(0, "Colour?", CHOICES, 1, as_text=text)]).records[0] for text in (False, True))
    assert (ours["c"], ours["g"]) == (theirs["c"], theirs["g"])


def test_a_choice_of_contexts_is_named_by_the_difference() -> None:
    sample = choice(0, "", {"ran": -2.0, "ran ": -1.0}, 1)
    sample["arguments"] = {
        "gen_args_0": {"arg_0": "So Ann", "arg_1": " ran"},
        "gen_args_1": {"arg_0": "So Bob", "arg_1": " ran"},
    }
    sample["target"] = "ran"
    page = Page([{**sample, "acc": 0.0}])
    assert (page.block["answers"], page.index["columns"]["target"]) == (["Bob"], ["Ann"])


def test_mutual_information_chooses_among_conditional_values() -> None:
    sample = choice(0, "Colour?", {"yellow": -5.0, "blue": -9.0, "Yellow": -1.0, "Blue": -2.0}, 0)
    sample["acc_mutual_info"] = 1.0
    assert Page([sample]).block["answers"] == ["yellow"]


def test_metrics_between_0_and_1_grade_and_others_do_not() -> None:
    samples = [
        {**generation(n, "x", 0.5)[0], "metrics": ["loss", "exact_match", "parts"], "loss": 3.5 + n, "parts": [1, 2]}
        for n in range(2)
    ]
    page = Page(samples)
    assert [(metric["name"], metric["kind"]) for metric in page.block["metrics"]] == [
        ("loss", "number"),
        ("exact_match", "unit"),
        ("parts", "none"),
    ]
    assert page.metric("loss")["lower"] is True


def test_a_lost_doc_says_why_and_has_no_value() -> None:
    lost = generation(1, "", 0.0, error={"kind": "timeout", "message": "no answer; key=sk-abcdefgh1234"})[0]
    lost = {**lost, "metrics": [], "resps": [[]], "filtered_resps": [None]}
    page = Page([*generation(0, "3", 1.0), lost])
    assert page.index["columns"]["flags"] == [0, FLAGS["error"]]
    assert page.metric("exact_match")["values"] == [1, None]
    assert page.records[1]["e"] == {"kind": "timeout", "message": "no answer; key=***", "attempts": "1"}


def test_unusual_answers_are_flagged() -> None:
    cut = generation(0, "and so", 0.0, response_info=[{"outcome": "length", "finish_reason": "length"}])
    page = Page([*cut, *generation(1, " ", 0.0)])
    assert page.index["columns"]["flags"] == [FLAGS["length"], FLAGS["empty"]]


def test_settings_are_stored_once_per_task() -> None:
    page = Page([*generation(0, "a", 0.0), *generation(1, "b", 0.0)])
    assert len(page.index["tasks"][0]["settings"]) == 1
    assert [record["s"] for record in page.records] == [0, 0]


def test_the_title_of_a_sample_is_the_question_of_its_doc() -> None:
    doc = {"question": "Who was it?", "id": 7}
    page = Page(generation(0, "x", 0.0, prompt="Q: Who?\nA: nobody\n\nQ: Who was it?\nA:", doc=doc))
    assert page.index["columns"]["preview"] == ["Who was it?"]


def test_a_question_that_the_prompt_does_not_have_is_no_title() -> None:
    page = Page(generation(0, "x", 0.0, prompt="Translate: Haus", doc={"question": "Who was it?"}))
    assert page.index["columns"]["preview"] == ["Translate: Haus"]


def test_an_instruction_of_all_docs_is_no_title() -> None:
    docs = [{"instruction": "Translate.", "text": word} for word in ("Haus", "Hund", "Katze")]
    samples = [s for n, d in enumerate(docs) for s in generation(n, "x", 0.0, prompt=f"Translate. {d['text']}", doc=d)]
    assert Page(samples).index["columns"]["preview"] == [f"Translate. {doc['text']}" for doc in docs]


def rolling(value: float | None, words: int = 2) -> dict[str, Any]:
    """A text whose log-likelihood was asked for; None is a lost document."""
    (sample,) = generation(0, "", 0.0, doc={"page": "A text."}, target="A text.")
    scored = {"resps": [[value]], "filtered_resps": [value], "metrics": ["word_perplexity", "bits_per_byte"]}
    scored |= {"word_perplexity": [value, words], "bits_per_byte": [value, words]}
    lost: dict[str, Any] = {"resps": [[]], "filtered_resps": [None], "metrics": [], "error": {"kind": "timeout"}}
    return {**sample, "arguments": {"gen_args_0": {"arg_0": "A text."}}, **(lost if value is None else scored)}


def test_the_sample_of_a_perplexity_is_the_text_with_its_numbers() -> None:
    page = Page([rolling(-4.0)])
    (record,) = page.records
    assert (record["r"], record["t"], record["c"][0][1]) == (True, "", -4.0)
    assert record["f"][0][2] == [
        ["word_perplexity", pytest.approx(math.exp(2))],
        ["bits_per_byte", pytest.approx(2 / math.log(2))],
    ]
    assert (page.index["columns"]["target"], page.block["answers"]) == ([""], ["log-likelihood -4.00"])


@pytest.mark.parametrize(("value", "words"), [(-1e9, 2), (-4.0, 0)])
def test_a_perplexity_that_no_number_can_hold_ends_nothing(value: float, words: int) -> None:
    (record,) = Page([rolling(value, words)]).records
    assert record["r"] is True


def test_a_lost_text_is_an_error() -> None:
    page = Page([rolling(None)])
    assert page.index["columns"]["flags"] == [FLAGS["error"]]


def test_a_limit_counts_docs() -> None:
    samples = [sample for n in range(5) for sample in generation(n, "x", 0.0, pipelines=("a", "b"))]
    page = Page(samples, limit=2)
    assert [record["id"] for record in page.records] == [0, 1]


def test_the_other_run_is_matched_by_doc() -> None:
    ours = [sample for n in (0, 1, 2) for sample in generation(n, "3", 1.0)]
    theirs = [
        *generation(2, "4", 0.0, prompt="Another prompt:"),
        *generation(1, "4", 0.0, doc={"question": "another doc"}),
        *generation(9, "4", 0.0),
    ]
    page = Page(ours, theirs)
    assert page.metric("exact_match")["others"] == [None, None, 0]
    assert page.records[2]["o"]["a"] == [["4"]]
    assert page.metric("exact_match")["values"][2] == 1
    assert page.samples.other_prompts == 1


def test_each_repeat_has_its_own_answer_and_score() -> None:
    repeats = {"filtered": ["A", "B"], "exact_match": [1.0, 0.0]}
    sample = {**generation(0, "a", 0.5)[0], "resps": [["a", "b"]], "repeats": repeats}
    assert Page([sample]).records[0]["f"][0][3] == [["A", "B"], [["exact_match", [1, 0]]]]


def test_repeats_are_shown_separately() -> None:
    sample = {**generation(0, "a", 0.5)[0], "resps": [["a", "b"]], "filtered_resps": [["A", "B"]]}
    record = Page([sample]).records[0]
    assert (record["a"], record["f"][0][1]) == ([["a", "b"]], [["A", "B"]])


@pytest.mark.parametrize(("filtered", "shown"), [([0], "0"), ([["a", "b"]], "a"), ([], ""), ([None], "null")])
def test_the_list_shows_the_first_filtered_answer(filtered: list[Any], shown: str) -> None:
    assert Page([{**generation(0, "x", 0.0)[0], "filtered_resps": filtered}]).block["answers"] == [shown]
