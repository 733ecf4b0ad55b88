"""The code next to the task files, one rule per test."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import pytest

from lm_eval.errors import MissingPackageError
from lm_eval.tasks.shared.overlap import scorers


def utils(family: str) -> Any:
    return importlib.import_module(f"lm_eval.tasks.{family}.utils")


@pytest.mark.parametrize(
    ("response", "number"),
    [
        ("I count 3 of them, or 4", "3"),
        ("there are seven", "7"),
        ("Two hundred and five", "205"),
        ("seven hundred forty two thousand one hundred sixteen", "742116"),
        ("one, two, three", "3"),
        ("someone often says nothing", "[invalid]"),
    ],
)
def test_bbh_number_in_digits_or_words(response: str, number: str) -> None:
    found = utils("bbh").NumberFilter(regex_pattern="([-0-9]+)").apply([[response]], [{}])
    assert list(found) == [[number]]


def test_bbh_number_can_be_the_last_one() -> None:
    found = utils("bbh").NumberFilter(regex_pattern="([-0-9]+)", group_select=-1).apply([["3 then 4"]], [{}])
    assert list(found) == [["4"]]


def test_bbh_words_in_the_order_last_named() -> None:
    doc = {"input": "Sort the following words alphabetically: List: pear fig apple"}
    found = utils("bbh").WordOrderFilter().apply([["pear, fig, apple: apple fig pears pear"]], [doc])
    assert list(found) == [["apple fig pear"]]


def test_bbh_option_by_its_text() -> None:
    options = utils("bbh").OptionFilter(regex_pattern=r"(\([A-Z]\))", ignore_case=True, ignore_punctuation=True)
    doc = {"input": "Which?\nOptions:\n(A) a red hat\n(B) a hat"}
    assert list(options.apply([["It is A Red Hat!", "(B)", "Answer: B"]], [doc])) == [["(A)", "(B)", "(B)"]]


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("\\dfrac12", "\\frac{1}{2}"),
        ("\\frac1{72}", "\\frac{1}{72}"),
        ("1/2", "\\frac{1}{2}"),
        ("0.5", "\\frac{1}{2}"),
        (".25 ", "0.25"),
        ("x = 5", "5"),
        ("\\sqrt3", "\\sqrt{3}"),
        ("10\\text{ cm}", "10"),
        ("90^\\circ", "90"),
        ("50\\%", "50"),
        ("\\left( 1, 2 \\right)", "(1,2)"),
    ],
)
def test_math_answer_in_one_spelling(written: str, plain: str) -> None:
    assert utils("hendrycks_math").rewrite(written) == plain


def test_math_answers_that_cannot_be_rewritten_are_compared_unchanged() -> None:
    assert utils("hendrycks_math").is_equivalent("x/y", "x/y")
    assert not utils("hendrycks_math").is_equivalent("x/y", " x/y")


def test_math_boxed_answer_keeps_inner_braces() -> None:
    assert utils("hendrycks_math").boxed_answer("\\boxed{1} and $\\boxed{\\frac{1}{2}}$.") == "\\frac{1}{2}"


def test_math_solution_without_a_box_is_an_error() -> None:
    with pytest.raises(ValueError, match="no complete"):
        utils("hendrycks_math").boxed_answer("nothing here")


@pytest.mark.parametrize(
    ("response", "answers", "em", "f1"),
    [
        ("The 3.0", [["3"]], 1.0, 1.0),
        ("four", [["3"]], 0.0, 0.0),
        ("3 goals", [["3 late goals"]], 0.0, 0.8),
        ("4 late goals", [["3 late goals"]], 0.0, 0.0),
        ("May", [["May", "June"]], 0.0, 0.5),
        ("June", [["May"], ["June"]], 1.0, 1.0),
        ("anything", [[" "]], 0.0, 0.0),
    ],
)
def test_drop_scores(response: str, answers: list[list[str]], em: float, f1: float) -> None:
    assert utils("drop").process_results({"answers": answers}, [response]) == {"em": em, "f1": f1}


def test_truthfulqa_mass_survives_very_unlikely_choices() -> None:
    doc = {"mc2_targets": {"labels": [1, 0]}}
    scores = utils("truthfulqa").process_results_mc2(doc, [(-2000.0, False), (-2000.0, False)])
    assert scores == {"acc": 0.5}


def test_truthfulqa_names_the_packages_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    module = utils("truthfulqa")
    scorers.cache_clear()
    monkeypatch.setitem(sys.modules, "rouge_score.rouge_scorer", None)
    doc = {"correct_answers": ["Yes."], "incorrect_answers": ["No."]}
    with pytest.raises(MissingPackageError, match=r"lm-eval-api\[tasks\]"):
        module.process_results_gen(doc, ["Yes."])


def test_wikitext_is_detokenized_but_counted_as_stored() -> None:
    page = ' = A = \n 3 @,@ 000 ( ab ) , " c " 19th @-@ century . \n'
    assert utils("wikitext").detokenize({"page": page}) == ' = A =\n3,000 (ab), "c" 19th-century.\n'
    assert utils("wikitext").process_results({"page": page}, [-5.0])["word_perplexity"] == (-5.0, 19)


def test_cb_f1_is_the_mean_of_three_classes() -> None:
    assert utils("super_glue").macro_f1([(0, 0), (1, 0), (1, 1)]) == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)


def test_multirc_scores_answers_and_complete_questions() -> None:
    items = [("True", "1_True"), ("False", "1_False"), ("maybe", "2_True"), ("False", "2_False")]
    assert utils("super_glue").multirc_f1(items) == pytest.approx(2 / 3)
    assert utils("super_glue").multirc_em(items) == 0.5


def test_record_prediction_may_equal_any_answer_to_its_query() -> None:
    items = [("the Rome", "0+1_Paris"), ("London", "0+1_Rome"), ("New York", "0+2_York")]
    assert utils("super_glue").record_em(items) == pytest.approx(1 / 3)
    assert utils("super_glue").record_f1(items) == pytest.approx((0 + 2 / 3) / 2)


@pytest.mark.parametrize(
    ("text", "place", "pronoun", "marked"),
    [
        ("Ann saw Bo as she left .", 4, "she", "wsc: Ann saw Bo as *she* left ."),
        ('He won. "Good for him," Ann said. ', 4, "him", 'wsc: He won. "Good for *him* ," Ann said.'),
        ("They want to use it now", 3, "it", "wsc: They want to use *it* now"),
    ],
)
def test_wsc_pronoun_is_marked_even_if_the_dataset_points_next_to_it(
    text: str, place: int, pronoun: str, marked: str
) -> None:
    doc = {"text": text, "span2_index": place, "span2_text": pronoun}
    assert utils("super_glue").wsc_text_t5(doc) == marked


@pytest.mark.parametrize(
    ("response", "label", "accuracy"),
    [("The hat", 1, 1.0), ("old hat of Bob", 1, 1.0), ("Bob", 0, 1.0), ("Bob", 1, 0.0)],
)
def test_wsc_naming_part_of_the_noun_names_it(response: str, label: int, accuracy: float) -> None:
    doc = {"span1_text": "the old hat", "label": label}
    assert utils("super_glue").wsc_results_t5(doc, [response]) == {"accuracy": accuracy}
