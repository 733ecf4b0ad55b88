"""Prompts as token ids from the server's own tokenizer, and what other strategies share with that."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Sequence

from lm_eval.errors import CheckFailed, ContextLengthExceeded
from lm_eval.models.logprobs.blocks import Block, choices_of, echoed_block
from lm_eval.models.logprobs.checks import Score, total
from lm_eval.models.logprobs.seams import common_prefix, seam_by_pieces, seam_by_texts, windows
from lm_eval.models.scoring.base import Outcome, Pair, Scorer, answer
from lm_eval.models.scoring.prefix import NO_PREFIX, bare_ids, prefix_id, prefix_known
from lm_eval.models.scoring.rolling import window_units
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.server.tokenizer import RemoteTokenizer, Tokens
from lm_eval.models.work import Ask, Call, Slot

__all__ = ["IdScorer", "TokenIds", "too_long"]

eval_logger = logging.getLogger("lm_eval")


def too_long(length: int | None, limit: int | None, advice: str) -> ContextLengthExceeded:
    """Make the error of a prompt that does not fit.

    Args:
        length: The prompt's tokens, where known.
        limit: The most tokens a prompt may have.
        advice: What to do about it.

    Returns:
        The error.
    """
    what = f"A prompt of {length} tokens" if length is not None else "The prompt"
    return ContextLengthExceeded(
        f"{what} does not fit: at most {limit} tokens, as one is kept for the generated token", advice=advice
    )


class IdScorer(Scorer):
    """Base of the strategies that send token ids: pairs are cut and windows are made of tokens."""

    _warned = False

    def refuses(self, request_type: str) -> str | None:
        """See the base class."""
        whole = request_type == "loglikelihood_rolling"
        return NO_PREFIX if whole and not prefix_known(self.capabilities, self.settings) else None

    @property
    def tokenizer(self) -> RemoteTokenizer:
        """The server's tokenizer, which ``obstacle`` has made sure of."""
        assert self.capabilities.tokenizer is not None
        return self.capabilities.tokenizer

    @abstractmethod
    async def score_ids(self, ask: Ask, ids: list[int], first: int, repeat: int) -> Score:
        """Score the tokens of a prompt from a place on.

        Args:
            ask: Sends calls.
            ids: The prompt.
            first: The first token that counts, at least 1.
            repeat: Which repeat of the same request this is.

        Returns:
            The score.
        """

    async def encode(self, ask: Ask, pair: Pair) -> tuple[Tokens, int | None]:
        """Tokenize a pair.

        Args:
            ask: Sends calls.
            pair: Context and continuation.

        Returns:
            The tokens of both, and the continuation's first one, None when it is still to be found.
        """
        if pair.context:
            return await self.tokenizer.encode(ask, pair.context + pair.continuation, self.settings.special), None
        prefix = await prefix_id(ask, self.capabilities, self.settings, self.tokenizer)
        ids = await bare_ids(ask, self.capabilities, self.tokenizer, pair.continuation)
        return Tokens([prefix, *ids]), 1

    async def seam(self, ask: Ask, pair: Pair, tokens: Tokens, texts: Sequence[str] | None) -> int:
        """Find a continuation's first token, by the texts of the tokens or else by the tokens of the context.

        Args:
            ask: Sends calls.
            pair: Context and continuation.
            tokens: The tokens of both.
            texts: The text of each, where the server told.

        Returns:
            The index.
        """
        found = None
        if tokens.pieces is not None:
            found = seam_by_pieces(tokens.pieces, pair.continuation)
        elif texts is not None:
            found = seam_by_texts(texts, pair.context, pair.continuation)
        if found is not None:
            return found
        context = await self.tokenizer.encode(ask, pair.context, self.settings.special)
        return common_prefix(context.ids, tokens.ids)

    def cut(self, tokens: Tokens) -> int:
        """Count the tokens a prompt loses on its left.

        Args:
            tokens: The prompt's tokens.

        Returns:
            How many are too many.

        Raises:
            ContextLengthExceeded: There are too many, and cutting was not asked for.
        """
        limit = self.prompt_limit
        over = 0 if limit is None else max(len(tokens.ids) - limit, 0)
        if over and not self.settings.truncate:
            raise too_long(len(tokens.ids), limit, "use fewer shots, or cut on the left with truncate=true")
        if over and not self._warned:
            self._warned = True
            eval_logger.warning("Prompts longer than %s tokens are cut on the left (truncate=true).", limit)
        return over

    def start_after_cut(self, seam: int, over: int) -> int:
        """Move a seam by what was cut.

        Args:
            seam: The continuation's first token before the cut.
            over: How many tokens were cut.

        Returns:
            Its place after the cut.

        Raises:
            ContextLengthExceeded: The cut leaves the continuation without a token before it.
        """
        if seam - over < 1:
            if over:
                raise too_long(None, self.prompt_limit, "the continuation alone is longer than the window")
            raise CheckFailed("The continuation starts at the first token of the prompt, which has no log-probability")
        return seam - over

    async def score_document(self, ask: Ask, slots: Sequence[Slot]) -> Outcome:
        """Cut a text in windows of tokens and score each by a unit of its own."""
        slot = slots[0]
        text = slot.instance.args[0]
        if not text:
            return [answer(slot, Score(0.0, True))]
        prefix = await prefix_id(ask, self.capabilities, self.settings, self.tokenizer)
        ids = await bare_ids(ask, self.capabilities, self.tokenizer, text)
        most = self.most_predictions
        return window_units(slot, prefix, ids, windows(len(ids), most or max(len(ids), 1)), self.score_ids)

    @property
    def most_predictions(self) -> int | None:
        """The most tokens one rolling window predicts.

        A window of ``max_length`` tokens predicts ``max_length - 1``. Where ``max_length`` is all the server has, one
        token less, because every request also generates one.
        """
        limits = []
        if self.settings.max_length is not None:
            limits.append(self.settings.max_length)
        if self.capabilities.max_length is not None:
            limits.append(self.capabilities.max_length - 1)
        return max(min(limits) - 1, 1) if limits else None


