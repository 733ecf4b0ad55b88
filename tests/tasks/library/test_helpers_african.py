"""The helpers of the African benchmarks."""

from __future__ import annotations

import pytest

from lm_eval.tasks.afrimmlu import utils as afrimmlu
from lm_eval.tasks.afrixnli import utils as afrixnli
from lm_eval.tasks.afrobench import afriqa, mafand, masakhaner, masakhapos

_DOC = {"translation": {"fr": "Bonjour.", "wol": "Salaam."}}


def test_mafand_prompts_name_both_languages() -> None:
    assert mafand.create_text_prompt_2(_DOC) == "Wolof sentence: Salaam. \nFrench sentence: "
    assert mafand.create_reverse_prompt_2(_DOC) == "French sentence: Bonjour. \nWolof sentence: \n"
    assert mafand.create_reverse_prompt_3(_DOC).startswith(
        "You are a translation expert. Translate the following French"
    )


def test_mafand_targets() -> None:
    assert (mafand.get_target(_DOC), mafand.get_target_reverse(_DOC)) == ("Bonjour.", "Salaam.")


def test_masakhaner_counts_entities_over_all_documents() -> None:
    # Accepted 3, predicted 2, right 1: precision 1/2, recall 1/3.
    items: list[tuple[str, str | list[str]]] = [
        ("PER: ada $$ LOC: the london", "per: ada $ loc: paris"),
        ("ORG: who", ["", ""]),
    ]
    assert masakhaner.span_f1_agg(items) == pytest.approx(0.4)


def test_masakhaner_ignores_articles_and_punctuation() -> None:
    assert masakhaner.span_f1_agg([("LOC: a-b the c", "loc: a/b the c")]) == pytest.approx(1.0)


def test_masakhapos_compares_tags_place_by_place() -> None:
    doc = {"upos": [0, 16, 1]}
    value = masakhapos.process_results(doc, [[["NOUN", "ADJ"]]])["acc"]
    assert value == (["NOUN", "VERB", "PUNCT"], [["NOUN", "ADJ"]])
    assert masakhapos.acc_score([value, (["X"], [["X"]]), (["X"], [])]) == pytest.approx((0.5 + 1 + 0) / 3)


def test_afriqa_gives_nothing_for_two_answers_without_words() -> None:
    assert afriqa.f1([("the", "an"), ("Lake Chad", "the lake")]) == pytest.approx((0 + 2 / 3) / 2)


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (0, ("entailment", "True", "true")),
        (1, ("neutral", "Neither", "false")),
        (2, ("contradiction", "False", "inconclusive")),
    ],
)
def test_afrixnli_words_of_a_label(label: int, words: tuple[str, str, str]) -> None:
    doc = {"label": label}
    targets = (afrixnli.doc_to_target, afrixnli.true_neither_false, afrixnli.true_false_inconclusive)
    assert tuple(target(doc) for target in targets) == words


def test_afrimmlu_reads_the_choices_and_fills_the_prompt() -> None:
    doc = {"subject": "law", "question": "Who?", "choices": "['a', 'b', 'c', 'd']"}
    assert afrimmlu.doc_to_choice(doc) == ["a", "b", "c", "d"]
    assert afrimmlu.translate_prompt_5(doc) == (
        "Given your proficiency in law, please answer the subsequent multiple-choice question with 'A', 'B', 'C',"
        " or 'D'.\nQuestion: Who?\nChoices:\n        A: a\n        B: b\n        C: c\n        D: d\nAnswer: "
    )
