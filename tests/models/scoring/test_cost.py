"""The cost of one-letter choices: an echo of each choice, or one request for the next token."""

from __future__ import annotations

import asyncio
from typing import Any

from lm_eval.mock_server.server import MockServer
from lm_eval.models.scoring import ScoringSettings, make_scorer
from lm_eval.models.server.probe import probe_server
from tests.models.scoring.helpers import Http, answers_of, pair

QUESTIONS = [f"Which number is {number}?\nA. one\nB. two\nC. three\nD. four\nAnswer:" for number in range(8)]


async def _scored(server: MockServer, name: str) -> tuple[list[Any], int, int]:
    settings = ScoringSettings(model="mock", scoring=name)
    async with Http(server.base_url) as ask:
        scorer = make_scorer(await probe_server(ask, settings), settings)
        ask.calls.clear()
        ask.prompt_tokens = 0
        slots = [pair(question, f" {letter}") for question in QUESTIONS for letter in "ABCD"]
        found = [item.response for item in await answers_of(scorer, slots, ask, workers=16)]
        assert ask.calls["//tokenize"] <= 8
        return found, ask.calls["/completions"], ask.prompt_tokens


def test_one_letter_choices_cost_a_quarter_and_score_the_same() -> None:
    with MockServer(profile="vllm") as server:
        echoed, requests, tokens = asyncio.run(_scored(server, "echo"))
        looked_up, fewer_requests, fewer_tokens = asyncio.run(_scored(server, "first_token"))
    assert looked_up == echoed
    assert (requests, fewer_requests) == (32, 8)
    assert fewer_tokens * 4 <= tokens
