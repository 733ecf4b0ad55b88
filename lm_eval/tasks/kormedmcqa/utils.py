"""KorMedMCQA: find the letter of the answer in a response."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from lm_eval.api.filter import Filter

# The rules of the paper's Appendix B; the first one that finds a letter decides.
_RULES = tuple(
    re.compile(rule, re.IGNORECASE)
    for rule in (r"정답[:\s]*([ABCDE])", r"정답은\s*([ABCDE])\s*입니다", r"\b([ABCDE])\.", r"\b([ABCDE])\b")
)


def extract_choice(response: str) -> str:
    """Return the letter that a response chooses.

    Args:
        response: Generated text.

    Returns:
        The last letter found by the first rule that finds one; empty if none does.
    """
    found: list[str] = next(filter(None, (rule.findall(response) for rule in _RULES)), [""])
    return found[-1].upper()


class ExtractChoiceFilter(Filter):
    """Replace each response by the letter that it chooses."""

    def apply(self, resps: Iterable[Sequence[str]], docs: Sequence[object]) -> list[list[str]]:
        """Replace each response by the letter that it chooses.

        Args:
            resps: For each document its responses.
            docs: The documents, not used.

        Returns:
            For each document the letters.
        """
        return [[extract_choice(response) for response in responses] for responses in resps]
