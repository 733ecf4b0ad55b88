from __future__ import annotations

import pytest

from lm_eval.reports.html.lines import common_start, last_line, one_line, without_frame


def test_a_long_text_is_cut() -> None:
    assert one_line("one  two\n\nthree", 9) == "one two …"


def test_a_target_is_its_last_line() -> None:
    assert last_line("so 2 + 2\n#### 4\n") == "4"


def test_the_common_start_of_texts() -> None:
    assert common_start(["abcd", "abxy", "abc"]) == "ab"


def test_the_common_start_of_questions_is_removed() -> None:
    questions = [f"Question: {word} is it?\nAnswer:" for word in ("who", "what", "where")]
    assert without_frame(questions) == ["who is it?", "what is it?", "where is it?"]


@pytest.mark.parametrize("questions", [["Question: who?", "Question: what?"], ["Question: who?\nAnswer:"] * 3])
def test_few_or_equal_questions_stay_complete(questions: list[str]) -> None:
    assert without_frame(questions) == questions
