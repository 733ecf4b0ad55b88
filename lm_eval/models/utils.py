"""Small helpers, under the names that model and task code outside this package imports."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Generic, TypeVar

from lm_eval.errors import ConfigError
from lm_eval.models.class_helpers import (
    DEFAULT_MAX_LENGTH,
    GenKwargs,
    Grouper,
    flatten_image_list,
    has_bos_prefix,
    maybe_truncate,
    normalize_gen_kwargs,
    replace_placeholders,
    resize_image,
    retry_on_specific_exceptions,
    truncate_tokens,
    undistribute,
)
from lm_eval.models.class_helpers import _add_special_kwargs as _add_special_kwargs

__all__ = [
    "DEFAULT_MAX_LENGTH",
    "Collator",
    "GenKwargs",
    "Grouper",
    "chunks",
    "cut_at_stops",
    "flatten_image_list",
    "handle_stop_sequences",
    "has_bos_prefix",
    "maybe_truncate",
    "normalize_gen_kwargs",
    "postprocess_generated_text",
    "replace_placeholders",
    "resize_image",
    "retry_on_specific_exceptions",
    "truncate_tokens",
    "undistribute",
]

T = TypeVar("T")
R = TypeVar("R")


def chunks(items: Iterable[T], n: int = 0, fn: Callable[[int, Sequence[T]], int] | None = None) -> Iterator[list[T]]:
    """Cut a sequence into lists.

    Args:
        items: The items.
        n: The length of each list; 0 with no ``fn`` gives one list.
        fn: Returns the length of the list that starts at an index; gets the index and all items.

    Yields:
        Lists of at most that length, in order.
    """
    all_items = list(items) if fn is not None else []
    iterator = iter(all_items if fn is not None else items)
    taken = 0
    while True:
        length = fn(taken, all_items) if fn is not None else n
        chunk = list(islice(iterator, length) if length > 0 else iterator)
        if not chunk:
            return
        taken += len(chunk)
        yield chunk


def handle_stop_sequences(until: object, eos: str | None) -> list[str]:
    """Build the list of stop sequences.

    Args:
        until: The stop sequences of a task: a text, a list of texts, or None.
        eos: One more stop sequence, added if it is not in ``until``.

    Returns:
        All stop sequences, in order.

    Raises:
        ConfigError: ``until`` is neither a text nor a list of texts.
    """
    if until is None:
        stops = []
    elif isinstance(until, str):
        stops = [until]
    else:
        stops = list(until if isinstance(until, (list, tuple)) else (until,))
        for stop in stops:
            if not isinstance(stop, str):
                raise ConfigError(f"until is a text or a list of texts, not {until!r}.")
    if eos is not None and eos not in stops:
        stops.append(eos)
    return stops


def cut_at_stops(text: str, stops: Iterable[str]) -> str:
    """Cut a text before the first stop sequence.

    Args:
        text: The text.
        stops: The stop sequences; empty ones are ignored.

    Returns:
        The text before the first stop sequence.
    """
    for stop in stops:
        if stop:
            text = text.partition(stop)[0]
    return text


def postprocess_generated_text(
    generation: str, stop: str | Sequence[str] | None, think_end_token: str | None = None
) -> str:
    """Return the response in a generated text: the part after the reasoning and before the first stop sequence.

    Args:
        generation: The generated text.
        stop: The stop sequences.
        think_end_token: The text that ends the reasoning.

    Returns:
        The response.
    """
    if think_end_token and think_end_token in generation:
        generation = generation.rpartition(think_end_token)[2].lstrip()
    return cut_at_stops(generation, handle_stop_sequences(stop, None))


class Collator(Generic[T]):
    """Sorts and groups items, yields them in batches, and puts results back in the original order."""

    def __init__(
        self,
        arr: Sequence[T],
        sort_fn: Callable[[T], Any] = lambda item: item,
        group_fn: Callable[[T], Any] = lambda item: item[1],  # type: ignore[index]
        group_by: str | None = None,
    ) -> None:
        """Group and sort the items.

        Args:
            arr: The items.
            sort_fn: Returns the key by which the items of a group are sorted.
            group_fn: Returns the key of an item's group.
            group_by: ``gen_kwargs`` or ``contexts`` for groups; None for one group.
        """
        self._items = list(arr)
        self._order: list[int] = []
        groups: dict[Hashable, list[int]] = {}
        for index, item in enumerate(self._items):
            groups.setdefault(_hashable(group_fn(item)) if group_by else None, []).append(index)
        self._groups = [sorted(indexes, key=lambda i: sort_fn(self._items[i])) for indexes in groups.values()]

    def get_batched(self, n: int = 1, batch_fn: Callable[[int, Sequence[T]], int] | None = None) -> Iterator[list[T]]:
        """Yield the items in batches.

        Args:
            n: The size of a batch; 0 for complete groups.
            batch_fn: Returns the size of the batch that starts at an index.

        Yields:
            Batches; each has items of one group.
        """
        for group in self._groups:
            self._order.extend(group)
            yield from chunks([self._items[index] for index in group], n, batch_fn)

    def get_original(self, newarr: Sequence[R]) -> list[R]:
        """Put results back in the original order of the items.

        Args:
            newarr: One result per item, in the order in which ``get_batched`` yielded the items.

        Returns:
            The results in the original order.
        """
        results = dict(zip(self._order, newarr, strict=True))
        return [results[index] for index in range(len(self._items))]

    def get_cache(
        self,
        req_str: tuple[str, str] | None = None,
        cxt_toks: object = None,
        cont_toks: object = None,
        logits: Any = None,
    ) -> Iterator[tuple[tuple[str, str] | None, object, Any]]:
        """Yield what is given: ``get_batched`` yields every item, so that no result is shared between items.

        Args:
            req_str: The context and the continuation.
            cxt_toks: Ignored; the token ids of the context.
            cont_toks: The token ids of the continuation.
            logits: What the model computed for them.

        Yields:
            ``req_str``, ``cont_toks`` and ``logits``, once.
        """
        yield req_str, cont_toks, logits

    get_chunks = staticmethod(chunks)

    def __len__(self) -> int:
        return len(self._items)


def _hashable(value: object) -> Hashable:
    if isinstance(value, Mapping):
        return tuple(sorted((key, _hashable(item)) for key, item in value.items()))
    if isinstance(value, list | tuple):
        return tuple(_hashable(item) for item in value)
    return value if isinstance(value, Hashable) else repr(value)
