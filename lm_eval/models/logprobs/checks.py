"""What every answer must satisfy before its numbers count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from lm_eval.errors import CheckFailed
from lm_eval.models.logprobs.blocks import Block, Top

__all__ = ["ROUNDING", "Score", "check_tops", "score_of", "total"]

ROUNDING = 1e-4
"""How far above 0 a log-probability may lie: what half precision makes of a probability of 1."""


class Score(NamedTuple):
    """The value of a continuation.

    Attributes:
        logprob: Its log-likelihood in nats.
        greedy: Whether every one of its tokens is the likeliest at its place.
        approximate: Whether ``logprob`` is only an upper bound.
    """

    logprob: float
    greedy: bool
    approximate: bool = False


def total(block: Block, start: int, stop: int, endpoint: str = "") -> Score:
    """Sum the log-probabilities of a run of tokens, each of them checked.

    Args:
        block: The tokens.
        start: The first token of the continuation.
        stop: The place after its last token.
        endpoint: Who answered, for messages.

    Returns:
        Their score.

    Raises:
        CheckFailed: There is no token, or a value that no log-probability can have.
    """
    values, tops = block.logprobs[start:stop], block.tops[start:stop]
    if not values:
        raise CheckFailed("No token of the answer falls into the continuation", endpoint=endpoint)
    greedy = True
    for place, (value, top) in enumerate(zip(values, tops, strict=True), start):
        if value is None or top is None or not -math.inf < value <= ROUNDING:
            raise _failed(block, place, _fault(value), endpoint)
        greedy = greedy and value >= top
    return Score(math.fsum(cast("Sequence[float]", values)), greedy)


def _fault(value: float | None) -> str:
    if value is None:
        return "has no log-probability"
    if not math.isfinite(value):
        return f"has the log-probability {value}"
    if value > ROUNDING:
        return f"has a positive log-probability, {value}"
    return "has no top_logprobs, so is_greedy cannot be told"


def _failed(block: Block, place: int, what: str, endpoint: str) -> CheckFailed:
    return CheckFailed(f"Token {place} of {len(block.tokens)}, {block.tokens[place]!r}, {what}", endpoint=endpoint)


def score_of(value: Any, endpoint: str = "") -> Score:
    """Check a value that a model's own code has read.

    Args:
        value: What should be a log-likelihood and whether it is the greedy one.
        endpoint: Who answered, for messages.

    Returns:
        The same as a score.

    Raises:
        CheckFailed: It is not such a pair, or a value that no log-likelihood can have.
    """
    try:
        logprob, greedy = value
        number = float(logprob)
    except (TypeError, ValueError):
        what = f"parse_logprobs returned {value!r}, not a log-likelihood and whether it is greedy"
        raise CheckFailed(what, endpoint=endpoint) from None
    if not math.isfinite(number) or number > ROUNDING:
        raise CheckFailed(f"parse_logprobs returned the log-likelihood {logprob}", endpoint=endpoint)
    return Score(number, bool(greedy))


def check_tops(tops: Sequence[Top], endpoint: str) -> None:
    """Check a list of alternatives.

    Args:
        tops: The alternatives.
        endpoint: Who answered, for messages.

    Raises:
        CheckFailed: There are none, or their values are no log-probabilities.
    """
    if not tops:
        raise CheckFailed("The answer lists no alternatives for the next token", endpoint=endpoint)
    for top in tops:
        if math.isnan(top.logprob) or top.logprob > ROUNDING:
            raise CheckFailed(f"Token {top.token!r} has the log-probability {top.logprob}", endpoint=endpoint)
    mass = math.fsum(math.exp(top.logprob) for top in tops)
    if mass > 1.01:
        raise CheckFailed(f"The listed tokens have a probability of {mass:.3f} together", endpoint=endpoint)
