from __future__ import annotations

import json
from typing import Any

import pytest

from lm_eval.reports.html.packing import Texts
from lm_eval.reports.html.prompts import Prompts, question_of

QUESTION = "What is the colour of a ripe lemon?"


class Split:
    """The view of a prompt, with the shared texts inserted."""

    def __init__(self, prompt: Any, doc: Any, shots: int = 0, **config: Any) -> None:
        texts = Texts()
        view: Any = Prompts(texts, config, shots).view(prompt, doc).data
        known = {place: text for text, place in texts._places.items()}
        inner = view["m"][1] if "m" in view else view
        self.question = inner["q"]
        self.before = [known[place] for place in inner.get("h", ())]
        turns = view.get("h", ()) if "m" in view else ()
        self.turns = [(role, "".join(known[place] for place in places)) for role, places in turns]


@pytest.mark.parametrize("shots", [0, 2])
def test_the_question_is_where_the_doc_is(shots: int) -> None:
    prompt = f"Answer briefly.\n\nQ: one\nA: 1\n\nQ: {QUESTION}\n\nA:"
    split = Split(prompt, {"question": QUESTION}, shots)
    assert split.before == ["Answer briefly.\n\n", "Q: one\nA: 1\n\n"]
    assert split.question == f"Q: {QUESTION}\n\nA:"


def test_parts_and_question_make_up_the_prompt() -> None:
    prompt = f"\n\n  a\n\n\n\nb {QUESTION[:10]}\n\n{QUESTION}\n"
    split = Split(prompt, [QUESTION], 3)
    assert "".join(split.before) + split.question == prompt


def test_a_doc_of_several_parts_stays_complete() -> None:
    passage = "A lemon is a fruit\n\nthat grows on trees."
    prompt = f"shot\n\n{passage}\n\n{QUESTION}"
    assert Split(prompt, {"q": QUESTION, "p": passage}, 1).question == f"{passage}\n\n{QUESTION}"


def test_a_choice_that_is_also_in_an_example_does_not_start_the_question() -> None:
    """TruthfulQA's examples have an answer that many of its documents have among their choices."""
    doc = {"question": "What is it?", "mc1_targets": {"choices": ["I have no comment.", "It is a lemon that grew."]}}
    split = Split(f"Q: Who?\nA: I have no comment.\n\nQ: {QUESTION}\nA: 2\n\nQ: What is it?\nA:", doc)
    assert split.question == "Q: What is it?\nA:"


@pytest.mark.parametrize(
    ("doc", "question"),
    [
        ({"Problem": " 1 + 1? "}, "1 + 1?"),
        ({"question": "", "query": "x"}, "x"),
        ({"question": {"stem": "x"}, "text": "y"}, "x"),
        ({"question": {"other": "x"}, "question_stem": "z"}, "z"),
        ({"question": ["x"]}, ""),
        ("question", ""),
        (None, ""),
    ],
)
def test_the_question_of_a_doc(doc: object, question: str) -> None:
    assert question_of(doc) == question


def test_a_question_that_is_not_found_is_the_last_part() -> None:
    assert Split("x: 1\n\nx: 2\n\nx: ", {"x": 3}, 2).question == "x: "


def test_without_trace_and_examples_nothing_is_folded() -> None:
    assert Split("x: 1\n\nx: ", {"x": 3}).before == []


def test_the_delimiter_is_that_of_the_task() -> None:
    split = Split(f"shot###{QUESTION}", {"q": QUESTION}, 1, fewshot_config={"fewshot_delimiter": "###"})
    assert split.before == ["shot###"]


@pytest.mark.parametrize("as_text", [False, True])
def test_a_chat_is_turns_and_the_last_turn_is_split(as_text: bool) -> None:
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": f"shot\n\n{QUESTION}"},
    ]
    split = Split(json.dumps(turns) if as_text else turns, {"q": QUESTION}, 1)
    assert split.turns == [("system", "Be brief.")]
    assert (split.before, split.question) == (["shot\n\n"], QUESTION)


def test_media_in_a_chat_become_words() -> None:
    content = [{"type": "image_url", "image_url": {"url": "data:…"}}, {"type": "text", "text": "What is it?"}]
    assert Split([{"role": "user", "content": content}], {}).question == "[image_url]\nWhat is it?"
