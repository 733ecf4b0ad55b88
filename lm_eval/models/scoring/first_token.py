"""One-token choices: one request for the likeliest next tokens scores all of them."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterator, Sequence

from lm_eval.errors import APIError, ContextLengthExceeded, TokenNotListed
from lm_eval.models.logprobs.blocks import TopToken
from lm_eval.models.logprobs.checks import LogLikelihood, find_top
from lm_eval.models.scoring.base import CERTAIN, CountingAsk, Scorer, UnitResult, answer, ask_top_tokens
from lm_eval.models.scoring.pairs import TextPair, scorable_pairs
from lm_eval.models.scoring.planned import PlannedRequests, Sizes, request_for
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.work import Answer, Ask, Call, Slot, Unit

__all__ = ["FirstToken"]

_DEFAULT_TOPS = 5
_MAX_TOKEN_IDS = 4096
_MAX_WORD = 200
_SEVERAL = -1


class FirstToken(Scorer):
    """Scores all one-token continuations of a context with one request, and the others with another strategy.

    Sent: the context, for one generated token with ``top_logprobs``. A continuation is looked up among them. Where the
    server has a tokenizer, it says which continuations are one token, and which token; the values are then exact.
    Without a tokenizer a continuation counts as the listed token with the same text.
    """

    name = "first_token"
    summary = "one-token choices from the next token's top_logprobs, one request per context"
    one_token = True
    counts_tokens = True

    def __init__(self, capabilities: Capabilities, settings: ScoringSettings, fallback: Scorer | None = None) -> None:
        """Store what is known of the server and the strategy for all other continuations.

        Args:
            capabilities: The findings of the probe.
            settings: The settings of the run.
            fallback: Scores what is not one listed token; None when the server allows no other strategy.
        """
        super().__init__(capabilities, settings)
        self.fallback = fallback
        self._ids: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._asked: dict[tuple[str, str], asyncio.Event] = {}

    @classmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """Return why generated tokens cannot be looked up; None when they can."""
        return None if capabilities.completion_logprobs else "generated tokens come without top_logprobs"

    def refuses(self, request_type: str) -> str | None:
        """Return why a request type cannot be answered; only the fallback can score complete texts."""
        return super().refuses(request_type) if self.fallback is None else self.fallback.refuses(request_type)

    def planned_group(self, slots: Sequence[Slot], sizes: Sizes) -> Iterator[PlannedRequests]:
        """Plan one request for the one-token choices, and those of the fallback for each other pair."""
        pairs = scorable_pairs(slots)
        short = [pair for pair in pairs if pair.context and sizes.continuation(pair.continuation) == 1]
        if short:
            yield request_for(short[:1], context_only=True)
        if self.fallback is not None:
            for pair in pairs:
                if pair not in short:
                    yield from self.fallback.planned_group([pair.slot], sizes)

    def planned_document(self, slot: Slot, sizes: Sizes) -> PlannedRequests:
        """Plan the requests of the fallback."""
        if self.fallback is None:
            return super().planned_document(slot, sizes)
        return self.fallback.planned_document(slot, sizes)

    async def score_document(self, ask: Ask, slots: Sequence[Slot]) -> UnitResult:
        """Score a complete text with the fallback."""
        if self.fallback is None:
            return await super().score_document(ask, slots)
        return await self.fallback.score_document(ask, slots)

    async def score_group(self, ask: Ask, slots: Sequence[Slot]) -> UnitResult:
        """Ask once for the next token; what is not one listed token goes to the fallback."""
        finished: list[Answer | Unit] = []
        counting = CountingAsk(ask)
        tops: list[TopToken] | None = None
        too_long = False
        for slot in slots:
            try:
                pair = TextPair.of(slot)
                if not pair.continuation:
                    finished.append(answer(slot, CERTAIN))
                    continue
                token = await self._token(counting, pair)
                if tops is None and token != _SEVERAL and not too_long:
                    try:
                        tops = await self._tops(counting, pair)
                    except ContextLengthExceeded:
                        if not self.settings.truncate or self.fallback is None:
                            raise
                        too_long = True  # The fallback cuts the context.
                score = _find(tops, token, pair.continuation)
                if score is None:
                    score = await self._score_by_fallback(counting, pair)
                finished.append(answer(slot, score, counting.take()))
            except APIError as error:
                finished.append(self.failed(counting, slots, slot, error))
        return finished

    async def score(self, ask: Ask, pair: TextPair) -> LogLikelihood:
        """Score one pair with a request for it alone."""
        token = await self._token(ask, pair)
        tops = await self._tops(ask, pair) if token != _SEVERAL else None
        return _find(tops, token, pair.continuation) or await self._score_by_fallback(ask, pair)

    async def _score_by_fallback(self, ask: Ask, pair: TextPair) -> LogLikelihood:
        if self.fallback is None:
            raise TokenNotListed(
                f"{pair.continuation!r} is not among the next tokens the server lists, and no other strategy can be "
                "used on it",
                advice="raise num_logprobs= in model_args, or use a server with echo",
            )
        return await self.fallback.score(ask, pair)

    async def _tops(self, ask: Ask, pair: TextPair) -> list[TopToken]:
        count = self.settings.num_logprobs or self.capabilities.max_logprobs or _DEFAULT_TOPS
        tokenizer = self.capabilities.tokenizer
        prompt: str | list[int] = pair.context
        if tokenizer is not None and self.settings.ids_only:
            prompt = (await tokenizer.encode(ask, pair.context, self.settings.special)).ids
        body = self.settings.body(prompt=prompt, temperature=0, max_tokens=1, logprobs=count)
        if tokenizer is not None and tokenizer.kind == "vllm":
            # Different tokens may have the same text. With this option vLLM writes ids instead of texts.
            body["return_tokens_as_token_ids"] = True
        tokens = len(pair.context) // 4 + 2
        return await ask_top_tokens(ask, Call(self.settings.completions_path, body, pair.slot.repeat, tokens))

    async def _token(self, ask: Ask, pair: TextPair) -> int | None:
        """Return the id of the one token that a continuation is.

        Tokens do not span the white space before a word, so the last word of the context is tokenized instead of the
        complete context, and the result serves all contexts with that last word.

        Returns:
            The id; ``_SEVERAL`` when it is not one token or has no context; None when the server has no tokenizer.
        """
        if not pair.context or len(pair.continuation.split()) > 1:
            return _SEVERAL
        tokenizer = self.capabilities.tokenizer
        if tokenizer is None:
            return None
        word = pair.context.split()[-1]
        if len(word) > _MAX_WORD:
            word = pair.context
        key = (word, pair.continuation)
        while key not in self._ids:
            asked = self._asked.get(key)
            if asked is not None:
                # Another unit has sent the requests for this key: wait for its result.
                await asked.wait()
                continue
            event = self._asked[key] = asyncio.Event()
            try:
                alone = (await tokenizer.encode(ask, word)).ids
                both = (await tokenizer.encode(ask, word + pair.continuation)).ids
                self._ids[key] = both[-1] if both[:-1] == alone else _SEVERAL
            finally:
                del self._asked[key]
                event.set()
        found = self._ids[key]
        if len(self._ids) > _MAX_TOKEN_IDS:
            self._ids.popitem(last=False)
        return found


def _find(tops: Sequence[TopToken] | None, token: int | None, continuation: str) -> LogLikelihood | None:
    """Look a continuation up in the listed tokens: by id where both ids are known, else by text."""
    if tops is None or token == _SEVERAL:
        return None
    return find_top(tops, lambda top: continuation == top.token if None in (token, top.id) else token == top.id)
