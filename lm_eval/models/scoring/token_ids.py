"""Prompts as token ids from the server's own tokenizer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import partial

from lm_eval.errors import CheckFailed, WrongTokens
from lm_eval.models.logprobs.blocks import Block, choices_of, read_block
from lm_eval.models.logprobs.checks import LogLikelihood, sum_logprobs
from lm_eval.models.logprobs.seams import common_prefix, seam_by_pieces, seam_by_texts
from lm_eval.models.logprobs.spelling import seam_fits, spells
from lm_eval.models.scoring.base import CERTAIN, Scorer, UnitResult, answer
from lm_eval.models.scoring.pairs import TextPair, scorable_pairs
from lm_eval.models.scoring.planned import PlannedRequests, Sizes, request_for
from lm_eval.models.scoring.rolling import WindowUnit, window_units, windows
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.server.tokenizer import RemoteTokenizer, Tokens
from lm_eval.models.work import Ask, Call, Slot

__all__ = ["IdScorer", "TokenIds"]


class IdScorer(Scorer):
    """Base of the strategies that send token ids: prompts are cut, and windows are built, token by token."""

    @property
    def tokenizer(self) -> RemoteTokenizer:
        """The server's tokenizer; ``obstacle`` has checked that there is one."""
        assert self.capabilities.tokenizer is not None
        return self.capabilities.tokenizer

    @abstractmethod
    async def _score_ids(
        self, ask: Ask, ids: list[int], first: int, repeat: int, text: str, shown: dict[tuple[int, ...], list[str]]
    ) -> LogLikelihood:
        """Score a part of a text: the tokens of a prompt from the index ``first`` on, which is at least 1.

        The texts of the scored tokens are put into ``shown``, under ``first`` and the ids, where the server shows them.
        """

    async def _encode(self, ask: Ask, pair: TextPair) -> tuple[Tokens, int | None]:
        """Tokenize a pair; an empty context is replaced by the prefix token.

        Returns:
            The tokens of both, and the index of the continuation's first one; None when it is still to be found.
        """
        if pair.context:
            return await self.tokenizer.encode(ask, pair.context + pair.continuation, self.settings.special), None
        return Tokens([await self.prefix.id(ask), *await self.prefix.ids_after(ask, pair.continuation)]), 1

    async def _seam(self, ask: Ask, pair: TextPair, tokens: Tokens, texts: Sequence[str] | None) -> int:
        """Find a continuation's first token: by the bytes or texts of the tokens, else by the tokens of the context."""
        found = None
        if tokens.pieces is not None:
            found = seam_by_pieces(tokens.pieces, pair.continuation)
        elif texts is not None:
            found = seam_by_texts(texts, pair.context, pair.continuation)
        if found is not None:
            return found
        context = await self.tokenizer.encode(ask, pair.context, self.settings.special)
        found = common_prefix(context.ids, tokens.ids)
        if texts is not None and self.capabilities.shows_texts and not seam_fits(texts, found, pair.continuation):
            raise WrongTokens("The tokens of the context and those of the prompt do not fit together")
        return found

    def _tokens_to_cut(self, pair: TextPair, tokens: Tokens) -> int:
        """Count the tokens that a prompt must lose on its left to fit; an error with ``truncate=false``."""
        limit = self.max_prompt_tokens
        cut = 0 if limit is None else max(len(tokens.ids) - limit, 0)
        if cut and not self.settings.truncate:
            raise self.too_long(len(tokens.ids), "use fewer shots, or cut on the left with truncate=true")
        if cut:
            self.settings.cuts.add((pair.context, pair.continuation, pair.slot.repeat), cut)
        return cut

    def _seam_after_cut(self, seam: int, cut: int) -> int:
        """Return the seam's index after a cut; an error when no token is left before the continuation."""
        if seam - cut >= 1:
            return seam - cut
        if cut:
            raise self.too_long(None, "the continuation alone is longer than the window")
        raise CheckFailed("The continuation starts at the first token of the prompt, which has no log-probability")

    async def score_document(self, ask: Ask, slots: Sequence[Slot]) -> UnitResult:
        """Cut a text into windows of tokens; each is scored by a unit for itself."""
        slot = slots[0]
        text = slot.instance.args[0]
        if not text:
            return [answer(slot, CERTAIN)]
        return await self._windows(ask, slot, text)

    async def _windows(self, ask: Ask, slot: Slot, text: str) -> Sequence[WindowUnit]:
        prefix, ids = await self.prefix.id(ask), await self.prefix.ids_after(ask, text)
        if not ids:
            raise WrongTokens("The tokenizer's answer has no tokens")
        cuts = windows(len(ids), self._max_predictions() or len(ids))
        shown: dict[tuple[int, ...], list[str]] = {}
        score = partial(self._score_ids, text=text, shown=shown)

        async def again(ask: Ask) -> UnitResult:
            # All answers are forgotten when this unit raises, and asked for again: which of them is wrong is not known.
            units = await self._windows(ask, slot, text)
            if [unit.ids for unit in units] == [unit.ids for unit in built]:
                for unit in built:
                    await score(ask, unit.ids, unit.first, slot.repeat)
                if not spelled():
                    raise WrongTokens("The tokens do not spell the text that /tokenize was asked for")
            return units

        def spelled() -> bool:
            tokens = [token for unit in built for token in shown.get((unit.first, *unit.ids), ())]
            return not shown or spells(tokens, text)

        built = window_units(slot, prefix, ids, cuts, score, again, spelled)
        return built

    def _max_predictions(self) -> int | None:
        """Return the maximum number of tokens that one rolling window predicts; None without a limit.

        A window of ``max_length`` tokens predicts ``max_length - 1``. Where the server's window is the limit, it is one
        token less, because every request also generates one.
        """
        limits = []
        if self.settings.max_length is not None:
            limits.append(self.settings.max_length)
        if self.capabilities.max_length is not None:
            limits.append(self.capabilities.max_length - 1)
        return max(min(limits) - 1, 1) if limits else None


