"""The helpers of families with few tasks."""

from __future__ import annotations

from typing import Any

import pytest
from datasets import Dataset

from lm_eval.tasks.code_x_glue.bleu import smoothed_bleu_4
from lm_eval.tasks.copal_id import utils as copal
from lm_eval.tasks.e2lmc.custom_metrics import loglikelihood_diff
from lm_eval.tasks.hendrycks_ethics import utils as ethics
from lm_eval.tasks.icelandic_winogrande import preprocess_winogrande as icelandic
from lm_eval.tasks.lingoly import script as lingoly
from lm_eval.tasks.mutual import utils as mutual
from lm_eval.tasks.physics_gre import utils as physics
from lm_eval.tasks.putnam_axiom import utils as putnam
from lm_eval.tasks.qasper import utils as qasper
from lm_eval.tasks.shared.completion import contains_score
from lm_eval.tasks.simple_cooccurrence_bias import utils as bias
from lm_eval.tasks.wsc273 import utils as wsc


def test_bleu_of_code_x_glue_as_recorded_from_the_reference() -> None:
    assert smoothed_bleu_4(
        ["Return the sum_of two numbers.", "Opens a file, reads it and closes it again."],
        ["Returns the sum of numbers", "opens a file and closes it again"],
    ) == pytest.approx(33.224071578635744)
    assert smoothed_bleu_4(["x y"], [""]) == pytest.approx(13.53352832366127)


def test_copal_joins_premise_and_connective() -> None:
    doc = {"premise": "Ayah pulang. ", "question": "cause", "choice1": "Hari sore.", "choice2": "Dia lapar."}
    assert copal.doc_to_text_id(doc) == "Ayah pulang karena"
    assert copal.doc_to_choice(doc) == ["hari sore.", "dia lapar."]


def test_early_training_score_is_the_distance_from_the_mean_of_the_others() -> None:
    # -1 is 2 above the mean of -2 and -4; -3 is 1.5 below the mean of -1 and -2.
    assert loglikelihood_diff([(0, [-1.0, -2.0, -4.0]), (2, [-1.0, -2.0, -3.0])]) == pytest.approx(0.25)


@pytest.mark.parametrize(("activity", "first", "label"), [("A", "base", 0), ("zebra", "zebra", 1)])
def test_ethics_draws_the_order_from_the_text(activity: str, first: str, label: int) -> None:
    doc = {"activity": activity, "baseline": "base"}
    assert ethics.doc_to_text(doc).startswith(f"Scenario 1: {first}\n")
    assert ethics.doc_to_target(doc) == label


@pytest.mark.parametrize(("sentence", "rest"), [("Kona sá _ .", "."), ("Kona sá _ í gær.", " í gær.")])
def test_icelandic_winogrande_splits_at_the_gap(sentence: str, rest: str) -> None:
    doc = {"sentence": sentence, "option1": "hund", "option2": "kött", "answer": "2"}
    assert icelandic.doc_to_target(doc) == rest
    assert icelandic.doc_to_choice(doc) == ["Kona sá hund", "Kona sá kött"]
    assert icelandic.doc_to_text(doc) == 1


@pytest.mark.parametrize(
    ("response", "scores"),
    [
        ('{"a": "Two  words.", "b": "x"}', [1.0, 1.0]),
        ('I think {"a": "two words", "b": "z"', [1.0, 0.0]),
        ("no dict", [0.0, 0.0]),
        ("{1: {}}", [0.0, 0.0]),
    ],
)
def test_lingoly_compares_each_part(response: str, scores: list[float]) -> None:
    assert lingoly.exact_match([str({"a": "two words", "b": "['x', 'y']"})], [response]) == scores


def test_lingoly_averages_over_parts() -> None:
    assert lingoly.aggregate_scores([[1.0], [1.0, 0.0, 0.0]]) == pytest.approx(0.5)
    assert lingoly.aggregate_metrics([0.5, 0.2], [4, 4], False) == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("values", "flags", "expected"),
    [
        # The largest number of all is the flag of the second reply.
        ([-4, -1, -3, -5], [False, True, False, False], {"r@1": 0.0, "r@2": 0.0, "mrr": 1 / 3}),
        ([-2, -1, -3, -5], [False, False, False, False], {"r@1": 0.0, "r@2": 1.0, "mrr": 1 / 2}),
    ],
)
def test_mutual_ranks_the_right_reply(values: list[float], flags: list[bool], expected: dict[str, float]) -> None:
    assert mutual.process_results({"answers": "A"}, list(zip(values, flags, strict=True))) == pytest.approx(expected)


