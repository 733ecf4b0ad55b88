"""Samplers draw the few-shot examples of a prompt from a pool of documents."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

from lm_eval.api.instance import Doc
from lm_eval.errors import ConfigError, UnknownNameError
from lm_eval.text import count_of

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "DEFAULT_SEED",
    "SAMPLER_REGISTRY",
    "BalancedSampler",
    "ContextSampler",
    "FirstNSampler",
    "ManualSampler",
    "get_sampler",
]

T = TypeVar("T")
D = TypeVar("D")
DEFAULT_SEED = 1234


class _ShotsError(ConfigError, AssertionError):
    """A number of shots that the pool cannot give; the reference harness asserts it."""


def _too_few(wanted: int, available: int) -> ConfigError:
    if not available:
        return _ShotsError(f"{wanted} shots are asked for, but there are no documents available in the few-shot pool.")
    others = count_of(available, "other doc")
    return _ShotsError(f"The number of shots, {wanted}, exceeds the {others} of the few-shot pool.")


class ContextSampler(Generic[D]):
    """Draws few-shot examples at random, without replacement, separately for each document."""

    def __init__(
        self,
        df: Sequence[D] | None = None,
        *,
        rnd: int | None = None,
        fewshot_indices: list[int] | None = None,
        **kwargs: object,
    ) -> None:
        """Set the pool.

        Args:
            df: The documents of the pool.
            rnd: The seed; None takes 1234.
            fewshot_indices: Indices of the only rows that may be drawn; None allows all.
            **kwargs: Ignored; for subclasses.
        """
        self.rnd = random.Random(DEFAULT_SEED if rnd is None else rnd)
        self.fewshot_indices = fewshot_indices
        self.df: Sequence[D] = []
        if df is not None:
            self.replace_df(df)

    def sample(self, n: int, eval_doc: D | None = None, df: Sequence[D] | None = None, **kwargs: object) -> Sequence[D]:
        """Draw few-shot examples.

        Args:
            n: Number of examples.
            eval_doc: The document that is asked about, when the pool may hold it; it is never drawn.
            df: Another pool, which replaces the present one.
            **kwargs: Ignored; for subclasses.

        Returns:
            ``n`` documents, in the order of the prompt.

        Raises:
            ConfigError: The pool holds fewer documents.
        """
        pool = self._pool(n, df, spare=0 if eval_doc is None else 1)
        # Drawing indices gives the same rows as drawing rows, and reads only the drawn rows of the dataset.
        if eval_doc is None:
            return [pool[i] for i in self.rnd.sample(range(len(pool)), n)]
        drawn = self.rm_eval_doc(eval_doc, [pool[i] for i in self.rnd.sample(range(len(pool)), n + 1)], n)
        if len(drawn) == n:
            return drawn
        # The pool holds the document more than once, and several of these rows were drawn.
        others = self.rm_eval_doc(eval_doc, pool)
        if n > len(others):
            raise _too_few(n, len(others))
        return self.rnd.sample(others, n)

    def _pool(self, n: int, df: Sequence[D] | None, spare: int = 0) -> Sequence[D]:
        """Return the pool, after a check that it holds enough documents."""
        if df is not None:
            self.replace_df(df)
        if n < 0:
            raise _ShotsError(f"num_fewshot is {n}; it must be >=0.")
        if n + spare > len(self.df):
            raise _too_few(n, len(self.df) - spare)
        return self.df

    def set_rnd(self, rnd: int | None) -> Self:
        """Restart the random draws.

        Args:
            rnd: The seed.

        Returns:
            The sampler.
        """
        self.rnd = random.Random(rnd)
        return self

    def replace_df(self, df: Sequence[D]) -> Self:
        """Replace the pool.

        Args:
            df: The documents of the new pool.

        Returns:
            The sampler.
        """
        self.df = df if self.fewshot_indices is None else [df[i] for i in self.fewshot_indices]
        return self

    def fewshot_docs(self) -> Sequence[D]:
        """Return the pool."""
        return self.df

    @staticmethod
    def rm_eval_doc(doc: T, _iter: Iterable[T], n: int | None = None) -> Sequence[T]:
        """Return the rows that differ from a document.

        Args:
            doc: The document.
            _iter: The rows.
            n: Maximum number of rows to return; None returns all.
        """
        return list(islice((row for row in _iter if row != doc), n))


class FirstNSampler(ContextSampler[D]):
    """Takes the first documents of the pool, the same for every document."""

    def sample(self, n: int, eval_doc: D | None = None, df: Sequence[D] | None = None, **kwargs: object) -> Sequence[D]:
        """Take the first documents of the pool; the arguments are those of ``ContextSampler.sample``."""
        pool = self._pool(n, df)
        rows = (pool[i] for i in range(len(pool)))
        taken = list(islice(rows, n)) if eval_doc is None else self.rm_eval_doc(eval_doc, rows, n)
        if len(taken) < n:
            raise _too_few(n, len(taken))
        return taken


class BalancedSampler(ContextSampler[D]):
    """A base class for samplers that balance answers; draws at random unless ``sample`` is overridden."""


class ManualSampler(ContextSampler[D]):
    """A base class for samplers with hand-picked examples; draws at random unless ``sample`` is overridden."""


SAMPLER_REGISTRY: dict[str, type[ContextSampler[Doc]]] = {"default": ContextSampler, "first_n": FirstNSampler}


def get_sampler(name: str | type[ContextSampler[Doc]]) -> type[ContextSampler[Doc]]:
    """Look up a sampler; a class is returned unchanged.

    Args:
        name: ``default``, ``first_n`` or a class.

    Raises:
        UnknownNameError: No sampler has that name.
    """
    if not isinstance(name, str):
        return name
    try:
        return SAMPLER_REGISTRY[name]
    except KeyError:
        known = ", ".join(SAMPLER_REGISTRY)
        hint = f"There is no sampling strategy of that name; those that ship are {known}."
        raise UnknownNameError("few-shot sampler", name, SAMPLER_REGISTRY, hint) from None
