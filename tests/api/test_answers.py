"""What a model wrote, and the choice that it names."""

from __future__ import annotations

import pytest

from lm_eval.api.task_parts.answers import choice_in, final_answer, match_text
from lm_eval.config.formats import letters

CHOICES = ["Paris", "London", "New York", "a dog", "Berlin"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("B", 1),
        ("b", 1),
        ("(B)", 1),
        ("**B**", 1),
        ("B. London", 1),
        ("\\boxed{B}", 1),
        ("The best answer is $\\boxed{C}$", 2),
        ("The best answer is \\text{B}", 1),
        ("The best answer is B.", 1),
        ("The best answer is B, not A.", 1),
        ("The best answer is (C) New York.", 2),
        ("The best answer is **(B) London**.", 1),
        ("The correct answer is:\n\n**B. London**", 1),
        ("The best answer is option B", 1),
        ("The best answer is [A]", 0),
        ("The answer is A because it is the capital.", 0),
        ("The answer is b.", 1),
        ("The answer is a dog.", 3),
        ("A dog is fine", 3),
        ("The best answer is New York", 2),
        ("London", 1),
        ("I think the answer is A. No, the best answer is E", 4),
        ("The best answer is B. This answer is based on facts.", 1),
        ('{"answer": "C"}', 2),
        ("答案是B", 1),
        ("Let me think.\n\nSo it must be C.", 2),
        ("My choice: E", 4),
        ("", None),
        ("blah blah", None),
        ("A is wrong and B is wrong", None),
        ("Paris is not, London is not", None),
        ("The best answer is Z", None),
        ('Your response should end with "The best answer is [answer_letter]"', None),
    ],
)
def test_choice(text: str, found: int | None) -> None:
    assert choice_in(text, letters(5), CHOICES) == found


def test_labels_beyond_j() -> None:
    many = [f"number {index}" for index in range(30)]
    assert choice_in("The best answer is K.", letters(30), many) == 10
    assert choice_in("The best answer is AB", letters(30), many) == 27


def test_numbers_as_labels() -> None:
    assert choice_in("The best answer is 2.", ["1", "2", "3"], ["ten", "eleven", "twelve"]) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("So it is.\nThe final answer is 42.", "42"),
        ("The final answer is **Paris**\nGood luck!", "Paris"),
        ("The final answer is 1. Wait: the final answer is 2.", "2"),
        ("It is \\boxed{7}", "7"),
        ("The final answer is $\\boxed{\\frac{1}{2}}$.", "\\frac{1}{2}"),
        ("I do not know", None),
    ],
)
def test_final_answer(text: str, found: str | None) -> None:
    assert final_answer(text) == found


def test_a_choice_inside_another_is_not_meant() -> None:
    assert match_text("It is dark red, I think", ["red", "dark red"]) == 1
    assert match_text("red", ["red", "dark red"]) == 0
    assert match_text("red or blue", ["red", "blue"]) is None
