"""The helpers of the language families."""

from __future__ import annotations

import math
from typing import Any

import pytest
from datasets import Dataset

from lm_eval.tasks.bbq import utils as bbq
from lm_eval.tasks.crows_pairs import utils as crows_pairs
from lm_eval.tasks.global_mmlu import utils as global_mmlu
from lm_eval.tasks.pawsx import utils as pawsx
from lm_eval.tasks.translation import utils as translation


def _bbq_doc(**changes: Any) -> dict[str, Any]:
    doc: dict[str, Any] = {
        "category": "Age",
        "question_polarity": "neg",
        "context_condition": "ambig",
        "answer_info": {"ans0": ["grandfather", "old"], "ans1": ["grandson", "nonOld"], "ans2": ["unknown", "unknown"]},
        "additional_metadata": {"stereotyped_groups": ["Old"]},
        "ans0": "The grandfather",
        "ans1": "The grandson",
        "ans2": "Not known",
        "label": 2,
    }
    return {**doc, **changes}


def _marked(**changes: Any) -> dict[str, Any]:
    doc = _bbq_doc(**changes)
    return {**doc, **bbq._mark(doc)}


def test_bbq_choices_are_the_two_people_and_ten_ways_to_say_unknown() -> None:
    assert bbq.choices(_bbq_doc())[:3] == ["The grandfather", "The grandson", "Unknown"]
    assert len(bbq.choices(_bbq_doc())) == 12


@pytest.mark.parametrize(("label", "target"), [(0, 0), (1, 1), (2, 2)])
def test_bbq_target_is_the_answer_or_the_first_unknown(label: int, target: int) -> None:
    assert bbq.first_target(_bbq_doc(label=label)) == target


@pytest.mark.parametrize(("polarity", "biased"), [("neg", ["The grandfather"]), ("nonneg", ["The grandson"])])
def test_bbq_biased_answer_depends_on_the_polarity(polarity: str, biased: list[str]) -> None:
    assert _marked(question_polarity=polarity)["biased_answers"] == biased


@pytest.mark.parametrize(
    ("label", "groups"),
    [
        ("F-Black", ["f", "black"]),
        ("lowSES-African", ["low ses", "african"]),
        ("M-Middle Eastern", ["m", "middle eastern"]),
        ("nonOld", ["nonold"]),
        ("nonTrans", ["non trans"]),
        ("woman", ["f", "woman"]),
        ("boy", ["m", "boy"]),
    ],
)
def test_bbq_group_labels_are_split(label: str, groups: list[str]) -> None:
    assert bbq._group_names(label) == groups


def test_bbq_answer_without_groups_may_name_a_latina() -> None:
    info = {"ans0": ["", ""], "ans1": ["Bo", "M-White"], "ans2": ["unknown"]}
    assert _marked(answer_info=info, ans0="Maria, a Latina")["ans0_groups"] == ["latino"]


@pytest.mark.parametrize(
    ("response", "index"),
    [
        ("It was the grandson.", 1),
        ("I don't know", 2),
        ("the elder, who is old", 0),
        ("old or nonOld", 1),
        ("someone", -1),
        ("", -1),
    ],
)
def test_bbq_generated_answer_is_found(response: str, index: int) -> None:
    assert bbq._find(_marked(), response) == index


def test_bbq_wrong_answer_is_neither_biased_nor_known() -> None:
    scores = bbq.score_generated(_marked(), ["nobody"])
    assert tuple(scores["amb_bias_score"]) == (0.0, 0.0, 0.0, 0.0)


def test_bbq_scores_of_other_categories_have_no_rows() -> None:
    scores = bbq.score_likeliest(_marked(), [(-1.0, False), *[(-2.0, False)] * 11])
    assert tuple(scores["amb_bias_score_Age"]) == (0.0, 1.0, 1.0, 0.0)
    assert math.isnan(bbq.bias_ambiguous([scores["amb_bias_score_Religion"]]))


def test_bbq_bias_scores() -> None:
    known = [bbq._Outcome(1.0, biased, 1.0, 1.0) for biased in (1.0, 1.0, 1.0, 0.0)]
    unknown = [bbq._Outcome(0.0, 1.0, 1.0, 0.0), bbq._Outcome(1.0, 0.0, 0.0, 0.0)]
    assert bbq.bias_disambiguated(known + unknown) == 0.5
    assert bbq.bias_ambiguous(known + unknown) == 0.5
    assert bbq.bias_disambiguated([bbq._Outcome(1.0, 0.0, 0.0, 1.0)]) == 0.0
    assert math.isnan(bbq.bias_disambiguated(unknown))
    assert bbq.accuracy_ambiguous(known + unknown) == 0.5
    assert bbq.accuracy_disambiguated(known) == 1.0
    assert math.isnan(bbq.accuracy_ambiguous(known))


def test_bbq_keeps_the_rows_of_a_context() -> None:
    rows = Dataset.from_list([_bbq_doc(), _bbq_doc(context_condition="disambig")])
    assert bbq.only_ambig(rows)["context_condition"] == ["ambig"]
    assert bbq.only_disambig(rows)["context_condition"] == ["disambig"]


def test_crows_pairs_compares_the_two_sentences() -> None:
    assert crows_pairs.compare_pair({}, [(-3.0, False), (-5.0, False)]) == {
        "likelihood_diff": 2.0,
        "pct_stereotype": 1.0,
    }
    assert crows_pairs.compare_pair({}, [(-5.0, False), (-5.0, True)]) == {
        "likelihood_diff": 0.0,
        "pct_stereotype": 0.0,
    }


def test_crows_pairs_keeps_a_kind_of_bias() -> None:
    rows = Dataset.from_dict({"bias_type": ["race-color", "age", "race-color; other"]})
    assert crows_pairs.race_color(rows)["bias_type"] == ["race-color", "race-color; other"]


def test_global_mmlu_keeps_a_subject_or_a_category() -> None:
    rows = Dataset.from_dict({"subject": ["anatomy", "virology"], "subject_category": ["Medical", "STEM"]})
    assert global_mmlu.anatomy(rows)["subject"] == ["anatomy"]
    assert global_mmlu.stem(rows)["subject"] == ["virology"]


def test_pawsx_joins_two_sentences() -> None:
    rows = Dataset.from_dict({"sentence1": ["He did n't go ( home ) .", ""], "sentence2": ["Home he went .", "None"]})
    assert pawsx.clean(rows).to_list() == [{"sentence1": "He didn't go (home)", "sentence2": "home he went."}]


@pytest.mark.parametrize(
    ("prediction", "reference", "rate"),
    [
        ("a b c", "a b c", 0.0),
        ("a x c", "a b c", 1 / 3),
        ("a c", "a b c", 1 / 3),
        ("z a b c", "a b c", 1 / 3),
        ("", "a b", 1.0),
        ("b a", "a b", 1.0),
        ("w x y z", "a b", 2.0),
    ],
)
def test_word_error_rate_counts_edits(prediction: str, reference: str, rate: float) -> None:
    assert translation.wer(predictions=[prediction], references=[reference]) == pytest.approx(rate)


def test_bleu_of_the_t5_prompt_goes_from_0_to_1() -> None:
    pytest.importorskip("sacrebleu")
    same = translation.bleu(predictions=["Casa este mică ."], references=["Casa este mică ."])
    assert translation.corpus_bleu([same]) == pytest.approx(1.0)
    assert translation.corpus_bleu([same, ("a b c d e", "f g h i j")]) < 0.6
    assert translation.corpus_bleu([("a b", "c d")]) == 0.0
