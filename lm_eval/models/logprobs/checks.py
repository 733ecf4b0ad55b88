"""Checks that every answer must pass before its values count."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

from lm_eval.errors import CheckFailed
from lm_eval.models.logprobs.blocks import Block, TopToken, reading

__all__ = ["ROUNDING", "LogLikelihood", "check_parsed", "check_top_tokens", "find_top", "max_unlisted", "sum_logprobs"]

ROUNDING = 1e-4
"""How far above 0 a log-probability may lie: half precision can round a probability of 1 up by this much."""


class LogLikelihood(NamedTuple):
    """The log-likelihood of a continuation.

    Attributes:
        logprob: The sum of its tokens' log-probabilities, in nats.
        greedy: Whether each of its tokens is the likeliest at its place.
        approximate: Whether ``logprob`` is only an upper bound.
    """

    logprob: float
    greedy: bool
    approximate: bool = False


@reading
def sum_logprobs(block: Block, start: int, stop: int, endpoint: str = "") -> LogLikelihood:
    """Sum the log-probabilities of consecutive tokens, after checking each of them.

    Args:
        block: The tokens.
        start: The index of the first token.
        stop: The index after the last token.
        endpoint: The URL that answered, for error messages.

    Returns:
        Their log-likelihood.

    Raises:
        CheckFailed: There is no token, or one has a value that no log-probability can have.
    """
    values, tops = block.logprobs[start:stop], block.tops[start:stop]
    if not values:
        raise CheckFailed("No token of the answer falls into the continuation", endpoint=endpoint)
    greedy = True
    for place, (value, top) in enumerate(zip(values, tops, strict=True), start):
        if value is None or top is None or not -math.inf < value <= ROUNDING:
            what = f"Token {place} of {len(block.tokens)}, {block.tokens[place]!r}, {_fault(value)}"
            raise CheckFailed(what, endpoint=endpoint)
        greedy = greedy and value >= top
    return LogLikelihood(math.fsum(cast("Sequence[float]", values)), greedy)


def _fault(value: float | None) -> str:
    if value is None:
        return "has no log-probability"
    if not math.isfinite(value):
        return f"has the log-probability {value}"
    if value > ROUNDING:
        return f"has a positive log-probability, {value}"
    return "has no top_logprobs, so is_greedy is unknown"


def check_parsed(value: Any, endpoint: str = "") -> LogLikelihood:
    """Check a value that a model class's ``parse_logprobs`` returned for one prompt.

    Args:
        value: A pair of a log-likelihood and whether the continuation is greedy, if it is right.
        endpoint: The URL that answered, for error messages.

    Returns:
        The pair as a log-likelihood.

    Raises:
        CheckFailed: The value is no such pair, or no log-likelihood can have it.
    """
    try:
        logprob, greedy = value
        number = float(logprob)
    except (TypeError, ValueError):
        what = f"parse_logprobs returned {value!r}, not a log-likelihood and whether it is greedy"
        raise CheckFailed(what, endpoint=endpoint) from None
    if not math.isfinite(number) or number > ROUNDING:
        raise CheckFailed(f"parse_logprobs returned the log-likelihood {logprob}", endpoint=endpoint)
    return LogLikelihood(number, bool(greedy))


def find_top(tops: Sequence[TopToken], matches: Callable[[TopToken], bool]) -> LogLikelihood | None:
    """Return the log-likelihood of the first top token that matches; None when none does.

    Args:
        tops: The top tokens, likeliest first.
        matches: Whether a token is the one that is looked for.
    """
    found = next(filter(matches, tops), None)
    return LogLikelihood(found.logprob, found.logprob >= tops[0].logprob) if found is not None else None


def max_unlisted(tops: Sequence[TopToken]) -> float:
    """Return the highest log-probability that a token can have which is not listed at a place.

    It is at most the lowest of the listed alternatives, and at most what the listed tokens leave of the probability 1.

    Args:
        tops: The top tokens of the place, checked.
    """
    left = 1 - math.fsum(math.exp(top.logprob) for top in tops)
    # The listed values are rounded, so that the rest is not known to be less than this.
    return min([math.log(max(left, ROUNDING)), *(top.logprob for top in tops if top.ranked)])


def check_top_tokens(tops: Sequence[TopToken], endpoint: str) -> None:
    """Check the top tokens of one place: there are some, and their probabilities sum to at most 1.

    Args:
        tops: The top tokens.
        endpoint: The URL that answered, for error messages.

    Raises:
        CheckFailed: There are none, or their values cannot be log-probabilities.
    """
    if not tops:
        raise CheckFailed("The answer lists no alternatives for the next token", endpoint=endpoint)
    for top in tops:
        if not -math.inf < top.logprob <= ROUNDING:
            raise CheckFailed(f"Token {top.token!r} has the log-probability {top.logprob}", endpoint=endpoint)
    mass = math.fsum(math.exp(top.logprob) for top in tops)
    if mass > 1.01:
        raise CheckFailed(f"The listed tokens have a probability of {mass:.3f} together", endpoint=endpoint)
