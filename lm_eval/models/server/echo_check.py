"""What an echo of a known text shows: whether its tokens, values and offsets can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.models.logprobs.blocks import Block
from lm_eval.models.logprobs.checks import ROUNDING
from lm_eval.models.logprobs.seams import prompt_tokens_of, seam_by_texts, squash

__all__ = ["check_echo"]


def check_echo(block: Block, prompt: str, prompt_tokens: int) -> tuple[int, dict[str, Any]]:
    """Judge an echoed block: its count of tokens, their texts, their offsets, and the values.

    Args:
        block: The echo of ``prompt``.
        prompt: What was sent; it ends in a few plain words.
        prompt_tokens: The prompt's tokens by ``usage``; 0 when it does not tell.

    Returns:
        How many tokens of the prompt the block lists, and findings by the names of ``Capabilities``.
    """
    count = prompt_tokens_of(block, prompt, None) or 0
    tokens = block.tokens[:count]
    tail = " ".join(("", *prompt.split()[-2:]))
    seam = seam_by_texts(tokens, prompt.removesuffix(tail), tail)
    shown = block.logprobs[0] is None and not prompt.startswith(tokens[0])
    rest = tokens[1:] if shown else tokens
    texts = _texts(rest, prompt, seam)
    gap = prompt_tokens - count if prompt_tokens else 0
    if gap not in (0, 1) or (gap and texts == "wrong"):
        return count, {
            "seen": f"the prompt was echoed with log-probabilities of {count} tokens, but usage counts "
            f"{prompt_tokens} and the tokens' texts do not end as the prompt does"
        }
    values = [value for value in block.logprobs[len(tokens) - len(rest) : count] if value is not None]
    if len(values) < len(rest) - 1 or not all(value <= ROUNDING for value in values) or not any(values):
        return count, {"seen": "the prompt was echoed, but its log-probabilities are missing, positive or all zero"}
    return count, {
        "echo": True,
        "seen": "the prompt was echoed with log-probabilities",
        "texts": texts,
        "offsets": _offsets(block, tokens, prompt, shown),
        "bos": "shown" if shown else "hidden" if gap else "absent",
        "usage_gap": gap,
        "bos_text": tokens[0] if shown else None,
        # Some servers write 0 where others write null.
        "first_scored": shown or block.logprobs[0] not in (None, 0),
        "top_logprobs": all(top is not None for top in block.tops[1:count]),
        "completion_logprobs": len(block.tops) > count and block.tops[-1] is not None,
    }


def _texts(tokens: Sequence[str], prompt: str, seam: int | None) -> str:
    joined = "".join(tokens)
    if joined == prompt:
        return "exact"
    if squash(joined) == squash(prompt):
        return "spaceless"
    return "tail" if seam is not None else "wrong"


def _offsets(block: Block, tokens: Sequence[str], prompt: str, shown: bool) -> str:
    if block.offsets is None:
        return "none"
    lead = 1 if shown else 0
    starts, kept = block.offsets[lead : len(tokens)], tokens[lead:]
    if _tells(starts, kept, prompt):
        return "exact"
    shifted = [start - len(tokens[0]) for start in starts]
    return "shifted" if shown and _tells(shifted, kept, prompt) else "wrong"


def _tells(starts: Sequence[int], tokens: Sequence[str], prompt: str) -> bool:
    """Whether the prompt at each offset is the token, for tokens whose text is whole."""
    for start, token in zip(starts, tokens, strict=True):
        whole = token and "\ufffd" not in token and not token.startswith("bytes:")
        if whole and (start < 0 or not prompt.startswith(token, start)):
            return False
    return True