def test_mutual_says_right_for_the_second_reply() -> None:
    results = [(float(value), False) for value in (-1, -9, -2, -3)]
    assert mutual.process_results({"answers": "B"}, results)["r@1"] == 1.0


def test_physics_gre_drops_images_and_questions_without_an_answer() -> None:
    rows: list[dict[str, Any]] = [
        {"input": " Q1 ", "has_image": False, "target_scores": {"A": 0, "B": 1}},
        {"input": "Q2", "has_image": True, "target_scores": {"A": 1, "B": 0}},
        {"input": "Q3", "has_image": False, "target_scores": {"A": 0, "B": 0}},
    ]
    kept = physics.process_docs(Dataset.from_list(rows))
    assert [(row["input"], row["choices"], row["gold"]) for row in kept] == [("Q1", ["A", "B"], 1)]


def _answer(**fields: Any) -> dict[str, Any]:
    blank: dict[str, Any] = {"unanswerable": False, "yes_no": None, "free_form_answer": "", "extractive_spans": []}
    return {**blank, **fields}


def test_qasper_keeps_one_kind_of_answers() -> None:
    answers = [
        _answer(yes_no=True),
        _answer(yes_no=False),
        _answer(free_form_answer="It is."),
        _answer(unanswerable=True),
    ]
    paper = {"title": "T", "abstract": "A", "qas": {"question": ["Q"], "answers": [{"answer": answers}]}}
    papers = Dataset.from_list([paper])
    assert qasper.process_docs_bool(papers)["answer"][:] == ["yes", "no"]
    assert qasper.process_docs_freeform(papers)["answer"][:] == ["It is."]


@pytest.mark.parametrize(("text", "score"), [("It was C++ (1985).", 1), ("it was c++ (1985)", 1), ("C", 0)])
def test_completion_contains_the_value_as_text(text: str, score: int) -> None:
    assert contains_score(text, ["C++ (1985)"]) == score


def test_bias_compares_the_sums_of_likelihoods() -> None:
    scores = bias.process_results({}, [(-1.0, False), (-1.0, False), (-2.0, False), (-2.0, False)])
    assert scores == pytest.approx({"likelihood_diff": 1.0, "pct_male_preferred": 0.0})
    assert bias.process_results({}, [(-2000.0, False)] * 4)["likelihood_diff"] == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("words", "male", "female", "invalid"),
    [(["man", "man"], 1, 0, 0), (["man", "female"], 0, 1, 0), (["[invalid]"], 0, 0, 1)],
)
def test_bias_of_sampled_words(words: list[str], male: int, female: int, invalid: int) -> None:
    scores = bias.process_results_gen({}, [words])
    assert (scores["pct_male_preferred"], scores["pct_female_preferred"], scores["pct_invalid"]) == (
        male,
        female,
        invalid,
    )


@pytest.mark.parametrize(
    ("pronoun", "text", "options"),
    [
        ("they", "The men fled. Then they hid.", ["the men", "the police"]),
        ("his", "Bob paid. His wallet is empty.", ["The men's", "The police's"]),
    ],
)
def test_wsc273_fits_options_into_the_sentence(pronoun: str, text: str, options: list[str]) -> None:
    doc = {
        "text": text,
        "pronoun": pronoun,
        "pronoun_loc": text.lower().index(pronoun),
        "options": ["The men", "The police"],
    }
    assert wsc.process_doc(Dataset.from_list([doc]))[0]["options"] == options


@pytest.mark.parametrize(
    ("response", "score"),
    [
        (r"So it is $\boxed{\frac{2}{4}}$.", 1),
        ("The answer is: 0.5 I hope it is correct.", 1),
        (r"Either \boxed{1/2} or \boxed", 0),
    ],
)
def test_putnam_reads_the_last_box_or_the_last_sentence(response: str, score: int) -> None:
    assert putnam.process_results({"answer": r"\frac{1}{2}"}, [response])["exact_match"] == score
