"""The requests that a strategy plans are those that it sends."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Sequence

import pytest

from lm_eval.errors import APIError, CapabilityError
from lm_eval.mock_server.server import MockServer
from lm_eval.models.scoring import STRATEGIES, Scorer, ScoringSettings, make_scorer
from lm_eval.models.scoring.custom import CustomScorer
from lm_eval.models.scoring.pairs import TextPair
from lm_eval.models.scoring.planned import Sizes
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.probe import probe_server
from lm_eval.models.work import Slot
from tests.models.scoring.helpers import Http, answers_of, document, pair

CONTEXTS = ("The cat sat on", "The capital of France is")
ENDINGS = (" the", " a", " sofa bed", "")
PAIRS = [pair(context, ending) for context in CONTEXTS for ending in ENDINGS]
TEXTS = [document("The cat sat on the mat."), document("")]
CHAT_SLOTS = [pair(context, letter) for context in ("A or B?", "B or A?") for letter in ("A", "B")]


@pytest.mark.parametrize("strategy", [*STRATEGIES.values(), CustomScorer])
def test_every_strategy_plans_its_requests(strategy: type[Scorer]) -> None:
    assert not inspect.isabstract(strategy)
    assert not getattr(strategy.planned_group, "__isabstractmethod__", False)


def test_a_strategy_that_does_not_plan_cannot_be_built() -> None:
    class Incomplete(Scorer):
        name = "incomplete"
        summary = "scores and plans nothing"

        @classmethod
        def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
            return None

        async def score(self, ask: object, pair: TextPair) -> object:  # type: ignore[override]
            return None

    with pytest.raises(TypeError, match="planned_group"):
        Incomplete(Capabilities(), ScoringSettings(model="m"))  # type: ignore[abstract]


async def compare(profile: str, scoring: str, batch_size: int) -> tuple[int, int] | None:
    """Return the planned and the sent requests; None if the server does not allow the strategy."""
    chat = scoring == "chat_first_token"
    settings = ScoringSettings(model="mock", scoring=scoring, chat=chat, batch_size=batch_size)
    # The number of tokens in a text is an estimate, and llama.cpp gets one request per token.
    slots: Sequence[Slot] = CHAT_SLOTS if chat else PAIRS if profile == "llamacpp" else [*PAIRS, *TEXTS]
    with MockServer(profile=profile) as server:
        async with Http(server.base_url) as ask:
            try:
                scorer = make_scorer(await probe_server(ask, settings), settings)
            except CapabilityError:
                return None
            slots = [slot for slot in slots if scorer.refuses(slot.instance.request_type) is None]
            sizes = Sizes(counts=await counts_of(scorer, ask))
            planned = sum(part.requests for part in scorer.planned(slots, sizes))
            ask.calls.clear()
            answers = await answers_of(scorer, slots, ask)
            assert not any(isinstance(answer, APIError) for answer in answers)
            return planned, ask.calls["/completions"] + ask.calls["/chat/completions"]


async def counts_of(scorer: Scorer, ask: Http) -> dict[str, int]:
    tokenizer = scorer.capabilities.tokenizer
    if tokenizer is None:
        return {}
    before = len((await tokenizer.encode(ask, "on")).ids)
    return {text: len((await tokenizer.encode(ask, f"on{text}")).ids) - before for text in ENDINGS}


@pytest.mark.parametrize("profile", ["default", "openai", "vllm", "llamacpp"])
@pytest.mark.parametrize("scoring", STRATEGIES)
@pytest.mark.parametrize("batch_size", [1, 4])
def test_planned_requests_are_those_sent(profile: str, scoring: str, batch_size: int) -> None:
    found = asyncio.run(compare(profile, scoring, batch_size))
    if found is not None:
        assert found[0] == found[1]
