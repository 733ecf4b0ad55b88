from __future__ import annotations

from typing import Any

import pytest

from lm_eval.errors import TemplateError

from .tasks_for_tests import choice, make

DOC: dict[str, Any] = {
    "text": "a",
    "n": 2,
    "digits": "12",
    "many": ["x", "y"],
    "literal": "['x', 'y']",
    "choices": ["u", "v", "w"],
}


def task(**keys: Any) -> Any:
    return choice(test=[DOC], doc_to_text="text", doc_to_target="n", **keys)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", "a"),
        ("{{text}}!\n", "a!\n"),
        ("{{n}}", 2),
        ("n", 2),
        ("digits", "12"),
        (1, 1),
        (lambda d: d["n"] + 1, 3),
    ],
)
def test_text_with_choices(field: Any, value: Any) -> None:
    assert task().doc_to_text(DOC, field) == value


def test_digits_without_choices_stay_text() -> None:
    assert make(test=[DOC]).doc_to_text(DOC, "{{n}}") == "2"
    assert make(test=[DOC]).doc_to_target(DOC, "{{n}}") == "2"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("n", 2),
        ("{{n}}", 2),
        ("{{literal}}", ["x", "y"]),
        ("literal", "['x', 'y']"),
        ("{{many}}", ["x", "y"]),
        ("[not a list]", "[not a list]"),
        (["k"], ["k"]),
        ("-1", "-1"),
        (0, 0),
    ],
)
def test_target(field: Any, value: Any) -> None:
    assert task().doc_to_target(DOC, field) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("choices", ["u", "v", "w"]),
        ("{{many}}", ["x", "y"]),
        ("{{ many + [text] }}", ["x", "y", "a"]),
        ("{{[n, n]}}", [2, 2]),
        ("['{{text}}', 'b']", ["a", "b"]),
        (["p", "q"], ["p", "q"]),
        ({"one": "p", "two": "q"}, ["p", "q"]),
        (lambda d: [d["text"]], ["a"]),
    ],
)
def test_choices(field: Any, value: Any) -> None:
    assert task().doc_to_choice(DOC, field) == value


def test_choices_that_are_not_a_literal_are_an_error() -> None:
    with pytest.raises(TemplateError, match="Task demo, doc_to_choice: 'a b' is not a list of choices"):
        task().doc_to_choice(DOC, "{{text}} b")


def test_column_missing_from_a_doc_is_named() -> None:
    with pytest.raises(TemplateError, match="doc_to_text: the doc has no field 'text'; it has other"):
        task().doc_to_text({"other": 1})


def test_decontamination_query_falls_back_to_the_question() -> None:
    assert task(should_decontaminate=True).doc_to_decontamination_query(DOC) == "a"
    assert task(doc_to_decontamination_query="{{digits}}").doc_to_decontamination_query(DOC) == "12"


def test_several_targets_are_detected_on_the_first_doc() -> None:
    docs = [{**DOC, "n": ["x"]}, DOC]
    assert choice(test=docs, doc_to_text="text", doc_to_target="n").multiple_target
    assert not choice(test=docs[::-1], doc_to_text="text", doc_to_target="n").multiple_target


def test_resolve_field() -> None:
    cls = type(task())
    assert [cls.resolve_field(DOC, field) for field in ("n", "{{n}}!", None)] == [2, "2!", None]
