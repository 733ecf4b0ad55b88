"""Continue a token sequence: greedily, by sampling, with forced or biased tokens, until a stop."""

from __future__ import annotations

import codecs
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lm_eval.mock_server.ngram import Context, NGramModel
from lm_eval.mock_server.tokenizer import Tokenizer

__all__ = ["Generated", "SamplingSettings", "generate"]


_UNSEEDED = random.Random(0)


@dataclass(frozen=True)
class SamplingSettings:
    """How to continue a prompt.

    Attributes:
        max_tokens: The maximum number of tokens to add.
        temperature: 0 always takes the most probable token.
        top_p: Sample from the smallest set of tokens whose total probability is at least this.
        seed: Any text or number; the same seed gives the same tokens.
        stop: Texts that end the answer.
        stop_ids: Tokens that end the answer.
        logit_bias: Added to the log-probability of a token before the choice; reported values do not include it.
        forced: The first tokens of the answer, which are not chosen by the model.
        ignore_eos: Continue after a token of ``stop_ids``.
        keep_stop: Keep the stop text in the answer.
    """

    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: str = ""
    stop: Sequence[str] = ()
    stop_ids: frozenset[int] = frozenset()
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    forced: Sequence[int] = ()
    ignore_eos: bool = False
    keep_stop: bool = False


@dataclass(frozen=True)
class Generated:
    """A continuation.

    Attributes:
        ids: The tokens, including a final end token.
        contexts: The context that each token was drawn from.
        text: The answer without stop text and special tokens.
        finish_reason: ``"stop"`` or ``"length"``.
        stop_reason: The stop text that ended the answer, else None.
    """

    ids: list[int]
    contexts: list[Context]
    text: str
    finish_reason: str
    stop_reason: str | None


def generate(model: NGramModel, tokenizer: Tokenizer, context: Context, settings: SamplingSettings) -> Generated:
    """Continue a prompt.

    Args:
        model: The language model.
        tokenizer: Its tokenizer.
        context: The context at the end of the prompt.
        settings: How to continue.

    Returns:
        The continuation.
    """
    # Seed only if needed: seeding takes longer than a short answer, and most answers are greedy.
    rng = random.Random(settings.seed) if settings.temperature > 0 else _UNSEEDED
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    ids: list[int] = []
    contexts: list[Context] = []
    text = ""
    longest_stop = max(map(len, settings.stop), default=0)
    while len(ids) < settings.max_tokens:
        token = settings.forced[len(ids)] if len(ids) < len(settings.forced) else _choose(context, settings, rng)
        ids.append(token)
        contexts.append(context)
        context = model.step(context, token)
        if token in settings.stop_ids and not settings.ignore_eos:
            return Generated(ids, contexts, text + decoder.decode(b"", True), "stop", None)
        if tokenizer.is_special(token):
            continue
        unsearched = max(0, len(text) - longest_stop + 1)
        text += decoder.decode(tokenizer.token_bytes[token])
        met = _first_stop(text, settings.stop, unsearched)
        if met is not None:
            position, stop = met
            return Generated(ids, contexts, text[: position + len(stop) * settings.keep_stop], "stop", stop)
    return Generated(ids, contexts, text + decoder.decode(b"", True), "length", None)


def _first_stop(text: str, stops: Sequence[str], start: int) -> tuple[int, str] | None:
    matches = [(position, stop) for stop in stops if stop and (position := text.find(stop, start)) >= 0]
    return min(matches, default=None)


def _choose(context: Context, settings: SamplingSettings, rng: random.Random) -> int:
    if settings.temperature <= 0:
        return _best_biased(context, settings.logit_bias) if settings.logit_bias else context.best()
    if settings.temperature <= 1 and settings.top_p >= 1 and not settings.logit_bias:
        return _sample_sharpened(context, settings.temperature, rng)
    return _sample_from_all(context, settings, rng)


def _best_biased(context: Context, bias: Mapping[int, float]) -> int:
    """Choose greedily: only biased tokens and the best token without a bias can be the best."""
    ranked = [(-logprob, token) for token, logprob in context.top(len(bias) + 1) if token not in bias]
    ranked += [(-(context.logprob(token) + value), token) for token, value in bias.items()]
    return min(ranked)[1]


def _sample_sharpened(context: Context, temperature: float, rng: random.Random) -> int:
    """Sample from p^(1/T), T <= 1, without computing the complete distribution.

    Exact rejection sampling: a token drawn from p is kept with probability (p / max p)^(1/T - 1).
    """
    power = 1 / temperature - 1
    highest = context.p(context.best())
    while True:
        token = _draw(context, rng)
        if power == 0 or rng.random() < (context.p(token) / highest) ** power:
            return token


def _draw(context: Context, rng: random.Random) -> int:
    """Draw from p as a mixture: the lower context with weight ``backoff``, else the counts of this context."""
    node = context
    while node.lower is not None:
        mark = rng.random()
        if mark >= node.backoff:
            total = node.backoff
            for token, value in node.probability.items():
                total += value - node.backoff * node.lower.p(token)
                if mark < total:
                    return token
            return node.best()
        node = node.lower
    return rng.choices(range(len(node.probability)), node.distribution())[0]


def _sample_from_all(context: Context, settings: SamplingSettings, rng: random.Random) -> int:
    """Sample by computing the weight of every token."""
    weights = [value ** (1 / settings.temperature) for value in context.distribution()]
    for token, value in settings.logit_bias.items():
        exponent = value / settings.temperature
        weights[token] = 0.0 if exponent < -700 else weights[token] * math.exp(min(exponent, 600.0))
    if settings.top_p >= 1:
        return rng.choices(range(len(weights)), weights)[0]
    left = sum(weights) * settings.top_p
    kept: list[int] = []
    for token in sorted(range(len(weights)), key=lambda token: (-weights[token], token)):
        kept.append(token)
        left -= weights[token]
        if left <= 0:
            break
    return rng.choices(kept, [weights[token] for token in kept])[0]
