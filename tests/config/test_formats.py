"""The spellings of ``formats``, and the names after ``@``."""

from __future__ import annotations

import pytest

from lm_eval.config.formats import chosen_format, format_name, letters, listing, split_format
from lm_eval.errors import ConfigError, UnknownNameError


@pytest.mark.parametrize(
    ("given", "wanted", "name", "instruction"),
    [
        ("mcqa", None, "mcqa", None),
        ({"type": "mcqa", "instruction": "Choose."}, None, "mcqa", "Choose."),
        ({"mcqa": None, "cloze": {"instruction": "Go on."}}, None, "mcqa", None),
        ({"mcqa": None, "cloze": {"instruction": "Go on."}}, "cloze", "cloze", "Go on."),
        ({"type": "mcqa", "instruction": "Choose."}, "mcqa", "mcqa", "Choose."),
        ({"type": "mcqa", "instruction": "Choose."}, "cloze", "cloze", None),
        (None, "mcqa", "mcqa", None),
    ],
)
def test_spellings(given: object, wanted: str | None, name: str, instruction: str | None) -> None:
    spec = chosen_format(given, wanted)
    assert (spec.name, spec.instruction) == (name, instruction)


def test_constrained_answers_keep_the_fields_of_generate() -> None:
    given = {"generate": {"question_prefix": "Q: "}}
    spec = chosen_format(given, "generate+constrained")
    assert (spec.question_prefix, spec.constrained, spec.name) == ("Q: ", True, "generate+constrained")
    assert format_name({"type": "generate", "constrained": True}) == "generate+constrained"
    assert not chosen_format(given, "generate").constrained


def test_all_fields_are_shown_and_read_again() -> None:
    spec = chosen_format({"type": "generate", "choice_labels": ["i", "ii", "iii"]})
    shown = spec.to_dict()
    assert shown["choice_labels"] == ["i", "ii", "iii"]
    assert shown["answer_prefix"] == "The best answer is "
    assert chosen_format(shown) == spec


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("mqca", "Did you mean 'mcqa'"),
        (3, "name or a mapping"),
        ({}, "names no format"),
        ({"type": "mcqa", "instructoin": "x"}, "Did you mean 'instruction'"),
        ({"type": "mcqa", "instruction": 3}, "cannot be 3"),
        ({"type": "mcqa", "choice_labels": "roman"}, "cannot be 'roman'"),
        ({"type": "cot", "constrained": True}, "only generate, with labels"),
        ({"type": "generate", "choice_labels": None}, "needs choice_labels"),
        ({"mcqa": "x"}, "are a mapping"),
        ({"type": "mcqa", "scorer": "f1"}, "cannot be 'f1'"),
    ],
)
def test_mistakes(given: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        chosen_format(given)


def test_names() -> None:
    assert split_format("arc_easy@generate") == ("arc_easy", "generate")
    assert split_format("mmlu_*@generate+constrained") == ("mmlu_*", "generate+constrained")
    assert split_format("arc_easy") == ("arc_easy", None)
    with pytest.raises(UnknownNameError, match="Did you mean 'generate'"):
        split_format("arc_easy@generat")


def test_labels() -> None:
    assert letters(28)[-3:] == ["Z", "AA", "AB"]
    assert chosen_format({"type": "mcqa", "choice_labels": "numbers"}).labels(3) == ["1", "2", "3"]
    assert chosen_format("cloze").labels(3) == []
    assert listing(["A", "B", "C"], "or") == "A, B or C"
    with pytest.raises(ConfigError, match="2 labels for 3"):
        chosen_format({"type": "mcqa", "choice_labels": ["x", "y"]}).labels(3)
