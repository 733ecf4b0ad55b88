"""One-letter choices through a chat endpoint, from the ``top_logprobs`` of the first answer token.

Chat endpoints do not echo, so these are the only log-likelihoods they give. A letter that is not listed gets an upper
bound, which is marked approximate: the lowest listed value, or what the listed tokens leave of the probability. Where
the bound is not below the best listed choice, the unlisted letter could be the answer, and the document is an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from lm_eval.errors import CheckFailed, TokenNotListed
from lm_eval.models.logprobs.blocks import TopToken
from lm_eval.models.logprobs.checks import LogLikelihood, find_top, max_unlisted
from lm_eval.models.scoring.base import CountingAsk, Scorer, UnitResult, answer, ask_top_tokens, failed_unit
from lm_eval.models.scoring.pairs import TextPair
from lm_eval.models.scoring.planned import PlannedRequests, Sizes, prompt_text
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.work import Answer, Ask, Call, Slot, Unit

__all__ = ["ChatFirstToken", "messages_of"]

_DEFAULT_TOPS = 20


def messages_of(context: object) -> list[Mapping[str, object]]:
    """Read a chat context as messages.

    Args:
        context: Messages; or an object whose attribute ``prompt`` holds them as JSON; or the text of one user message.

    Returns:
        The messages.

    Raises:
        CheckFailed: The context is none of these.
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
    """Scores one-letter choices by the first token of a chat answer.

    Sent: the messages, for one generated token with ``top_logprobs``. A choice is the listed token with its text, or,
    marked approximate, the listed token that differs in white space only.
    """

    name = "chat_first_token"
    summary = "one-letter choices from the first token of a chat answer, one request per context"
    by_name_only = True
    one_token = True

    @classmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """Return why chat answers cannot be looked up; None when they can."""
        if not settings.chat:
            return "it is for chat endpoints"
        if capabilities.chat_logprobs is False:
            return "chat answers come without top_logprobs"
        return None

    def planned_group(self, slots: Sequence[Slot], sizes: Sizes) -> Iterator[PlannedRequests]:
        """Plan one request for all choices of a context."""
        context = slots[0].instance.args[0]
        yield PlannedRequests(hash((str(context), slots[0].repeat)), 1, len(prompt_text(context)))

    async def score_group(self, ask: Ask, slots: Sequence[Slot]) -> UnitResult:
        """Ask once for the first token of an answer and look all choices up in it."""
        counting = CountingAsk(ask)
        tops = await self._tops(counting, slots[0])
        texts = [str(slot.instance.args[1]) for slot in slots]
        listed = [_find(tops, text) for text in texts]
        finished: list[Answer | Unit] = []
        known = [score.logprob for score in listed if score is not None]
        bound = max_unlisted(tops)
        for slot, text, found in zip(slots, texts, listed, strict=True):
            if found is None and len(text.strip()) == 1 and known:
                if bound >= max(known):
                    finished.append(failed_unit(slot, _undecided(text, tops)))
                    continue
                found = LogLikelihood(bound, False, approximate=True)
            if found is not None:
                finished.append(answer(slot, found, counting.take()))
            else:
                finished.append(failed_unit(slot, _not_listed(text, tops)))
        return finished

    async def score(self, ask: Ask, pair: TextPair) -> LogLikelihood:
        """Score one pair; alone, a letter that is not listed is an error, as it cannot be compared with a choice."""
        tops = await self._tops(ask, pair.slot)
        found = _find(tops, pair.continuation)
        if found is None:
            raise _not_listed(pair.continuation, tops)
        return found

    async def _tops(self, ask: Ask, slot: Slot) -> list[TopToken]:
        count = self.settings.num_logprobs or self.capabilities.max_logprobs or _DEFAULT_TOPS
        messages = messages_of(slot.instance.args[0])
        body = self.settings.body(messages=messages, temperature=0, max_tokens=1, logprobs=True, top_logprobs=count)
        tokens = sum(len(str(message.get("content"))) // 4 + 4 for message in messages)
        return await ask_top_tokens(ask, Call(self.settings.chat_path, body, slot.repeat, tokens))


def _find(tops: Sequence[TopToken], text: str) -> LogLikelihood | None:
    """Look a choice up in the listed tokens: by its text, else by its text without white space, as approximate."""
    exact = find_top(tops, lambda top: top.token == text)
    if exact is not None or not text.strip():
        return exact
    found = find_top(tops, lambda top: top.token.strip() == text.strip())
    return found._replace(approximate=True) if found is not None else None


def _undecided(text: str, tops: Sequence[TopToken]) -> TokenNotListed:
    return TokenNotListed(
        f"The choice {text!r} is not among the {len(tops)} first tokens that the server lists, and may be likelier "
        "than those that are",
        advice="raise num_logprobs= in model_args, or use a server that lists more top_logprobs",
    )


def _not_listed(text: str, tops: Sequence[TopToken]) -> TokenNotListed:
    listed = ", ".join(repr(top.token) for top in tops[:5])
    return TokenNotListed(
        f"The choice {text!r} is not among the {len(tops)} likeliest first tokens ({listed}, …)",
        advice="chat endpoints score one-letter choices only; use a completions endpoint with echo",
    )
