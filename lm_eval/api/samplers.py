"""Where the shots of a prompt are drawn from, and how."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar

from lm_eval.errors import ConfigError, UnknownNameError

__all__ = [
    "SAMPLER_REGISTRY",
    "BalancedSampler",
    "ContextSampler",
    "FirstNSampler",
    "ManualSampler",
    "get_sampler",
]

T = TypeVar("T")
DEFAULT_SEED = 1234


def _too_few(wanted: int, held: int) -> ConfigError:
    return ConfigError(f"{wanted} shots are asked for, but the few-shot pool holds {held} other docs.")


class ContextSampler:
    """Draws shots at random, without replacement, anew for each doc."""

    def __init__(
        self,
        df: Sequence[Any] | None = None,
        *,
        rnd: int | None = None,
        fewshot_indices: list[int] | None = None,
        **kwargs: Any,
    ) -> None:
        """Hold a pool.

        Args:
            df: The pool's docs.
            rnd: The seed.
            fewshot_indices: The only rows that may be drawn.
            **kwargs: For subclasses.
        """
        self.rnd = random.Random(DEFAULT_SEED if rnd is None else rnd)
        self.fewshot_indices = fewshot_indices
        self.df: Sequence[Any] = []
        if df is not None:
            self.replace_df(df)

    def sample(self, n: int, eval_doc: Any = None, df: Sequence[Any] | None = None, **kwargs: Any) -> Sequence[Any]:
        """Draw shots.

        Args:
            n: How many.
            eval_doc: The doc the prompt is for, when the pool may hold it too; it is never drawn then.
            df: Another pool, used from now on.
            **kwargs: For subclasses.

        Returns:
            ``n`` docs, in the order they stand in the prompt.

        Raises:
            ConfigError: The pool holds fewer.
        """
        pool = self._pool(n, df, spare=0 if eval_doc is None else 1)
        # Drawing positions picks what drawing rows would, and reads only the rows that are drawn.
        if eval_doc is None:
            return [pool[i] for i in self.rnd.sample(range(len(pool)), n)]
        drawn = self.rm_eval_doc(eval_doc, [pool[i] for i in self.rnd.sample(range(len(pool)), n + 1)], n)
        if len(drawn) == n:
            return drawn
        # The pool holds the doc more than once, and several of these rows were drawn.
        others = self.rm_eval_doc(eval_doc, pool)
        if n > len(others):
            raise _too_few(n, len(others))
        return self.rnd.sample(others, n)

    def _pool(self, n: int, df: Sequence[Any] | None, spare: int = 0) -> Sequence[Any]:
        """Return the pool, after making sure that it holds enough."""
        if df is not None:
            self.replace_df(df)
        if n < 0:
            raise ConfigError(f"num_fewshot is {n}; it must not be negative.")
        if n + spare > len(self.df):
            raise _too_few(n, len(self.df) - spare)
        return self.df

    def set_rnd(self, rnd: int | None) -> None:
        """Start drawing from a seed.

        Args:
            rnd: The seed.
        """
        self.rnd = random.Random(rnd)

    def replace_df(self, df: Sequence[Any]) -> None:
        """Take another pool.

        Args:
            df: Its docs.
        """
        self.df = df if self.fewshot_indices is None else [df[i] for i in self.fewshot_indices]

    def fewshot_docs(self) -> Sequence[Any]:
        """Return the pool."""
        return self.df

    @staticmethod
    def rm_eval_doc(doc: T, _iter: Iterable[T], n: int | None = None) -> Sequence[T]:
        """Leave out rows equal to a doc.

        Args:
            doc: The doc.
            _iter: Rows.
            n: The most to return; all when None.

        Returns:
            The first ``n`` others.
        """
        return list(islice((row for row in _iter if row != doc), n))


class FirstNSampler(ContextSampler):
    """Takes the pool's first docs, the same for every doc."""

    def sample(self, n: int, eval_doc: Any = None, df: Sequence[Any] | None = None, **kwargs: Any) -> Sequence[Any]:
        """Take the first docs of the pool; see ``ContextSampler.sample``."""
        pool = self._pool(n, df)
        rows = (pool[i] for i in range(len(pool)))
        taken = list(islice(rows, n)) if eval_doc is None else self.rm_eval_doc(eval_doc, rows, n)
        if len(taken) < n:
            raise _too_few(n, len(taken))
        return taken


class BalancedSampler(ContextSampler):
    """A base for samplers that balance the pool's answers; it draws at random until ``sample`` is overridden."""


class ManualSampler(ContextSampler):
    """A base for samplers with shots picked by hand; it draws at random until ``sample`` is overridden."""


SAMPLER_REGISTRY: dict[str, type[ContextSampler]] = {"default": ContextSampler, "first_n": FirstNSampler}


def get_sampler(name: str | type[ContextSampler]) -> type[ContextSampler]:
    """Look a sampler up; a class is returned as it is.

    Args:
        name: ``default``, ``first_n`` or a class.

    Returns:
        The class.

    Raises:
        UnknownNameError: No sampler has that name.
    """
    if not isinstance(name, str):
        return name
    try:
        return SAMPLER_REGISTRY[name]
    except KeyError:
        raise UnknownNameError("few-shot sampler", name, SAMPLER_REGISTRY) from None