class TokenIds(IdScorer):
    """Sends token ids and reads the log-probabilities of their echo.

    Checked: the echo has as many tokens as were sent, plus at most one that was generated, and they spell the text.
    """

    name = "token_ids"
    summary = "echo of token ids from the server's tokenizer"

    @classmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """Return why token ids cannot be echoed and scored; None when they can."""
        reason = capabilities.echo_obstacle
        if reason is not None:
            return reason
        if capabilities.tokenizer is None:
            return "the server has no /tokenize"
        return None if capabilities.token_ids else "the server does not take token ids as a prompt"

    def planned_group(self, slots: Sequence[Slot], sizes: Sizes) -> Iterator[PlannedRequests]:
        """Plan one request per pair."""
        for pair in scorable_pairs(slots):
            yield request_for([pair])

    async def score(self, ask: Ask, pair: TextPair) -> LogLikelihood:
        """Tokenize the pair, get the values of its tokens, and sum those of the continuation."""
        tokens, seam = await self._encode(ask, pair)
        cut = self._tokens_to_cut(pair, tokens)
        block, endpoint = await self._measure(ask, tokens.ids[cut:], pair.slot.repeat)
        self._check_texts(block, pair.context + pair.continuation, endpoint, "end" if cut else "all")
        if seam is None:
            seam = await self._seam(ask, pair, tokens, None if cut else block.tokens)
        return self._sum(block, self._seam_after_cut(seam, cut), len(tokens.ids) - cut, endpoint)

    async def _score_ids(
        self, ask: Ask, ids: list[int], first: int, repeat: int, text: str, shown: dict[tuple[int, ...], list[str]]
    ) -> LogLikelihood:
        """Score the tokens of a prompt from an index on with one request."""
        block, endpoint = await self._measure(ask, ids, repeat)
        self._check_texts(block, text, endpoint, "any")
        if self.capabilities.shows_texts:
            key = (first, *ids)
            shown[key] = block.tokens[first:]
        return self._sum(block, first, len(ids), endpoint)

    def _sum(self, block: Block, start: int, stop: int, endpoint: str) -> LogLikelihood:
        return sum_logprobs(block, start, stop, endpoint, self.capabilities.own_entries)

    def _check_texts(self, block: Block, text: str, endpoint: str, part: str) -> None:
        """Check that the tokens spell a text, or a part of it; they come from ``/tokenize``, which may be wrong."""
        first = block.tokens[0]
        shown = block.tokens if first and text.startswith(first) else block.tokens[1:]
        # vLLM's prompt_logprobs have no entry for the first token, so that its text is not known.
        part = "end" if not first and part == "all" else part
        if self.capabilities.shows_texts and not spells(shown, text, part):
            raise WrongTokens("The tokens do not spell the text that /tokenize was asked for", endpoint=endpoint)

    async def _measure(self, ask: Ask, ids: list[int], repeat: int) -> tuple[Block, str]:
        """Get the log-probabilities of a prompt; return exactly the prompt's tokens, and the URL that answered."""
        body = self.settings.body(prompt=ids, temperature=0, max_tokens=1, logprobs=1, echo=True)
        reply = await ask(Call(self.settings.completions_path, body, repeat, len(ids) + 1))
        block = read_block(choices_of(reply)[0], reply.endpoint)
        count = len(ids)
        if not 0 <= len(block.tokens) - count <= 1:
            what = f"{count} token ids were sent, {len(block.tokens)} tokens came back"
            raise CheckFailed(what, endpoint=reply.endpoint)
        if block.logprobs[0]:  # Some servers write 0 where others write null.
            raise CheckFailed("The first token has a log-probability, and there is none before it", retryable=True)
        logprobs, tops = block.logprobs[:count], block.tops[:count]
        return Block(block.text, block.tokens[:count], logprobs, tops, listed=block.listed), reply.endpoint
