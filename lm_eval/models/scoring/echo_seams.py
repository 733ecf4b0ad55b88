"""The echo strategies: three ways to find the seam in an echo."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lm_eval.models.logprobs.blocks import Block
from lm_eval.models.logprobs.seams import seam_by_offsets, seam_by_texts
from lm_eval.models.scoring.base import Scorer, UnitResult
from lm_eval.models.scoring.echo import EchoScorer
from lm_eval.models.scoring.pairs import TextPair, scorable_pairs
from lm_eval.models.scoring.planned import PlannedRequests, Sizes, request_for, request_for_context
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.work import Answer, Ask, Slot, Unit

__all__ = ["EchoContext", "EchoOffsets", "EchoTokens"]


class EchoOffsets(EchoScorer):
    """The server's character offsets show where the continuation starts."""

    name = "echo_offsets"
    summary = "echo, cut at the server's text offsets"

    @classmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """Return why the offsets cannot be used; None when they can."""
        reason = super().obstacle(capabilities, settings)
        if reason is not None or capabilities.offsets in ("exact", "shifted"):
            return reason
        if capabilities.offsets == "none":
            return "the echo has no text_offset"
        return "the echo's text_offset does not point at the tokens' texts"

    def find_seam(self, block: Block, count: int, pair: TextPair) -> int | None:
        """Find the seam by offsets."""
        return seam_by_offsets(block, count, pair.context, pair.continuation)


class EchoTokens(EchoScorer):
    """The texts of the tokens, read from the end, show where the continuation starts."""

    name = "echo_tokens"
    summary = "echo, cut by the texts of the tokens"

    @classmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """Return why the texts of tokens cannot be used; None when they can."""
        reason = super().obstacle(capabilities, settings)
        if reason is None and capabilities.texts not in ("exact", "spaceless", "tail"):
            reason = "the texts of the echoed tokens do not make up the prompt"
        return reason

    def find_seam(self, block: Block, count: int, pair: TextPair) -> int | None:
        """Find the seam by the texts of the tokens."""
        return seam_by_texts(block.tokens[:count], pair.context, pair.continuation)


class EchoContext(EchoScorer):
    """The server tokenizes the context alone, once for all its continuations; the next token starts a continuation."""

    name = "echo_context"
    summary = "echo, cut after the tokens of the context alone"

    def find_seam(self, block: Block, count: int, pair: TextPair) -> int | None:
        """Return None: the tokens of the context are always compared."""
        return None

    def joins(self, group: Sequence[Slot], slot: Slot) -> bool:
        """Return whether a slot joins a group: the continuations of one context."""
        return Scorer.joins(self, group, slot)

    async def score_group(self, ask: Ask, slots: Sequence[Slot]) -> UnitResult:
        """Score the continuations of one context, up to ``batch_size`` per request."""
        finished: list[Answer | Unit] = []
        for start in range(0, len(slots), self.batch_size):
            finished.extend(await super().score_group(ask, slots[start : start + self.batch_size]))
        return finished

    def planned_group(self, slots: Sequence[Slot], sizes: Sizes) -> Iterator[PlannedRequests]:
        """Plan the requests of ``score_group``, and an echo of the context where the server has no tokenizer."""
        pairs = scorable_pairs(slots)
        if pairs and self.capabilities.tokenizer is None:
            yield request_for_context(pairs[0])
        for start in range(0, len(pairs), self.batch_size):
            yield request_for(pairs[start : start + self.batch_size])
