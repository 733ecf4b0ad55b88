"""Checks that every answer must pass before its values count."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from lm_eval.errors import CheckFailed
from lm_eval.models.logprobs.blocks import Block, TopToken, reading

__all__ = [
    "ROUNDING",
    "LogLikelihood",
    "check_parsed",
    "check_top_tokens",
    "find_top",
    "max_unlisted",
    "own_entries",
    "sum_logprobs",
]

ROUNDING = 1e-4
"""How far above 0 a log-probability may lie: half precision can round a probability of 1 up by this much."""

_COMPARED = 64
"""How many tokens before a continuation are compared with the likeliest ones."""


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


def own_entries(block: Block, start: int, stop: int) -> str:
    """Find out at which places of an echo the token itself is listed, with its value.

    Args:
        block: The echo.
        start: The index of the first token to look at.
        stop: The index after the last one.

    Returns:
        ``all``: at every place; ``greedy``: at least where it is the likeliest token; ``none``.
    """
    every, greedy = True, True
    for place in range(start, stop):
        entry = block.listed[place] if block.listed is not None else None
        value, top = block.logprobs[place], block.tops[place]
        if value is None or top is None:
            continue
        found = isinstance(entry, Mapping) and entry.get(block.tokens[place]) == value
        every, greedy = every and found, greedy and (found or value < top)
    return "all" if every else "greedy" if greedy else "none"


def _entry_fault(block: Block, place: int, value: float, top: float, own: str) -> str | None:
    """Return what is wrong with a token's entry among those listed at its place; None when nothing is."""
    entry = block.listed[place] if block.listed is not None else None
    if own == "none" or type(entry) is not dict:
        return None
    token = block.tokens[place]
    listed = entry.get(token)
    if listed == value:
        return None
    if listed is None:
        return "is not listed at its place" if own == "all" or value >= top else None
    # Different tokens may have the same text when each holds some bytes of a character.
    return f"has the log-probability {value}, and is listed with {listed}" if token and token.isascii() else None


@reading
def sum_logprobs(block: Block, start: int, stop: int, endpoint: str = "", own: str = "none") -> LogLikelihood:
    """Sum the log-probabilities of consecutive tokens, after checking each of them.

    Args:
        block: The tokens.
        start: The index of the first token.
        stop: The index after the last token.
        endpoint: The URL that answered, for error messages.
        own: Where the server lists the token itself, as ``own_entries`` found. Default ``none``.

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
        if value is None or top is None or not -math.inf < value <= ROUNDING or value > top + ROUNDING:
            fault: str | None = _fault(value, top)
        else:
            fault = _entry_fault(block, place, value, top, own)
            greedy = greedy and value >= top
        if fault is not None:
            what = f"Token {place} of {len(block.tokens)}, {block.tokens[place]!r}, {fault}"
            raise CheckFailed(what, endpoint=endpoint)
    # In a list that is shifted or reversed, some values before the continuation are above those listed, too. Where the
    # entries of the continuation show it, the comparison would only cost time.
    if own != "all":
        before = max(start - _COMPARED, 0)
        for value, top in zip(block.logprobs[before:start], block.tops[before:start], strict=True):
            if value is not None and top is not None and value > top + ROUNDING:
                raise CheckFailed(f"A token before the continuation {_fault(value, top)}", endpoint=endpoint)
    return LogLikelihood(math.fsum(cast("Sequence[float]", values)), greedy)


def _fault(value: float | None, top: float | None) -> str:
    if value is None:
        return "has no log-probability"
    if not math.isfinite(value):
        return f"has the log-probability {value}"
    if value > ROUNDING:
        return f"has a positive log-probability, {value}"
    if top is None:
        return "has no top_logprobs, so is_greedy is unknown"
    return f"has the log-probability {value}, above the likeliest token's {top}"


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
    except (TypeError, ValueError, OverflowError):
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
