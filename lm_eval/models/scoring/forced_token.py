"""Servers without echo that tell the value of a forced next token: one request a token.

llama.cpp gives the log-probability before ``logit_bias`` and temperature, so that a token forced by a bias comes with
its true value. The prefixes grow by one token a request, which the server's prefix cache makes cheap.
"""

from __future__ import annotations

import math

from lm_eval.errors import CheckFailed
from lm_eval.models.logprobs.blocks import choices_of, echoed_block, generated_tops
from lm_eval.models.logprobs.checks import Score, check_tops, total
from lm_eval.models.scoring.base import Pair
from lm_eval.models.scoring.token_ids import IdScorer
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.work import Ask, Call

__all__ = ["ForcedToken"]

_BIAS = 100
_LISTED = (1_000, 1_000_000)


class ForcedToken(IdScorer):
    """Forces each token of the continuation by ``logit_bias`` and reads its log-probability."""

    name = "forced_token"
    summary = "each token forced by logit_bias, one request a token"

    @classmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """See the base class."""
        if capabilities.tokenizer is None:
            return "the server has no /tokenize"
        if capabilities.forced is None:
            return "whether a forced token comes with its own log-probability was not tried"
        return None if capabilities.forced else "a token forced by logit_bias does not come with its own value"

    async def score(self, ask: Ask, pair: Pair) -> Score:
        """Tokenize the pair and force the continuation's tokens one after another."""
        tokens, seam = await self.encode(ask, pair)
        if seam is None:
            seam = await self.seam(ask, pair, tokens, None)
        over = self.cut(tokens)
        return await self.score_ids(ask, tokens.ids[over:], self.start_after_cut(seam, over), pair.slot.repeat)

    async def score_ids(self, ask: Ask, ids: list[int], first: int, repeat: int) -> Score:
        """See the base class."""
        scores = [await self._forced(ask, ids[:place], ids[place], repeat) for place in range(first, len(ids))]
        if not scores:
            raise CheckFailed("No token of the prompt falls into the continuation")
        return Score(math.fsum(score.logprob for score in scores), all(score.greedy for score in scores))

    async def _forced(self, ask: Ask, prompt: list[int], token: int, repeat: int) -> Score:
        reply = await ask(self._call(prompt, token, 1, repeat))
        block = echoed_block(choices_of(reply.body, 1, reply.endpoint)[0], reply.endpoint)
        if not block.tokens:
            return await self._listed(ask, prompt, token, repeat)
        if block.ids is None or block.ids[0] != token:
            got = block.ids[0] if block.ids else block.tokens[0]
            raise CheckFailed(f"Token {token} was forced, but {got!r} came back", endpoint=reply.endpoint)
        return total(block, 0, 1, reply.endpoint)

    def _call(self, prompt: list[int], token: int, most: int, repeat: int) -> Call:
        body = self.settings.body(prompt=prompt, temperature=0, max_tokens=1, logprobs=most)
        body["logit_bias"] = {**body.get("logit_bias", {}), str(token): _BIAS}
        return Call(self.settings.completions_path, body, repeat, len(prompt) + 1)

    async def _listed(self, ask: Ask, prompt: list[int], token: int, repeat: int) -> Score:
        """Look a token up among the alternatives, when it is the first byte of a character and comes without values.

        The alternatives of any other token do: they do not depend on which token is forced. The second list is long
        enough for every vocabulary.
        """
        for most in _LISTED:
            plain = self.capabilities.plain_id
            reply = await ask(self._call(prompt, token if plain is None else plain, most, repeat))
            tops = generated_tops(choices_of(reply.body, 1, reply.endpoint)[0])
            check_tops(tops, reply.endpoint)
            for top in tops:
                if top.id == token:
                    return Score(top.logprob, top.logprob >= tops[0].logprob)
        raise CheckFailed(f"Token {token} is not among the {len(tops)} the server lists", endpoint=reply.endpoint)
