"""Three ways to find the continuation in an echoed prompt."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval.models.logprobs.blocks import Block
from lm_eval.models.logprobs.seams import seam_by_offsets, seam_by_texts
from lm_eval.models.scoring.base import Outcome, Pair, Scorer
from lm_eval.models.scoring.echo import EchoScorer
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.work import Answer, Ask, Slot, Unit

__all__ = ["EchoContext", "EchoOffsets", "EchoTokens"]


class EchoOffsets(EchoScorer):
    """The server's character offsets tell where the continuation starts."""

    name = "echo_offsets"
    summary = "echo, cut at the server's text offsets"

    @classmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """See the base class."""
        reason = super().obstacle(capabilities, settings)
        if reason is None and capabilities.offsets not in ("exact", "shifted"):
            reason = {"none": "the echo has no text_offset"}.get(
                capabilities.offsets, "the echo's text_offset does not point at the tokens' texts"
            )
        return reason

    def find_seam(self, block: Block, count: int, pair: Pair) -> int | None:
        """See the base class."""
        return seam_by_offsets(block, count, pair.context, pair.continuation)


class EchoTokens(EchoScorer):
    """The texts of the tokens, read from the end, tell where the continuation starts."""

    name = "echo_tokens"
    summary = "echo, cut by the texts of the tokens"

    @classmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """See the base class."""
        reason = super().obstacle(capabilities, settings)
        if reason is None and capabilities.texts not in ("exact", "spaceless", "tail"):
            reason = "the texts of the echoed tokens do not make up the prompt"
        return reason

    def find_seam(self, block: Block, count: int, pair: Pair) -> int | None:
        """See the base class."""
        return seam_by_texts(block.tokens[:count], pair.context, pair.continuation)


class EchoContext(EchoScorer):
    """The context alone is tokenized by the server, once for all its continuations."""

    name = "echo_context"
    summary = "echo, cut after the tokens of the context alone"

    def together(self, group: Sequence[Slot], slot: Slot) -> bool:
        """Tell whether a slot joins a group: the continuations of one context."""
        return Scorer.together(self, group, slot)

    async def score_group(self, ask: Ask, slots: Sequence[Slot]) -> Outcome:
        """Score the continuations of one context, up to ``batch_size`` a request."""
        done: list[Answer | Unit] = []
        for start in range(0, len(slots), self.most):
            done.extend(await super().score_group(ask, slots[start : start + self.most]))
        return done

    def find_seam(self, block: Block, count: int, pair: Pair) -> int | None:
        """See the base class."""
        return None
