"""What an echo of a known text shows: whether its tokens, values and offsets can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lm_eval.models.logprobs.blocks import Block
from lm_eval.models.logprobs.checks import ROUNDING, own_entries
from lm_eval.models.logprobs.seams import prompt_tokens_of, seam_by_texts, without_spaces
from lm_eval.models.server.capabilities import Capabilities

__all__ = ["check_echo"]


def check_echo(known: Capabilities, block: Block, prompt: str, prompt_tokens: int) -> tuple[Capabilities, int]:
    """Check the echo of a known text: the number of tokens, their texts, offsets and values.

    Args:
        known: The findings so far.
        block: The echo of ``prompt``; it has at least one token.
        prompt: What was sent; it ends in a few words of plain letters.
        prompt_tokens: The number of prompt tokens in ``usage``; 0 when ``usage`` does not say.

    Returns:
        The findings with those of the echo, and the number of prompt tokens that the block lists.
    """
    count = prompt_tokens_of(block, prompt, None) or 0
    tokens = block.tokens[:count]
    tail = " ".join(("", *prompt.split()[-2:]))
    seam = seam_by_texts(tokens, prompt.removesuffix(tail), tail)
    # A token of the prompt is no BOS token, even if the echo lists it in the wrong place.
    bos_shown = block.logprobs[0] is None and tokens[0].strip() not in prompt
    first = 1 if bos_shown else 0
    texts = _texts(tokens[first:], prompt, seam)
    gap = prompt_tokens - count if prompt_tokens else 0
    if gap not in (0, 1) or (gap and texts == "wrong"):
        seen = (
            f"the prompt was echoed with log-probabilities of {count} tokens, but usage counts {prompt_tokens} and the "
            "tokens' texts do not end as the prompt does"
        )
        return replace(known, seen=seen), count
    values = [value for value in block.logprobs[first:count] if value is not None]
    if len(values) < count - first - 1 or not all(value <= ROUNDING for value in values) or not any(values):
        seen = "the prompt was echoed, but its log-probabilities are missing, positive or all zero"
        return replace(known, seen=seen), count
    return replace(
        known,
        echo=True,
        seen="the prompt was echoed with log-probabilities",
        texts=texts,
        offsets=_offsets(block, tokens, prompt, bos_shown),
        bos="shown" if bos_shown else "hidden" if gap else "absent",
        usage_gap=gap,
        bos_text=tokens[0] if bos_shown else None,
        # Some servers write 0 where others write null.
        first_scored=bos_shown or block.logprobs[0] not in (None, 0),
        top_logprobs=all(top is not None for top in block.tops[1:count]),
        # Without white space, different tokens have the same text, and their entries are one.
        own_entries=own_entries(block, first, count) if texts != "spaceless" else "none",
        completion_logprobs=len(block.tops) > count and block.tops[-1] is not None,
    ), count


def _texts(tokens: Sequence[str], prompt: str, seam: int | None) -> str:
    joined = "".join(tokens)
    if joined == prompt:
        return "exact"
    if without_spaces(joined) == without_spaces(prompt):
        return "spaceless"
    return "tail" if seam is not None else "wrong"


def _offsets(block: Block, tokens: Sequence[str], prompt: str, bos_shown: bool) -> str:
    if block.offsets is None:
        return "none"
    first = 1 if bos_shown else 0
    starts, kept = block.offsets[first : len(tokens)], tokens[first:]
    if _point_at_tokens(starts, kept, prompt):
        return "exact"
    shifted = [start - len(tokens[0]) for start in starts]
    return "shifted" if bos_shown and _point_at_tokens(shifted, kept, prompt) else "wrong"


def _point_at_tokens(starts: Sequence[int], tokens: Sequence[str], prompt: str) -> bool:
    """Return whether each token stands in the prompt at its offset; tokens with parts of characters are skipped."""
    for start, token in zip(starts, tokens, strict=True):
        complete = token and "\ufffd" not in token and not token.startswith("bytes:")
        if complete and (start < 0 or not prompt.startswith(token, start)):
            return False
    return True
