"""Servers that do not echo and give the log-probability of a forced token: one request per token.

llama.cpp computes log-probabilities before ``logit_bias`` and temperature, so a token that a bias forces comes with its
true value. The prompt grows by one token per request, and the server's prefix cache makes each step cheap.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from lm_eval.errors import CheckFailed
from lm_eval.models.logprobs.blocks import choices_of, read_block
from lm_eval.models.logprobs.checks import LogLikelihood, find_top, sum_logprobs
from lm_eval.models.scoring.base import ask_top_tokens
from lm_eval.models.scoring.pairs import TextPair, scorable_pairs
from lm_eval.models.scoring.planned import PlannedRequests, Sizes
from lm_eval.models.scoring.token_ids import IdScorer
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.work import Ask, Call, Slot

__all__ = ["ForcedToken"]

_BIAS = 100
_TOPS_TRIED = (1_000, 1_000_000)
"""``top_logprobs`` to ask for; the second is longer than every vocabulary."""


class ForcedToken(IdScorer):
    """Forces each token of the continuation with ``logit_bias`` and reads its log-probability.

    Sent, per token: the token ids before it, and a bias for it. Checked: the forced token came back.
    """

    name = "forced_token"
    summary = "each token forced by logit_bias, one request per token"
    counts_tokens = True

    @classmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """Return why forced tokens cannot be scored; None when they can."""
        if capabilities.tokenizer is None:
            return "the server has no /tokenize"
        if capabilities.forced is None:
            return "whether a forced token comes with its own log-probability was not tried"
        return None if capabilities.forced else "a token forced by logit_bias does not come with its own value"

    def planned_group(self, slots: Sequence[Slot], sizes: Sizes) -> Iterator[PlannedRequests]:
        """Plan one request per token of each continuation, with the tokens before it as the prompt."""
        for slot, context, continuation in scorable_pairs(slots):
            count = sizes.continuation(continuation)
            characters = count * len(context) + (count - 1) * len(continuation) / 2
            yield PlannedRequests(hash((context, continuation, slot.repeat)), count, characters)

    def planned_document(self, slot: Slot, sizes: Sizes) -> PlannedRequests:
        """Plan one request per token; the prompts are half a window long on average."""
        text = slot.instance.args[0]
        tokens = sizes.tokens(len(text))
        mean = min(tokens, self.max_prompt_tokens or tokens) / 2
        return PlannedRequests(hash((text, slot.repeat)), tokens, tokens * mean / sizes.tokens_per_character)

    async def score(self, ask: Ask, pair: TextPair) -> LogLikelihood:
        """Tokenize the pair and force the tokens of the continuation one after another."""
        tokens, seam = await self._encode(ask, pair)
        if seam is None:
            seam = await self._seam(ask, pair, tokens, None)
        cut = self._tokens_to_cut(pair, tokens)
        return await self._score_ids(ask, tokens.ids[cut:], self._seam_after_cut(seam, cut), pair.slot.repeat, "", {})

    async def _score_ids(
        self, ask: Ask, ids: list[int], first: int, repeat: int, text: str, shown: dict[tuple[int, ...], list[str]]
    ) -> LogLikelihood:
        """Force the tokens of a prompt one after another, from an index on."""
        scores = [await self._forced(ask, ids[:place], ids[place], repeat) for place in range(first, len(ids))]
        if not scores:
            raise CheckFailed("No token of the prompt falls into the continuation")
        return LogLikelihood(math.fsum(score.logprob for score in scores), all(score.greedy for score in scores))

    async def _forced(self, ask: Ask, prompt: list[int], token: int, repeat: int) -> LogLikelihood:
        reply = await ask(self._call(prompt, token, 1, repeat))
        block = read_block(choices_of(reply)[0], reply.endpoint)
        if not block.tokens:
            return await self._listed(ask, prompt, token, repeat)
        if block.ids is None or block.ids[0] != token:
            got = block.ids[0] if block.ids else block.tokens[0]
            raise CheckFailed(f"Token {token} was forced, but {got!r} came back", endpoint=reply.endpoint)
        return sum_logprobs(block, 0, 1, reply.endpoint)

    def _call(self, prompt: list[int], token: int, tops: int, repeat: int) -> Call:
        body = self.settings.body(prompt=prompt, temperature=0, max_tokens=1, logprobs=tops)
        given = body.get("logit_bias")
        body["logit_bias"] = {**(given if isinstance(given, Mapping) else {}), str(token): _BIAS}
        return Call(self.settings.completions_path, body, repeat, len(prompt) + 1)

    async def _listed(self, ask: Ask, prompt: list[int], token: int, repeat: int) -> LogLikelihood:
        """Look a token up in ``top_logprobs``: one that is the first byte of a character comes without a value.

        The ``top_logprobs`` of a place do not depend on which token is forced there, so a token that does come with
        values is forced instead.
        """
        for count in _TOPS_TRIED:
            plain = self.capabilities.plain_id
            tops = await ask_top_tokens(ask, self._call(prompt, token if plain is None else plain, count, repeat))
            found = find_top(tops, lambda top: top.id == token)
            if found is not None:
                return found
        raise CheckFailed(f"Token {token} is not among the {len(tops)} the server lists")
