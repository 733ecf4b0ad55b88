"""A small n-gram language model with interpolated Witten-Bell smoothing, whose probabilities are exact.

Let c(h) be the number of occurrences of a context h, T(h) the number of different tokens after it, and h' the context
without its first token. Then

    p(w | h) = (c(h, w) + T(h) p(w | h')) / (c(h) + T(h))

(Witten and Bell, 1991; in the interpolated form of Chen and Goodman, 1998). Unigrams are interpolated with the uniform
distribution over the vocabulary. So p is positive for every token, sums to 1 in every context, and depends only on the
last ``order - 1`` tokens.
"""

from __future__ import annotations

import bisect
import functools
import heapq
import math
from collections.abc import Iterable, Sequence

__all__ = ["Context", "NGramModel", "default_model"]

ORDER = 4
_CACHED_STEPS = 500_000


class Context:
    """The distribution of the next token after one context.

    Attributes:
        key: The tokens of the context.
        probability: Token → p(token | context), for the tokens seen after the context; the root has all tokens.
        backoff: The factor of p(token | lower) for a token that was not seen after the context.
        lower: The context without its first token; None for the root.
        after: Token → the context after that token; filled when first asked for.
    """

    __slots__ = ("_best", "_sorted", "_top", "after", "backoff", "key", "lower", "probability")

    def __init__(
        self, key: tuple[int, ...], probability: dict[int, float], backoff: float, lower: Context | None
    ) -> None:
        """Store the tables; values derived from them are computed when first asked for.

        Args:
            key: See the class.
            probability: See the class.
            backoff: See the class.
            lower: See the class.
        """
        self.key, self.probability, self.backoff, self.lower = key, probability, backoff, lower
        self.after: dict[int, Context] = {}
        self._best: int | None = None
        self._top: tuple[int, list[tuple[int, float]]] | None = None
        self._sorted: tuple[list[float], list[float]] | None = None

    def p(self, token: int) -> float:
        """Look up the probability of a token.

        Args:
            token: A token id.

        Returns:
            p(token | context), greater than 0.
        """
        factor = 1.0
        node = self
        while True:
            probability = node.probability.get(token)
            if probability is not None:
                return factor * probability
            if node.lower is None:
                raise KeyError(f"token id {token} is not in the vocabulary")
            factor *= node.backoff
            node = node.lower

    def logprob(self, token: int) -> float:
        """Look up the log-probability of a token.

        Args:
            token: A token id.

        Returns:
            ln p(token | context), in nats.
        """
        return math.log(self.p(token))

    def best(self) -> int:
        """Find the most probable token; the lowest id wins a tie.

        Returns:
            The id.
        """
        if self._best is None:
            # Tokens not seen here have the same order as in the lower context, so only the best of that one can win.
            candidates = list(self.probability)
            if self.lower is not None:
                candidates.append(self.lower.best())
            self._best = min(candidates, key=lambda token: (-self.p(token), token))
        return self._best

    def top(self, k: int) -> list[tuple[int, float]]:
        """List the most probable tokens.

        Args:
            k: The maximum number of tokens.

        Returns:
            Up to ``k`` pairs of id and log-probability, the most probable first, ties by id.
        """
        if self._top is None or self._top[0] < k:
            candidates = set(self.probability)
            if self.lower is not None:
                candidates.update(token for token, _ in self.lower.top(k))
            ranked = heapq.nsmallest(k, ((-self.p(token), token) for token in candidates))
            self._top = (k, [(token, math.log(-negative)) for negative, token in ranked])
        return self._top[1][:k]

    def rank(self, token: int) -> int:
        """Compute the rank of a token by probability: 1 for the most probable.

        Args:
            token: A token id.

        Returns:
            1 + the number of tokens that are more probable.
        """
        return 1 + self._count_above(self.p(token) * (1 + 1e-12))

    def distribution(self) -> list[float]:
        """Compute the complete distribution.

        Returns:
            p(token | context) by token id; sums to 1.
        """
        if self.lower is None:
            return [self.probability[token] for token in range(len(self.probability))]
        values = [self.backoff * value for value in self.lower.distribution()]
        for token, value in self.probability.items():
            values[token] = value
        return values

    def _count_above(self, threshold: float) -> int:
        """Count the tokens with p > threshold: those seen here, plus those of the lower context not seen here."""
        if self._sorted is None:
            lower_values = [] if self.lower is None else sorted(self.lower.p(token) for token in self.probability)
            self._sorted = (sorted(self.probability.values()), lower_values)
        here, seen_below = self._sorted
        count = len(here) - bisect.bisect_right(here, threshold)
        if self.lower is not None:
            raised = threshold / self.backoff
            seen = len(seen_below) - bisect.bisect_right(seen_below, raised)
            count += self.lower._count_above(raised) - seen
        return count


