"""The context and continuation of a request, as strategies use them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from lm_eval.errors import CheckFailed
from lm_eval.models.logprobs.seams import split_pair
from lm_eval.models.work import Slot

__all__ = ["TextPair", "scorable_pairs"]


class TextPair(NamedTuple):
    """The context and continuation of a slot; white space at the seam is part of the continuation."""

    slot: Slot
    context: str
    continuation: str

    @classmethod
    def of(cls, slot: Slot) -> TextPair:
        """Take the pair from a slot's arguments.

        Args:
            slot: A slot of a ``loglikelihood`` Instance.

        Returns:
            The pair.

        Raises:
            CheckFailed: The arguments are not two texts.
        """
        context, continuation = slot.instance.args[:2]
        if not isinstance(context, str) or not isinstance(continuation, str):
            raise CheckFailed("A completions endpoint scores text, not messages; leave the chat template off")
        return cls(slot, *split_pair(context, continuation))


def scorable_pairs(slots: Iterable[Slot]) -> list[TextPair]:
    """Return the pairs that need a request: those of two texts whose continuation is not empty.

    Args:
        slots: Slots of ``loglikelihood`` Instances.
    """
    texts = (slot for slot in slots if all(isinstance(text, str) for text in slot.instance.args[:2]))
    return [pair for pair in map(TextPair.of, texts) if pair.continuation]