class TokenIds(IdScorer):
    """The server tokenizes, the prompt goes out as token ids and is echoed."""

    name = "token_ids"
    summary = "echo of token ids from the server's tokenizer"

    @classmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """See the base class."""
        if not capabilities.echo:
            return capabilities.seen or "the server does not echo prompts with log-probabilities"
        if capabilities.tokenizer is None:
            return "the server has no /tokenize"
        if not capabilities.token_ids:
            return "the server does not take token ids as a prompt"
        return None if capabilities.top_logprobs else "the server lists no top_logprobs, so is_greedy cannot be told"

    async def score(self, ask: Ask, pair: Pair) -> Score:
        """Tokenize the pair, echo its tokens, and sum those of the continuation."""
        tokens, seam = await self.encode(ask, pair)
        over = self.cut(tokens)
        block, endpoint = await self.measure(ask, tokens.ids[over:], pair.slot.repeat)
        if seam is None:
            seam = await self.seam(ask, pair, tokens, None if over else block.tokens)
        return total(block, self.start_after_cut(seam, over), len(tokens.ids) - over, endpoint)

    async def score_ids(self, ask: Ask, ids: list[int], first: int, repeat: int) -> Score:
        """See the base class."""
        block, endpoint = await self.measure(ask, ids, repeat)
        return total(block, first, len(ids), endpoint)

    async def measure(self, ask: Ask, ids: list[int], repeat: int) -> tuple[Block, str]:
        """Get the log-probabilities of a prompt's tokens.

        Args:
            ask: Sends calls.
            ids: The prompt.
            repeat: Which repeat of the same request this is.

        Returns:
            A block with exactly the prompt's tokens, and who answered.

        Raises:
            CheckFailed: The answer has another number of tokens.
        """
        body = self.settings.body(prompt=ids, temperature=0, max_tokens=1, logprobs=1, echo=True)
        reply = await ask(Call(self.settings.completions_path, body, repeat, len(ids) + 1))
        block = echoed_block(choices_of(reply.body, 1, reply.endpoint)[0], reply.endpoint)
        if not 0 <= len(block.tokens) - len(ids) <= 1:
            what = f"{len(ids)} token ids were sent, {len(block.tokens)} tokens came back"
            raise CheckFailed(what, endpoint=reply.endpoint)
        kept = len(ids)
        return Block(block.text, block.tokens[:kept], block.logprobs[:kept], block.tops[:kept]), reply.endpoint
