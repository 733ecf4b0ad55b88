"""Helpers of the families for languages of Spain and Portugal, and of multilingual question answering."""

from __future__ import annotations

import math
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from datasets import Dataset

from lm_eval.tasks.basqueglue import utils as basqueglue
from lm_eval.tasks.careqa import utils as careqa
from lm_eval.tasks.catalan_bench import cieacova
from lm_eval.tasks.eq_bench import utils as eq_bench
from lm_eval.tasks.esbbq import utils as esbbq
from lm_eval.tasks.evalita_llm import metrics as evalita_metrics
from lm_eval.tasks.evalita_llm import utils as evalita
from lm_eval.tasks.french_bench import utils as french_bench
from lm_eval.tasks.ifeval.multilingual import utils as ifeval
from lm_eval.tasks.japanese_leaderboard import utils as japanese
from lm_eval.tasks.metabench import process_docs, process_docs_permute
from lm_eval.tasks.portuguese_bench import assin2_utils
from lm_eval.tasks.shared import rouge, similarity, spans, squad, statements, wikihow
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


def test_french_articles_do_not_count() -> None:
    assert french_bench.exact(["Le chat, la nuit"], ["chat nuit"]) == 1
    assert french_bench.f1(["un chien noir"], ["le chien blanc"]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("answer", "right"), [("10 + 2 = 1,200.", True), ("1200個です", True), ("答えは 1200.5", False), ("なし", False)]
)
def test_the_last_number_of_a_solution_is_compared(answer: str, right: bool) -> None:
    assert japanese.mgsm_results({"answer_number": 1200}, [answer]) == {"acc": right}


def test_a_lost_question_of_the_exam_is_asked() -> None:
    assert careqa.doc_to_text({"question": None}).startswith("Question: In relation to the immune mechanism")


def test_similarity_of_equal_and_of_empty_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(similarity, "bleurt", lambda *_: similarity.NotComputed("needs bleurt"))
    monkeypatch.setattr(similarity, "bertscore_f1", lambda *_, **__: 0.5)
    scores = similarity.similarity("one two three four five", "one two three four five")
    assert scores["bleu"] == pytest.approx(1)
    assert scores["rougeL"] == pytest.approx(1)
    assert isinstance(scores["bleurt"], similarity.NotComputed)
    assert scores["bert_score"] == 0.5
    assert similarity.bleu_of_one("one two", "one two") == 0
    empty = similarity.similarity("", "one")
    assert all(isinstance(value, float) and math.isnan(value) for value in empty.values())


def _spacy(text: str) -> list[SimpleNamespace]:
    return list(SimpleNamespace(text=word, is_punct=not word[0].isalnum()) for word in text.split())


@pytest.mark.parametrize(
    ("rule", "values", "response", "followed"),
    [
        ("keywords:frequency", {"keyword": "sol", "frequency": 2, "relation": "less than"}, "sol y sol", True),
        ("keywords:frequency", {"keyword": "sol", "frequency": 1, "relation": "less than"}, "sol y sol", False),
        ("length_constraints:number_words", {"num_words": 2, "relation": "at least"}, "1. uno dos", True),
        ("length_constraints:number_words", {"num_words": 3, "relation": "at least"}, "1. uno , dos", False),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "buenos días"},
            "Hola\n\n¡Buenos, días!",
            False,
        ),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "buenos días"},
            "Hola\n\nBuenos, días!",
            True,
        ),
        ("detectable_content:postscript", {"postscript_marker": "P.D."}, "Adiós\nP. D. Uno", True),
        ("detectable_format:number_bullet_lists", {"num_bullets": 1}, "* uno\n- dos", True),
        ("detectable_format:constrained_response", {}, "Diría que Quizás.", True),
        ("startend:end_checker", {"end_phrase": "Un saludo"}, 'Hasta pronto. Un saludo."', True),
        ("punctuation:question_marks", {}, "¿Qué tal?", True),
        ("punctuation:question_marks", {}, "Qué tal?", False),
        ("punctuation:exclamation_marks", {}, "¡ !", False),
        ("change_case:capital_word_frequency", {"capital_frequency": 1, "capital_relation": "at least"}, "UNO", True),
        ("special_character:enie", {"let_frequency": 2}, "Ñoño niño", True),
        ("special_character:dieresis", {"let_frequency": 1}, "pingüino", True),
        ("special_character:tildes", {"num_words": 1, "relation": "less than"}, "él está", False),
        ("change_case:spanish_capital", {}, "HOY HACE MUCHO CALOR EN LA CIUDAD Y MAÑANA LLOVERÁ", True),
        ("change_case:spanish_lowercase", {}, "Hoy hace mucho calor en la ciudad y mañana lloverá", False),
    ],
)
def test_instructions_in_spanish(
    rule: str, values: dict[str, Any], response: str, followed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "spacy", SimpleNamespace(load=lambda _: _spacy))
    assert ifeval.follows(response, f"es:{rule}", values) is followed


