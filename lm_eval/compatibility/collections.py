"""Small functions on lists and texts that model and task code imports from ``lm_eval.utils``."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    import numpy

__all__ = ["Reorderer", "escaped_split", "group", "join_iters", "random_name_id", "sanitize_list", "softmax"]

T = TypeVar("T")
R = TypeVar("R")


def join_iters(iters: Iterable[Iterable[T]]) -> Iterator[T]:
    """Yield the items of several iterables, one after another.

    Args:
        iters: The iterables.
    """
    for items in iters:
        yield from items


def group(arr: Iterable[T], fn: Callable[[T], Hashable]) -> list[list[T]]:
    """Collect items with the same key.

    Args:
        arr: The items.
        fn: Returns the key of an item.

    Returns:
        One list per key, in the order in which the keys were first seen.
    """
    groups: dict[Hashable, list[T]] = {}
    for item in arr:
        groups.setdefault(fn(item), []).append(item)
    return list(groups.values())


def sanitize_list(sub: object) -> Any:
    """Turn all items of nested lists and tuples into texts.

    Args:
        sub: A list, a tuple, or one item.

    Returns:
        The same lists and tuples, with ``str`` of each item.
    """
    if isinstance(sub, (list, tuple)):
        items = [sanitize_list(item) for item in sub]
        return items if isinstance(sub, list) else tuple(items)
    return str(sub)


def softmax(x: Any) -> numpy.ndarray[Any, Any]:
    """Turn numbers into probabilities that add up to 1.

    Args:
        x: The numbers; an array of several dimensions is taken as one.
    """
    import numpy

    powers = numpy.exp(numpy.asarray(x) - numpy.max(x))
    return numpy.asarray(powers / powers.sum())


def escaped_split(text: str, sep_char: str, maxsplit: int = -1) -> list[str] | str:
    """Split a text at a character, but not after a backslash.

    Args:
        text: The text.
        sep_char: The character; it is used in a regular expression as it is.
        maxsplit: Maximum number of splits; below 0 there is no limit, and 0 returns the text.

    Raises:
        AssertionError: ``sep_char`` is not one character.
    """
    assert len(sep_char) == 1, "A text is split at one character."
    return text if maxsplit == 0 else re.split(rf"(?<!\\){sep_char}", text, maxsplit=max(maxsplit, 0))


def random_name_id() -> str:
    """Draw a name of eight lower-case letters and digits."""
    import random
    import string

    return "".join(random.choices(string.ascii_lowercase + string.digits, k=8))


class Reorderer(Generic[T]):
    """Sorts items, and puts results for the sorted items back in the original order."""

    def __init__(self, arr: Sequence[T], fn: Callable[[T], Any]) -> None:
        """Sort items; those with the same key stay in their order.

        Args:
            arr: The items.
            fn: Returns the key of an item.
        """
        self._items = list(arr)
        self._order = sorted(range(len(self._items)), key=lambda place: fn(self._items[place]))

    def get_reordered(self) -> list[T]:
        """Return the items, sorted."""
        return [self._items[place] for place in self._order]

    def get_original(self, newarr: Sequence[R]) -> list[R]:
        """Return results in the original order.

        Args:
            newarr: One result per item of ``get_reordered``.

        Raises:
            ValueError: There are more or fewer results than items.
        """
        results = dict(zip(self._order, newarr, strict=True))
        return [results[place] for place in range(len(self._items))]
