"""One-letter choices through a chat endpoint: the first token's likeliest alternatives.

Chat endpoints do not echo, so this is the only log-likelihood they give. A letter that is not listed is bounded by
the least of the listed values; its answer is marked approximate.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval.errors import CheckFailed, TokenNotListed
from lm_eval.models.logprobs.blocks import Top, choices_of, generated_tops
from lm_eval.models.logprobs.checks import Score, check_tops
from lm_eval.models.scoring.base import FailedUnit, Outcome, Pair, Scorer, TalliedAsk, answer
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.work import Answer, Ask, Call, Slot, Unit

__all__ = ["ChatFirstToken", "messages_of"]

_MOST = 20


def messages_of(context: Any) -> list[Mapping[str, Any]]:
    """Read a chat context as messages.

    Args:
        context: Messages; or an object that holds them as JSON in ``prompt``; or the text of one user message.

    Returns:
        The messages.
    """
    if isinstance(context, str):
        return [{"role": "user", "content": context}]
    if isinstance(context, Sequence) and all(isinstance(message, Mapping) for message in context):
        return list(context)
    packed = getattr(context, "prompt", None)
    if isinstance(packed, str):
        return list(json.loads(packed))
    raise CheckFailed(f"A chat endpoint needs messages, not {type(context).__name__}")


class ChatFirstToken(Scorer):
    """Scores one-letter choices by the first token of a chat answer."""

    name = "chat_first_token"
    summary = "one-letter choices from the first token of a chat answer, one request a context"
    exact = False
    by_name_only = True

    @classmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """See the base class."""
        if not settings.chat:
            return "it is for chat endpoints"
        if capabilities.chat_logprobs is False:
            return "chat answers come without top_logprobs"
        return None

    def refuses(self, request_type: str) -> str | None:
        """See the base class."""
        if request_type != "loglikelihood_rolling":
            return None
        return f"scoring={self.name} scores one-letter choices only, not whole texts"

    async def score_group(self, ask: Ask, slots: Sequence[Slot]) -> Outcome:
        """Ask once for the first token of an answer and look all choices up in it."""
        tally = TalliedAsk(ask)
        tops = await self._tops(tally, slots[0])
        texts = [str(slot.instance.args[1]) for slot in slots]
        listed = [_find(tops, text) for text in texts]
        done: list[Answer | Unit] = []
        for slot, text, found in zip(slots, texts, listed, strict=True):
            if found is not None:
                done.append(answer(slot, found, tally.take()))
            elif len(text.strip()) == 1 and any(score is not None for score in listed):
                done.append(answer(slot, Score(tops[-1].logprob, False, approximate=True), tally.take()))
            else:
                done.append(FailedUnit(slot, _unlisted(text, tops)))
        return done

    async def score(self, ask: Ask, pair: Pair) -> Score:
        """Score one pair by itself; a letter that is not listed has no choice beside it to be compared with."""
        tops = await self._tops(ask, pair.slot)
        found = _find(tops, pair.continuation)
        if found is None:
            raise _unlisted(pair.continuation, tops)
        return found

    async def _tops(self, ask: Ask, slot: Slot) -> list[Top]:
        most = self.settings.num_logprobs or self.capabilities.max_logprobs or _MOST
        messages = messages_of(slot.instance.args[0])
        body = self.settings.body(messages=messages, temperature=0, max_tokens=1, logprobs=True, top_logprobs=most)
        tokens = sum(len(str(message.get("content"))) // 4 + 4 for message in messages)
        reply = await ask(Call(self.settings.chat_path, body, slot.repeat, tokens))
        tops = generated_tops(choices_of(reply.body, 1, reply.endpoint)[0])
        check_tops(tops, reply.endpoint)
        return tops


def _find(tops: Sequence[Top], text: str) -> Score | None:
    """Find a choice among the listed tokens, as it is or, approximately, but for white space."""
    for top in tops:
        if top.token == text:
            return Score(top.logprob, top.logprob >= tops[0].logprob)
    for top in tops:
        if text.strip() and top.token.strip() == text.strip():
            return Score(top.logprob, top.logprob >= tops[0].logprob, approximate=True)
    return None


def _unlisted(text: str, tops: Sequence[Top]) -> TokenNotListed:
    seen = ", ".join(repr(top.token) for top in tops[:5])
    return TokenNotListed(
        f"The choice {text!r} is not among the {len(tops)} likeliest first tokens ({seen}, …)",
        advice="chat endpoints score one-letter choices only; use a completions endpoint with echo",
    )