class NGramModel:
    """The trained model.

    Attributes:
        order: The n of the n-grams; the next token depends on the last ``order - 1`` tokens.
        vocab_size: The number of tokens.
        root: The empty context.
    """

    def __init__(self, sequences: Iterable[Sequence[int]], vocab_size: int, order: int = ORDER) -> None:
        """Count the n-grams and compute their probabilities.

        Args:
            sequences: Training documents as token ids, with ``<s>`` and ``</s>`` where they belong.
            vocab_size: The number of tokens.
            order: The n of the n-grams.
        """
        self.order, self.vocab_size = order, vocab_size
        counts: list[dict[tuple[int, ...], dict[int, int]]] = [{} for _ in range(order)]
        for ids in sequences:
            for index, token in enumerate(ids):
                for length in range(min(order - 1, index) + 1):
                    after = counts[length].setdefault(tuple(ids[index - length : index]), {})
                    after[token] = after.get(token, 0) + 1
        self.root = _unigrams(counts[0].get((), {}), vocab_size)
        self._contexts: dict[tuple[int, ...], Context] = {(): self.root}
        self._steps = 0
        for table in counts[1:]:
            for context, after in table.items():
                # The shorter context exists: a context that was seen was also seen without its first token.
                self._contexts[context] = _interpolate(context, after, self._contexts[context[1:]])

    def context(self, ids: Sequence[int]) -> Context:
        """Find the longest known context at the end of a token sequence.

        Args:
            ids: All tokens so far, or at least the last ``order - 1`` of them.

        Returns:
            The context that predicts the next token.
        """
        return self._longest(tuple(ids[1 - self.order :]))

    def step(self, context: Context, token: int) -> Context:
        """Move on by one token.

        Args:
            context: The context before the token.
            token: The token.

        Returns:
            The context after the token.
        """
        following = context.after.get(token)
        if following is None:
            # An unknown context stays unknown when a token is appended, so the known part of the past is enough.
            following = self._longest((*context.key, token)[1 - self.order :])
            if self._steps >= _CACHED_STEPS:
                for known in self._contexts.values():
                    known.after.clear()
                self._steps = 0
            context.after[token] = following
            self._steps += 1
        return following

    def walk(self, ids: Sequence[int]) -> list[Context]:
        """List the context before each token, and the context after the last one.

        Args:
            ids: A token sequence.

        Returns:
            ``len(ids) + 1`` contexts; the first is the root.
        """
        node = self.root
        contexts = [node]
        for token in ids:
            node = node.after.get(token) or self.step(node, token)
            contexts.append(node)
        return contexts

    def _longest(self, key: tuple[int, ...]) -> Context:
        context = self._contexts.get(key)
        while context is None:
            key = key[1:]
            context = self._contexts.get(key)
        return context


def _unigrams(counts: dict[int, int], vocab_size: int) -> Context:
    total, different = sum(counts.values()), len(counts) or 1
    share = different / vocab_size
    probability = {token: (counts.get(token, 0) + share) / (total + different) for token in range(vocab_size)}
    return Context((), probability, 1.0, None)


def _interpolate(key: tuple[int, ...], counts: dict[int, int], lower: Context) -> Context:
    total, different = sum(counts.values()), len(counts)
    probability = {token: (count + different * lower.p(token)) / (total + different) for token, count in counts.items()}
    return Context(key, probability, different / (total + different), lower)


@functools.lru_cache(maxsize=1)
def default_model() -> NGramModel:
    """Train the model on the text that comes with the package; the result is cached.

    Returns:
        The model that all mock servers share.
    """
    from lm_eval.mock_server.corpus import documents
    from lm_eval.mock_server.tokenizer import default_tokenizer

    tokenizer = default_tokenizer()
    sequences = [[tokenizer.bos_id, *tokenizer.encode(document), tokenizer.eos_id] for document in documents()]
    return NGramModel(sequences, tokenizer.vocab_size)
