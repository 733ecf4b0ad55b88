"""Helpers of the families for languages of Spain and Portugal, and of multilingual question answering."""

from __future__ import annotations

import math
from typing import Any

import pytest
from datasets import Dataset

from lm_eval.tasks.basqueglue import utils as basqueglue
from lm_eval.tasks.catalan_bench import cieacova
from lm_eval.tasks.eq_bench import utils as eq_bench
from lm_eval.tasks.esbbq import utils as esbbq
from lm_eval.tasks.portuguese_bench import assin2_utils
from lm_eval.tasks.shared import rouge, spans, squad, statements
from lm_eval.tasks.truthfulqa.utils import mass_of_first_true


@pytest.mark.parametrize(
    ("language", "text", "normal"),
    [
        ("en", "The  Cat, a dog!", "cat dog"),
        ("es", "¿La casa?", "casa"),
        ("de", "Das „Haus“ des Königs", "haus königs"),
        ("zh", "北京 is 大", "北 京 is 大"),
        ("fi", "the talo", "the talo"),
    ],
)
def test_spans_are_normalized_by_language(language: str, text: str, normal: str) -> None:
    assert spans.normalize(text, language) == normal


def test_spans_without_words_have_no_f1() -> None:
    assert spans.f1("the", "a", "en") == 0
    assert squad.f1("the", "a") == 1


def test_fair_score_leaves_each_annotator_out_once() -> None:
    # Without the first answer 0, without the second 1, without the third 1.
    assert squad.fair(squad.exact, ["yes", "no", "maybe"], "yes") == pytest.approx(2 / 3)
    assert squad.fair(squad.exact, ["yes"], "yes") == 1


def test_rouge_is_the_mean_over_documents() -> None:
    assert rouge.rouge1_agg([("a b", "a b"), ("a b", "a c")]) == pytest.approx(0.75)


def test_pairs_become_one_statement() -> None:
    rows = Dataset.from_list([{"premise": "It rains !", "hypothesis": "The street is wet"}])
    assert statements.nli_pairs(rows)[0] == {"premise": "It rains ", "hypothesis": "the street is wet."}


def test_pairs_without_a_sentence_are_left_out() -> None:
    rows = Dataset.from_list([{"sentence1": "One.", "sentence2": "Two."}, {"sentence1": "One.", "sentence2": None}])
    assert list(statements.paraphrase_pairs(rows)) == [{"sentence1": "One", "sentence2": "two."}]


def test_coreference_marks_both_expressions() -> None:
    doc = {"text": "Ane eta Jon etorri dira", "span1_text": "Ane", "span1_index": 0, "span2_text": "Jon etorri"}
    text = basqueglue.coref_doc_to_text({**doc, "span2_index": 3})
    assert text.startswith("Testua: *Ane* eta *Jon etorri* dira\n")


def test_stance_f1_ignores_the_neutral_label() -> None:
    # Against: 1 right of 1 named twice; in favour: never right.
    assert basqueglue.vaxx_f1_score([(0, 0), (1, 1), (2, 1)]) == pytest.approx(0.5)


@pytest.mark.parametrize(("answer", "score"), [("4,5 pontos", 4.5), ("nota 7", 3.0), ("", 3.0)])
def test_similarity_is_read_from_text(answer: str, score: float) -> None:
    assert assin2_utils.process_results_sts({"relatedness_score": 2}, [answer]) == {"pearsonr": (score, 2.0)}


_EMOTIONS = {f"emotion{n}": name for n, name in enumerate(["Joy", "Fear", "Anger", "Shame"], 1)}
_REFERENCE = {"reference_answer_fullscale": str({**_EMOTIONS, **{f"emotion{n}_score": n for n in range(1, 5)}})}


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("Joy: 1\nFear: 2\nAnger: 3\nShame: 4", 100),
        # The penalty is 6.5 / (1 + e^0) for a difference of 4.
        ("Joy: 5\nFear: 2\nAnger: 3\nShame: 4", 100 - 3.25 * 7.477),
        ("Joy: 9\nFear: 2\nAnger: 3\nShame: 4", 100 - 8 * 7.477),
        ("Joy: 1\nFear: 2\nAnger: 3", 0),
        ("Joy: 1\nFear: 2\nAnger: 3\nPride: 4", 0),
    ],
)
def test_emotions_are_compared_with_the_reference(answer: str, score: float) -> None:
    assert eq_bench.calculate_score_fullscale(_REFERENCE, [answer])["eqbench"] == pytest.approx(score)


def _bbq(answer: int, **doc: Any) -> dict[str, tuple[int, ...]]:
    row = {"label": 2, "context_condition": "ambig", "question_type": "pro-stereo", "question_polarity": "neg"}
    groups = {"answer_info": {"ans0": ["x", "F, Roma"], "ans1": ["x", "Other"]}, "stereotyped_groups": ["Roma"]}
    return esbbq.process_results({**row, **groups, **doc}, [(float(place == answer), False) for place in range(11)])


@pytest.mark.parametrize(
    ("answer", "polarity", "counts"), [(0, "neg", (1, 1, 0)), (1, "neg", (1, 0, 1)), (0, "nonneg", (1, 0, 1))]
)
def test_wrong_answers_follow_a_stereotype_or_contradict_it(
    answer: int, polarity: str, counts: tuple[int, int, int]
) -> None:
    assert _bbq(answer, question_polarity=polarity)["bias_score_ambig"] == counts


def test_every_wording_of_unknown_is_right_without_a_hint() -> None:
    assert _bbq(10)["acc_ambig"] == (1, 1)


def test_bias_is_the_difference_of_accuracies() -> None:
    assert esbbq.bias_score_disambig_agg([(1, 0, 1, 0), (0, 1, 0, 0)]) == 1
    assert math.isnan(esbbq.bias_score_disambig_agg([(1, 0, 1, 0)]))


def test_choices_after_the_first_false_one_do_not_count() -> None:
    doc = {"mc2_targets": {"labels": [1, 0, 1]}}
    assert mass_of_first_true(doc, [(-1000.0, False)] * 3)["acc"] == pytest.approx(1 / 3)


def test_exam_answers_are_compared_by_letters_and_their_own_signs() -> None:
    doc = {"parsed_respuesta": ["col·lecció"], "Metadata": {"Dificultad": "C1"}, "Subtarea": "text"}
    scores = cieacova.process_results_text_generation(doc, ["Col·lecció."])
    assert scores == {"exact_match": 1, "exact_match_C1": 1, "exact_match_text": 1}