_ENTITIES = {"entities": [{"entity_text": "Roma", "type": "LOC"}, {"entity_text": "Eni", "type": "ORG"}]}


@pytest.mark.parametrize(
    ("response", "labels"),
    [
        ("Roma$loc,Eni$ORG", ([1, 2], [1, 2])),
        ("Roma$LOC", ([1, 3], [1, 2])),
        ("&&NOENT&&", ([3, 3], [1, 2])),
        # More entities than there are: each surplus one is wrong, and one that was not found counts as a person.
        ("Roma$LOC, Eni$PER, Ada$PER", ([1, 0, 2], [1, 2, 3])),
    ],
)
def test_entities_get_labels(response: str, labels: tuple[list[int], list[int]]) -> None:
    assert evalita.ner_process_results(_ENTITIES, [response]) == {"f1": labels}


@pytest.mark.parametrize(
    ("relations", "response", "labels"),
    [
        ([["5", "kg"]], "5$kg", ([1], [1])),
        ([["5", "kg"], ["3", "m"]], "3$m", ([0, 1], [1, 1])),
        ([["5", "kg"]], "7$s%5$kg%", ([1, 1], [1, 0])),
        ([["5", "kg"]], "&&NOREL&&", ([0], [1])),
        ([], "5$kg", ([1], [0])),
    ],
)
def test_relations_get_labels(relations: list[list[str]], response: str, labels: tuple[list[int], list[int]]) -> None:
    # "7$s%5$kg%" has three parts; of the first two, one was found, so one is a false positive.
    assert evalita.rel_process_results_v3({"relations": relations}, [response])["f1"] == labels


def test_substitutes_count_as_often_as_annotators_gave_them() -> None:
    doc = {"answers": [{"word": "grande", "count": 3}, {"word": "ampio", "count": 1}]}
    assert evalita.ls_process_results(doc, ['"grande", vasto.\nampio'])["f1"] == (0.75, 1, 1)
    assert evalita_metrics.aggreg_ls([(0.75, 1, 1), (0, 0, 1)]) == pytest.approx(2 * 0.75 * 0.375 / 1.125)


def test_the_last_label_has_no_part_in_the_score_of_entities() -> None:
    assert evalita_metrics.aggreg_ner([([1, 3], [1, 3]), ([3], [2])]) == pytest.approx(0.5)
    assert evalita_metrics.aggreg_ner([([3], [3])]) == 1


def test_sentiments_are_scored_as_two_questions() -> None:
    # Positive: right, right; negative: one of two wrong, so that 0 has 2/3 and 1 has 0.
    assert evalita_metrics.aggreg_sa([(0, 0), (2, 1)]) == pytest.approx((1 + 1 / 3) / 2)


@pytest.mark.parametrize("right", range(3))
def test_the_right_choice_moves(right: int) -> None:
    choices, place = process_docs_permute.moved(["a", "b", "c"], right)
    assert sorted(choices) == ["a", "b", "c"]
    assert place != right
    assert choices[place] == "abc"[right]


def test_hellaswag_rows_are_plain_text() -> None:
    row = {
        "activity_label": "Cooking",
        "ctx_a": "Cut [title] now.",
        "ctx_b": "she",
        "endings": ["[x] stirs."],
        "label": "0",
    }
    made = wikihow.hellaswag_rows(Dataset.from_list([row]))[0]
    assert (made["query"], made["choices"], made["gold"]) == ("Cooking: Cut. now. She", [" stirs."], 0)


def test_a_row_of_metabench_brings_its_shots() -> None:
    shots = {f"gsm8k_{part}_shot_{shot}": f"{part} {shot}" for part in ("prompt", "answer") for shot in range(1, 6)}
    doc = process_docs.process_gsm8k(Dataset.from_list([{"question": "1 + 1?", "answer": "#### 2", **shots}]))[0]
    assert doc["five_shot_preprompt"].startswith("Question: prompt 1\nAnswer: answer 1\n\nQuestion: prompt 2\n")
    assert set(doc) == {"question", "answer", "five_shot_preprompt", "original_hash", *shots}
