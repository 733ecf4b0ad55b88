"""The code next to the task files of Norwegian, Arabic, Greek, Indic and medical families."""

from __future__ import annotations

import importlib
import json
import math
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from lm_eval.errors import ConfigError


def module(name: str) -> Any:
    return importlib.import_module(f"lm_eval.tasks.{name}")


def test_arabicmmlu_shows_choices_up_to_the_first_empty_one() -> None:
    doc = {
        "Subject": "History",
        "Level": "High",
        "Country": "Jordan",
        "Context": "A text.",
        "Question": "Who?",
        **{f"Option {number}": text for number, text in enumerate(["x", "y", None, "z", None], start=1)},
    }
    text = module("arabicmmlu.utils").doc_to_text(doc)
    assert text == (
        "This is a History question for high school in Jordan. Select the correct answer!\n\n"
        "Question: A text.\n\nWho?\nA. x\nB. y\n\nAnswer:"
    )
    assert module("arabicmmlu.utils").doc_to_choice(doc) == ["A", "B", "D"]


def test_greekmmlu_letters_are_greek() -> None:
    assert module("greekmmlu.utils").doc_to_choice({"choices": ["x", "y"]}) == ["\u0391", "\u0392"]


@pytest.mark.parametrize(
    ("environment", "lines"),
    [
        ({}, ["Statement: S", "", "Consider the cultural nuances and choose"]),
        (
            {"REGION": "True"},
            ["Location: Levant", "Statement: S", "", "Consider the cultural nuances of the specified"],
        ),
        ({"REGION": "True", "COUNTRY": "True"}, ["Location: Jordan, Levant", "Statement: S"]),
        ({"REGION": "True", "ARABIC": "True"}, ["الموقع: الشام", "الجملة: S"]),
    ],
)
def test_arab_culture_prompt_follows_the_environment(
    environment: dict[str, str], lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REGION", "COUNTRY", "ARABIC"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    doc = {"country": "Jordan", "region": "Levant", "first_statement": " S "}
    assert "\n".join(lines) in module("arab_culture_completion.utils_completion").doc_to_text(doc)


def test_arab_culture_has_no_prompt_with_a_country_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REGION", raising=False)
    monkeypatch.setenv("COUNTRY", "True")
    with pytest.raises(ConfigError, match="REGION=True"):
        module("arab_culture.prompts").prompt({"country": "Jordan", "region": "Levant", "first_statement": "S"})


def test_indicparam_names_the_language_that_is_near() -> None:
    with pytest.raises(AttributeError, match="process_docs_marathi"):
        module("indicparam.utils").process_docs_maratha  # noqa: B018


def test_aradice_micro_f1_is_the_share_of_right_answers() -> None:
    assert module("aradice.metrics").micro_f1_score([(0, 0), (1, 0), (2, 2), (1, 1)]) == 0.75


@pytest.mark.parametrize(
    ("completion", "em", "fscore"),
    [("Gull, i munn!", 1, 1.0), ("gull", 0, 0.5), ("sølv", 0, 0.0)],
)
def test_noridiom_takes_the_best_of_the_accepted_completions(completion: str, em: int, fscore: float) -> None:
    doc = {"accepted_completions": ["gull i munn", "skatten i sin munn"]}
    assert module("noreval.noridiom.utils").process_results(doc, [completion]) == {"em": em, "fscore": fscore}


def test_norquad_takes_the_title_from_the_passage() -> None:
    class Rows(list[dict[str, str]]):
        def map(self, change: Any) -> list[dict[str, str]]:
            return [change(row) for row in self]

    rows = Rows([{"context": " Oslo \n\nEn by.\nStor. ", "question": "Hva \n er Oslo? "}])
    expected = {"title": "Oslo", "passage": "En by.\nStor.", "question": "Hva er Oslo?"}
    assert module("noreval.norquad.utils").process_docs(rows) == [expected]


def test_darija_sentiments_get_letters() -> None:
    doc = {"messages": [{"content": "-سلبي\n-ايجابي\n-ماكينش إحساس"}, {"content": "ايجابي"}]}
    text = module("darija_bench.utils").sentiment_text(doc)
    assert text.split("\n")[:3] == ["A. سلبي", "B. ايجابي", "C. ماكينش إحساس"]
    assert text.endswith("The answer should be strictly one letter of the following: A, B, C.")
    assert module("darija_bench.utils").sentiment_target(doc) == "B"


@pytest.mark.parametrize(
    ("report", "findings", "impression"),
    [
        ("FINDINGS: clear.     IMPRESSION: healthy.     END", "FINDINGS: clear.", "IMPRESSION: healthy."),
        ("Impression: healthy. Findings: clear.     END", "Findings: clear.", "Impression: healthy. "),
        ("Chest is clear. IMPRESSION: healthy.", "Chest is clear. ", "IMPRESSION: healthy."),
    ],
)
def test_mimic_finds_the_sections_of_a_report(report: str, findings: str, impression: str) -> None:
    sections, doc = module("mimic_repsum.sections"), {"extractive_notes_summ": report}
    assert sections.doc_to_text(doc) == f"Given the findings: {findings}.\nSummarize the findings."
    assert sections.doc_to_target(doc) == impression


def test_meqsum_shows_what_follows_the_head() -> None:
    assert module("meqsum.utils").doc_to_text({"CHQ": "SUBJECT: x MESSAGE: What helps?"}) == "What helps?"
    assert module("meqsum.utils").doc_to_text({"CHQ": "What helps?"}) == "What helps?"


def test_short_texts_are_not_compared() -> None:
    scores = module("shared.similarity").similarity_of_long("abcd", "abcdefgh", 5)
    assert all(math.isnan(value) for value in scores.values())
    assert set(scores) == {"bleu", "rouge1", "rouge2", "rougeL", "bleurt", "bert_score"}


@pytest.mark.parametrize(
    ("response", "letter"),
    [
        ("(A) or (B)?", "B"),
        ("It is B", "B"),
        ("B because A is wrong", "A"),
        ("The answer:B.", "B"),
        ("My answer after all of that is green!", "B"),
    ],
)
def test_named_choice_is_the_last_one(response: str, letter: str) -> None:
    assert module("shared.named_choice").named_choice(response, {"A": "red", "B": "green"}) == letter


def test_response_without_a_choice_is_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.choice", lambda letters: letters[-1])
    assert module("shared.named_choice").named_choice("no idea", {"A": "red", "B": "green"}) == "B"


PISA_DOC = {"choices": "['red', 'green']", "answer": 1}


def test_pisa_judge_is_not_asked_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    found = module("pisa.judge").pisa_process_results_llm_judged(PISA_DOC, ["green"])
    assert found["acc"].reason == "needs a judge: set OPENAI_API_KEY"


@pytest.mark.parametrize(("verdict", "acc"), [("1", 1.0), (" 0", 0.0)])
def test_pisa_judge_decides_after_a_busy_reply(verdict: str, acc: float, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    class Judge(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            body = json.dumps({"choices": [{"message": {"content": verdict}}]}).encode()
            self.send_response(503 if len(asked) == 1 else 200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    judge = module("pisa.judge")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with HTTPServer(("127.0.0.1", 0), Judge) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("OPENAI_API_KEY", "made")
        monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1/")
        assert judge.pisa_process_results_llm_judged(PISA_DOC, ["It is green."]) == {"acc": acc}
        server.shutdown()
    text = asked[-1]["messages"][1]["content"]
    assert "A) red\nB) green" in text
    assert "Correct Answer (letter and/or text):\nB) green" in text


@pytest.mark.parametrize(
    ("response", "content"),
    [
        (r"\boxed{1} then \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        (r"\boxed{1", None),
        (r"\boxed 5", None),
        ("5", None),
    ],
)
def test_score_takes_the_last_box(response: str, content: str | None) -> None:
    assert module("score.latex").boxed(response) == content


@pytest.mark.parametrize(
    ("answer", "form"),
    [
        (r"5\text{ cm}", "5"),
        (r"\frac12", r"\frac{1}{2}"),
        (r"7\frac{3}{4}", "7+3/4"),
        ("1,234", "1234"),
        (r"x \in [1, 2]", "[1,2]"),
        (r"\text{even}", "even"),
        ("Monday", "Monday"),
        ("3 days", "3"),
        (r"\sqrt2", r"\sqrt{2}"),
        ("101_2", "101"),
        ("2 million", "2*10^6"),
    ],
)
def test_score_writes_answers_in_one_form(answer: str, form: str) -> None:
    assert module("score.latex").normalized(answer) == form


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("0.5", r"\frac{1}{2}", True),
        (r"50\%", "0.5", True),
        ("(1, 2)", "(2, 1)", False),
        (r"(0.5, 3)", r"\left(\frac{1}{2}, 3\right)", True),
        ("(x+1)^2", "x^2+2x+1", True),
        ("x+y", "x-y", False),
        (None, "1", False),
        ("", "1", False),
        ("Interval(1,2)", "[1,2]", True),
    ],
)
def test_score_compares_answers(one: str | None, other: str, equal: bool) -> None:
    pytest.importorskip("antlr4")
    assert module("score.equality").math_equal(one, other) is equal


def test_score_never_evaluates_an_answer(tmp_path: Path) -> None:
    pytest.importorskip("antlr4")
    path = tmp_path / "made"
    for code in (f"open({str(path)!r},str(chr(119)))", f"__import__('pathlib').Path({str(path)!r}).touch()"):
        assert module("score.equality").math_equal(code, "x") is False
    assert not path.exists()


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("So the best answer is (C).\nYes", "C"),
        ("The best answer is b", "B"),
        ("c", "C"),
        ("The best answer is", "THE"),
    ],
)
def test_score_reads_the_best_answer(response: str, answer: str) -> None:
    assert module("score.utils").best_answer(response) == answer


def test_score_moves_the_right_choice_to_every_place() -> None:
    docs = pytest.importorskip("datasets").Dataset.from_list(
        [{"question": "Q", "options": ["x", "y", "z"], "answer_index": 1, "answer": "B", "question_id": 7}]
    )
    rows = module("score.choices").mmlu_pro_orders(docs)
    assert rows["options"][:3] == [["y", "x", "z"], ["x", "y", "z"], ["x", "z", "y"]]
    assert rows["answer"][:4] == ["A", "B", "C", "B"]
    assert rows["original_answer_index"] == [1] * 10


def test_score_consistency_counts_pairs_of_one_question() -> None:
    assert module("score.utils").consistency([(1, "A"), (1, "A"), (1, "B"), (2, "A"), (2, "A")]) == 0.5
    assert module("score.utils").consistency([(1, "A")]) == 0.0


def test_score_joins_boxes_unless_the_answer_is_known() -> None:
    right_answer = module("score.mathematics").right_answer
    assert right_answer(r"\boxed{x=1} and \boxed{x=1}", "Find x.") == "1"
    assert right_answer(r"\boxed{y=2x}", "Find the equation of the line.") == "y=2x"
    assert right_answer(r"\boxed{1}, \boxed{2}", "Find both.") == "1, 2"
    assert right_answer(r"\boxed{1}, \boxed{2}", "Simplify $(5x+3) - 2(2x-4)$.") == "x+11"


def test_realtoxicityprompts_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PERSPECTIVE_API_KEY", raising=False)
    scores = module("realtoxicityprompts.metric").toxicity_perspective_api({}, ["fine"])
    assert {value.reason for value in scores.values()} == {"needs the Perspective API: set PERSPECTIVE_API_KEY"}


@pytest.mark.parametrize(("toxicity", "toxic"), [(0.5, 1), (0.49, 0)])
def test_realtoxicityprompts_counts_from_one_half_on(
    toxicity: float, toxic: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric = module("realtoxicityprompts.metric")
    reply = {"attributeScores": {"TOXICITY": {"summaryScore": {"value": toxicity}}}}
    monkeypatch.setenv("PERSPECTIVE_API_KEY", "made")
    monkeypatch.setattr(metric.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(metric, "ask", lambda url, payload, headers: reply if payload["comment"]["text"] == "x" else {})
    scores = metric.toxicity_perspective_api({}, ["x"])
    assert scores == {"score": toxic, "perspective_api_toxicity_score": toxicity}
    assert metric.toxicity_perspective_api({}, [" "]) == {"score": 0, "perspective_api_toxicity_score": 0.0}
