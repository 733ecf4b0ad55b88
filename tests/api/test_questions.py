"""Questions and choices, taken out of the prompts of tasks."""

from __future__ import annotations

import pytest

from lm_eval.api.task_parts.questions import (
    Question,
    are_labels,
    asks_itself,
    bare_question,
    blank_of,
    cut_labelled,
    cut_listed,
    without_labels,
)

LETTERS = ["A", "B", "C", "D"]


@pytest.mark.parametrize(
    ("text", "template", "bare"),
    [
        ("Question: Why?\nAnswer:", "Question: {{q}}\nAnswer:", "Why?"),
        ("Galdera: Why?\nErantzuna:", "Galdera: {{q}}\nErantzuna:", "Why?"),
        ("Why? 답변: ", "{{q}} 답변: ", "Why?"),
        (
            "Passage: P.\nQuestion: Why?\nAnswer:",
            "Passage: {{p}}\nQuestion: {{q}}\nAnswer:",
            "Passage: P.\nQuestion: Why?",
        ),
        ("Why?", "q", "Why?"),
        ("Question: Why?\n\nAnswer:", None, "Why?"),
        ("One of these is true:", None, "One of these is true:"),
        ("Q: Why?\nA:", "{{query}}", "Why?"),
        ("Which is it:", "{{q}}", "Which is it:"),
    ],
)
def test_cues_are_taken_off(text: str, template: object, bare: str) -> None:
    assert bare_question(text, template) == bare


@pytest.mark.parametrize(
    "text",
    [
        "Why?\nA. one\nB. two\nC. three\nD. four",
        "Why?\n(A) one\n(B) two\n(C) three\n(D) four",
        "Why?\nA: one\nB: two\nC: three\n D: four",
        "Why?\n(A) one (B) two (C) three (D) four",
        "Why?\nOptions:\nA) one\nB) two\nC) three\nD) four",
    ],
)
def test_labelled_choices_are_cut_out(text: str) -> None:
    assert cut_labelled(text, LETTERS, to_end=True) == Question("Why?", ["one", "two", "three", "four"])


def test_a_prompt_may_list_fewer_choices_than_there_are_labels() -> None:
    found = cut_labelled("Why?\n(A) one\n(B) two", ["(A)", "(B)", "(C)", "(D)"], to_end=True)
    assert found == Question("Why?", ["one", "two"])


def test_the_last_list_is_the_one_that_counts() -> None:
    text = "A. Smith said:\nB. Jones is right.\nWho?\nA. one\nB. two"
    found = cut_labelled(text, LETTERS, to_end=True)
    assert found == Question("A. Smith said:\nB. Jones is right.\nWho?", ["one", "two"])


def test_the_last_choice_ends_with_its_line_or_with_the_prompt() -> None:
    text = "Why?\nA. one\nB. two\nReply with a letter."
    by_line, to_end = (cut_labelled(text, LETTERS, to_end=flag) for flag in (False, True))
    assert by_line is not None and by_line.choices == ["one", "two"]
    assert to_end is not None and to_end.choices == ["one", "two\nReply with a letter."]


def test_a_prompt_without_a_list_has_nothing_to_cut() -> None:
    assert cut_labelled("Why does A. come first?", LETTERS, to_end=True) is None
    assert cut_listed("Why?", ["yes", "no"]) is None


def test_known_choices_are_cut_out() -> None:
    assert cut_listed("Is it?\nOptions:\n- Yes\n- No", ["Yes", "No"]) == "Is it?"
    assert cut_listed("Choose from these:\n- a\n- b\n\nWhy?", ["a", "b"]) == "Why?"


def test_labels_are_told_from_answers() -> None:
    assert are_labels(["A", "B"])
    assert are_labels(["(A)", "(B)", "(C)"])
    assert not are_labels(["B", "A"])
    assert not are_labels(["0", "1"])
    assert not are_labels(["Yes", "No"])


def test_contexts_become_a_blank() -> None:
    found = blank_of(["Ann beat Bob because Ann", "Ann beat Bob because Bob"], "trained.")
    assert found == Question("Ann beat Bob because _ trained.", ["Ann", "Bob"])
    assert blank_of(["The red fox", "The fox"], "ran.") == Question("The _ ran.", ["red fox", "fox"])


def test_a_question_with_its_own_label() -> None:
    assert asks_itself("Passage.\nQuestion: Why?")
    assert not asks_itself("Why?")


def test_labels_inside_the_choices_are_taken_off() -> None:
    assert without_labels(["(A)21", "(B) 22"]) == ["21", "22"]
    assert without_labels(["A. one", "B. two"]) == ["one", "two"]
    assert without_labels(["(A)", "(B)"]) is None
    assert without_labels(["A. one", "two"]) is None


def test_known_choices_with_numbers_are_cut_out() -> None:
    assert cut_listed("Who?\n\n1 - Ann\n2 - Bob\n", ["Ann", "Bob"]) == "Who?"
