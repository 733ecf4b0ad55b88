"""A server that cuts long prompts in silence is found by the tokens that it counts."""

from __future__ import annotations

import logging
import random
from typing import Any

import pytest
from aiohttp import web

from lm_eval.api.instance import Instance, Usage
from lm_eval.models.http.cut_prompts import CutPrompts
from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI
from tests.models.scripted import ScriptedServer

SENTENCE = "the river was wide and slow on its way down to the sea where boats with red sails were waiting"
WORDS = SENTENCE.split()


def prompts(count: int, shortest: int, longest: int) -> list[str]:
    rng = random.Random(0)
    return [" ".join(rng.choices(WORDS, k=rng.randint(shortest, longest))) for _ in range(count)]


def tokens_of(text: str) -> int:
    """Count as a tokenizer with pieces of at most five characters."""
    return sum(-(-len(word) // 5) for word in text.split())


def seen(texts: list[str], window: int, **more: Any) -> CutPrompts:
    found = CutPrompts()
    for text in texts:
        found.add({"prompt": text, **more}, Usage(min(tokens_of(text), window), 1))
    return found


def test_equal_counts_of_long_prompts_are_told_with_their_numbers() -> None:
    message = seen(prompts(40, 300, 900), window=500).message()
    assert "all have 500 tokens" in message
    assert "larger window" in message


def test_far_fewer_tokens_than_words_are_told_with_their_numbers() -> None:
    text = prompts(1, 2000, 2000)[0]
    assert f"(the longest: 512 for a length of {len(text)})" in seen([text], window=512).message()


def test_prompts_in_other_fields_are_looked_at_too() -> None:
    text = prompts(1, 2000, 2000)[0]
    found = CutPrompts()
    found.add({"messages": [{"role": "user", "content": [{"type": "text", "text": text}]}]}, Usage(500))
    found.add({"prompt": list(range(900))}, Usage(899))
    assert found.too_few == 2


@pytest.mark.parametrize(
    "texts",
    [
        prompts(200, 20, 900),
        prompts(200, 300, 301),
        ["What is 12 + 34? " * 40 + f"What is {number} + {number}?" for number in range(10, 99)],
        ["x" * 5000] * 10,
        [],
    ],
)
def test_complete_prompts_are_no_warning(texts: list[str]) -> None:
    assert seen(texts, window=100_000).message() == ""


def test_what_says_nothing_about_the_prompt_is_left_out() -> None:
    text = prompts(1, 2000, 2000)[0]
    found = CutPrompts()
    found.add({"prompt": text}, None)
    found.add({"prompt": text}, Usage(0, 1))
    found.add({"prompt": text}, Usage(300, 1, cached=2200))
    found.add({"prompt": text, "echo": True}, Usage(300, 1))
    found.add({"prompt": [text, text]}, Usage(300, 1))
    assert found.message() == ""


@pytest.mark.parametrize("chat", [False, True])
def test_a_run_warns_and_keeps_the_warning(chat: bool, caplog: pytest.LogCaptureFixture) -> None:
    def answer(request: Any, body: Any) -> web.Response:
        text = body["messages"][0]["content"] if chat else body["prompt"]
        usage = {"prompt_tokens": min(tokens_of(text), 256), "completion_tokens": 1}
        choice = {"index": 0, "finish_reason": "stop", "message": {"content": "x"}, "text": "x"}
        return web.json_response({"choices": [choice], "usage": usage})

    instances = [Instance("generate_until", {}, (text, {}), 0) for text in prompts(20, 200, 600)]
    with ScriptedServer(answer) as server, caplog.at_level(logging.WARNING, "lm_eval"):
        kind = LocalChatCompletion if chat else LocalCompletionsAPI
        lm = kind(model="m", base_url=server.url)
        lm.harness_respond(instances)
    warned = [record.getMessage() for record in caplog.records if "cut long prompts" in record.getMessage()]
    assert len(warned) == 1
    assert lm.harness_describe()["run"]["cut_prompts"] == warned[0]


def test_prompts_that_truncate_cut_to_one_length_are_no_warning() -> None:
    cut = CutPrompts()
    for length in range(8):
        cut.add({"prompt": list(range(length, 100 + length))}, Usage(100, 1))
    cut.add({"prompt": "the river was wide " * 25}, Usage(100, 1))
    assert cut.message() == ""
