"""One-token choices: one request for the next token's likeliest alternatives scores them all."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from lm_eval.errors import APIError, TokenNotListed
from lm_eval.models.logprobs.blocks import Top, choices_of, generated_tops
from lm_eval.models.logprobs.checks import Score, check_tops
from lm_eval.models.scoring.base import Outcome, Pair, Scorer, TalliedAsk, answer
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.work import Answer, Ask, Call, Slot, Unit

__all__ = ["FirstToken"]

_FEW = 5
_KEPT = 4096
_LONGEST_WORD = 200
_SEVERAL = -1


class FirstToken(Scorer):
    """Scores all one-token continuations of a context with one request, the others by another strategy.

    Where the server has a tokenizer it tells which continuations are one token, and which token, so that the values
    are exact. Without one, a continuation counts as the listed token of the same text.
    """

    name = "first_token"
    summary = "one-token choices from the next token's top_logprobs, one request a context"

    def __init__(self, capabilities: Capabilities, settings: ScoringSettings, otherwise: Scorer | None = None) -> None:
        """Keep the strategy that scores what this one cannot.

        Args:
            capabilities: The findings of the probe.
            settings: The run's settings.
            otherwise: The other strategy, when the server allows one.
        """
        super().__init__(capabilities, settings)
        self.otherwise = otherwise
        self._ids: OrderedDict[tuple[str, str], int] = OrderedDict()
        self._asked: dict[tuple[str, str], asyncio.Event] = {}

    @classmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """See the base class."""
        return None if capabilities.completion_logprobs else "generated tokens come without top_logprobs"

    def refuses(self, request_type: str) -> str | None:
        """See the base class."""
        if request_type != "loglikelihood_rolling":
            return None
        if self.otherwise is not None:
            return self.otherwise.refuses(request_type)
        return f"scoring={self.name} scores one-token choices only, not whole texts"

    async def score_document(self, ask: Ask, slots: Sequence[Slot]) -> Outcome:
        """Pass a document on to the other strategy."""
        if self.otherwise is None:
            return await super().score_document(ask, slots)
        return await self.otherwise.score_document(ask, slots)

    async def score_group(self, ask: Ask, slots: Sequence[Slot]) -> Outcome:
        """Ask once for the next token; what is not listed goes to the other strategy."""
        done: list[Answer | Unit] = []
        tally = TalliedAsk(ask)
        tops: list[Top] | None = None
        for slot in slots:
            try:
                pair = Pair.of(slot)
                if not pair.continuation:
                    done.append(answer(slot, Score(0.0, True)))
                    continue
                token = await self._token(tally, pair) if pair.context else _SEVERAL
                if tops is None and token != _SEVERAL:
                    tops = await self._tops(tally, pair)
                score = None if token == _SEVERAL else _find(tops or [], token, pair.continuation)
                if score is None:
                    score = await self._by_other(tally, pair)
                done.append(answer(slot, score, tally.take()))
            except APIError as error:
                done.append(self.failed(tally, slots, slot, error))
        return done

    async def score(self, ask: Ask, pair: Pair) -> Score:
        """Score one pair by itself."""
        token = await self._token(ask, pair) if pair.context else _SEVERAL
        found = None if token == _SEVERAL else _find(await self._tops(ask, pair), token, pair.continuation)
        return found if found is not None else await self._by_other(ask, pair)

    async def _by_other(self, ask: Ask, pair: Pair) -> Score:
        if self.otherwise is None:
            raise TokenNotListed(
                f"{pair.continuation!r} is not among the next tokens the server lists, and it offers no other way",
                advice="raise num_logprobs= in model_args, or use a server with echo",
            )
        return await self.otherwise.score(ask, pair)

    async def _tops(self, ask: Ask, pair: Pair) -> list[Top]:
        most = self.settings.num_logprobs or self.capabilities.max_logprobs or _FEW
        body = self.settings.body(prompt=pair.context, temperature=0, max_tokens=1, logprobs=most)
        tokenizer = self.capabilities.tokenizer
        if tokenizer is not None and tokenizer.kind == "vllm":
            # Texts of different tokens may be equal; vLLM tells them apart when asked to.
            body["return_tokens_as_token_ids"] = True
        call = Call(self.settings.completions_path, body, pair.slot.repeat, len(pair.context) // 4 + 2)
        reply = await ask(call)
        tops = generated_tops(choices_of(reply.body, 1, reply.endpoint)[0])
        check_tops(tops, reply.endpoint)
        return tops

    async def _token(self, ask: Ask, pair: Pair) -> int | None:
        """Find the one token a continuation is.

        Tokens do not reach over white space to the word before, so the context's last word stands for the context.

        Returns:
            Its id; ``_SEVERAL`` when it is not one token; None when the server has no tokenizer.
        """
        if len(pair.continuation.split()) > 1:
            return _SEVERAL
        tokenizer = self.capabilities.tokenizer
        if tokenizer is None:
            return None
        word = pair.context.split()[-1]
        if len(word) > _LONGEST_WORD:
            word = pair.context
        key = (word, pair.continuation)
        while key not in self._ids:
            asked = self._asked.get(key)
            if asked is not None:
                # Contexts that end alike are scored at the same time; one of them asks for all.
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
        if len(self._ids) > _KEPT:
            self._ids.popitem(last=False)
        return found


def _find(tops: Sequence[Top], token: int | None, continuation: str) -> Score | None:
    """Find a continuation among the listed tokens: by its id where both are known, else by its text."""
    for top in tops:
        if top.id == token if token is not None and top.id is not None else top.token == continuation:
            return Score(top.logprob, top.logprob >= tops[0].logprob)
    return None
