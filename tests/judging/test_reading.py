from __future__ import annotations

import pytest

from lm_eval.config.scorer import ScorerSpec, VerdictSpec
from lm_eval.judging.reading import VerdictReader, as_json


def reader(verdict: object, pattern: str | None = None) -> VerdictReader:
    return VerdictReader(ScorerSpec(VerdictSpec.parse(verdict), pattern=pattern))


LABELS = {"C": 1.0, "I": 0.0, "N": 0.0}


@pytest.mark.parametrize(
    ("verdict", "text", "expected"),
    [
        (LABELS, "GRADE: C", "C"),
        (LABELS, "Not GRADE: C, rather\n**Grade:** **I**.", "I"),
        (LABELS, "grade: c", "C"),
        (LABELS, "The verdict is: [N]", "N"),
        (LABELS, "I think [[C]] no [[I]]", "I"),
        (LABELS, "Some words.\nC", "C"),
        (LABELS, "**C**", "C"),
        (LABELS, "GRADE: Correct", None),
        (LABELS, "Could be anything", None),
        (LABELS, "", None),
        (LABELS, "I do not know", None),
        (LABELS, "Answer: I do not know. GRADE: N", "N"),
        (LABELS, "GRADE: N\nAnswer: I do not know", "N"),
        (LABELS, "Grade: I would say it is wrong", None),
        (LABELS, "GRADE: I because it is wrong", "I"),
        (LABELS, "The answer: **C**.", "C"),
        ({"A": 1, "B": 0}, "Winner: A is better", "A"),
        ({"A": 1, "B": 0}, "Verdict: A fair answer", None),
        ({"CORRECT": 1, "INCORRECT": 0}, "Verdict: INCORRECT", "INCORRECT"),
        ({"A>>B": 1, "A>B": 0.7, "A=B": 0.5}, "My final verdict is tie: [[A>>B]]", "A>>B"),
        ({"A>>B": 1, "A>B": 0.7, "A=B": 0.5}, "Verdict: A>B", "A>B"),
        ("boolean", "Met: Yes.", "yes"),
        ("boolean", "Result: false", "no"),
        ({"scale": [1, 10]}, "Rating: [[7]]", "7"),
        ({"scale": [1, 10]}, "Score: 7.5/10", "7.5"),
        ({"scale": [1, 10]}, "Score: 11", None),
        ({"scale": [1, 10]}, "Score: 2\nfinal score: 10", "10"),
        ({"scale": [-1, 1]}, "score = -0.5", "-0.5"),
        ({"scale": [1, 10]}, "8", "8"),
    ],
)
def test_the_last_verdict_of_a_text(verdict: object, text: str, expected: str | None) -> None:
    assert reader(verdict).last(text) == expected


def test_a_pattern_of_the_task_reads_instead() -> None:
    own = reader("boolean", r'"criteria_met":\s*(true|false)')
    assert own.last('{"explanation": "Met: yes", "criteria_met": false}') == "no"
    assert own.last("Met: yes") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"reasoning": "it quotes {\\"verdict\\": \\"C\\"}", "verdict": "I"}', ("I", 'it quotes {"verdict": "C"}')),
        ('```json\n{"verdict": "C"}\n```', ("C", None)),
        ('The answer says {"verdict": "C"}', (None, None)),
        ('{"verdict": "X"}', (None, None)),
        ('{"verdict": "C"', (None, None)),
        ("[" * 100_000, (None, None)),
        ("[]", (None, None)),
    ],
)
def test_the_verdict_of_an_object(text: str, expected: tuple[str | None, str | None]) -> None:
    assert reader(LABELS).of_json(text) == expected


def test_truth_values_and_numbers_of_an_object() -> None:
    assert reader("boolean").of_json('{"verdict": true}')[0] == "yes"
    assert reader({"scale": [1, 5]}).of_json('{"verdict": 4}')[0] == "4"


@pytest.mark.parametrize("text", ["GRADE: C", "x\nC\ny", "[[I]]", "the grade is: **n**"])
def test_texts_that_look_like_a_verdict(text: str) -> None:
    assert reader(LABELS).occurs(text)


@pytest.mark.parametrize("text", ["Paris is in France.", "I went home.", "", "vitamin C"])
def test_texts_that_do_not(text: str) -> None:
    assert not reader(LABELS).occurs(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" GRADE: C", "C"),
        (": I\nGRADE: C", "I"),
        (" **C**", "C"),
        (" is [[C]]", None),
        (" maybe", None),
        ("", None),
    ],
)
def test_the_verdict_after_a_sign(text: str, expected: str | None) -> None:
    assert reader(LABELS).after_sign(text) == expected


def test_the_schema_puts_the_reasoning_first() -> None:
    schema = as_json(VerdictSpec.parse(LABELS))["response_format"]
    assert isinstance(schema, dict)
    properties = schema["json_schema"]["schema"]["properties"]
    assert list(properties) == ["reasoning", "verdict"]
    assert properties["verdict"]["enum"] == ["C", "I", "N"]
