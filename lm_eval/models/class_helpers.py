"""Functions on prompts, images and results that classes of models import from ``lm_eval.models.utils``."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import wraps
from itertools import chain, zip_longest
from typing import Any, Generic, Literal, ParamSpec, TypedDict, TypeVar

__all__ = [
    "DEFAULT_MAX_LENGTH",
    "GenKwargs",
    "Grouper",
    "flatten_image_list",
    "has_bos_prefix",
    "maybe_truncate",
    "normalize_gen_kwargs",
    "replace_placeholders",
    "resize_image",
    "retry_on_specific_exceptions",
    "truncate_tokens",
    "undistribute",
]

eval_logger = logging.getLogger("lm_eval")

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")
DEFAULT_MAX_LENGTH = 2048
"""What the reference harness assumes of a model; here the server is asked."""
Side = Literal["left", "middle", "right"]

_LENGTH_NAMES = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")


class GenKwargs(TypedDict, total=False):
    """Generation settings in one spelling; there may be more."""

    do_sample: bool
    temperature: float
    max_gen_toks: int
    until: list[str]


def undistribute(iterable: Iterable[Iterable[T]]) -> list[T]:
    """Put items that were dealt out one by one, as to several processes, back in their order.

    Args:
        iterable: What each process got; the first ones may have one item more.
    """
    missing: Any = object()
    dealt = chain.from_iterable(zip_longest(*iterable, fillvalue=missing))
    return [item for item in dealt if item is not missing]


def retry_on_specific_exceptions(
    on_exceptions: Sequence[type[Exception]],
    max_retries: int | None = None,
    backoff_time: float = 3.0,
    backoff_multiplier: float = 1.5,
    on_exception_callback: Callable[[Exception, float], object] | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R | None]]:
    """Return a decorator that calls a function again when it raises one of some exceptions.

    Args:
        on_exceptions: The exceptions.
        max_retries: Maximum number of calls; None has no limit. After the last one the result is None.
        backoff_time: Seconds to wait before the second call.
        backoff_multiplier: What each wait is multiplied by for the next one.
        on_exception_callback: Gets each exception and the wait that follows.
    """

    def decorator(function: Callable[P, R]) -> Callable[P, R | None]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R | None:
            wait, calls = backoff_time, 0
            while max_retries is None or calls < max_retries:
                try:
                    return function(*args, **kwargs)
                except tuple(on_exceptions) as error:
                    if on_exception_callback is not None:
                        on_exception_callback(error, wait)
                    time.sleep(wait)
                    wait, calls = wait * backoff_multiplier, calls + 1
            return None

        return call

    return decorator


class Grouper(Generic[T]):
    """Groups items by a key, and puts results back in the items' order."""

    def __init__(self, arr: Sequence[T], fn: Callable[[T], Hashable]) -> None:
        """Group items.

        Args:
            arr: The items.
            fn: Returns the key of an item.
        """
        self._items = list(arr)
        self._places: dict[Hashable, list[int]] = {}
        for place, item in enumerate(self._items):
            self._places.setdefault(fn(item), []).append(place)

    def get_grouped(self) -> dict[Hashable, list[T]]:
        """Return the items of each key."""
        return {key: [self._items[place] for place in places] for key, places in self._places.items()}

    def get_original(self, grouped_dict: Mapping[Hashable, Sequence[R]]) -> list[R]:
        """Return results in the order of the items.

        Args:
            grouped_dict: Key to one result per item of ``get_grouped``.

        Raises:
            AssertionError: The keys are not those of ``get_grouped``.
            ValueError: A key has more or fewer results than items.
        """
        assert grouped_dict.keys() == self._places.keys(), "The keys are not those of the groups."
        pairs = (zip(places, grouped_dict[key], strict=True) for key, places in self._places.items())
        found = dict(chain.from_iterable(pairs))
        return [found[place] for place in range(len(self._items))]


def replace_placeholders(string: str, default_placeholder: str, image_token: str, max_images: int) -> str:
    """Replace the placeholders of images in a prompt.

    Args:
        string: The prompt.
        default_placeholder: The placeholder.
        image_token: What the model has instead.
        max_images: Maximum number of replacements; later placeholders stay, or go if the two texts are equal.
    """
    first, *parts = string.split(default_placeholder)
    later = "" if default_placeholder == image_token else default_placeholder
    return first + "".join((image_token if n < max_images else later) + part for n, part in enumerate(parts))


def flatten_image_list(images: Iterable[Iterable[T]]) -> list[T]:
    """Return the images of several documents in one list.

    Args:
        images: The images of each document.
    """
    return list(chain.from_iterable(images))


def truncate_tokens(tokens: list[int], max_length: int, side: Side = "left") -> list[int]:
    """Shorten a list of tokens.

    Args:
        tokens: The tokens.
        max_length: Maximum number of tokens to keep.
        side: Where tokens are removed: at the left end, in the middle, or at the right end.

    Raises:
        ValueError: There is no such side.
    """
    if side == "left":
        return tokens[-max_length:]
    if side == "right":
        return tokens[:max_length]
    if side == "middle":
        left = max_length // 2
        return tokens[:left] + tokens[left - max_length :]
    raise ValueError(f"Tokens are removed at the left, middle or right, not at {side!r}.")


def maybe_truncate(
    tokens: list[int],
    max_gen_toks: int,
    max_model_len: int,
    min_gen_toks: int = 1,
    side: Side = "left",
    shrink_gen_toks: bool = False,
    verbose: bool = True,
) -> tuple[list[int], int]:
    """Make a prompt and its answer fit into the window of a model.

    Args:
        tokens: The prompt.
        max_gen_toks: The maximum length of the answer.
        max_model_len: The window.
        min_gen_toks: The length that the answer keeps at least.
        side: Where tokens of the prompt are removed.
        shrink_gen_toks: Shorten the answer first, and the prompt only if that is not enough.
        verbose: Whether a change is logged.

    Returns:
        The prompt and the maximum length of the answer.

    Raises:
        ValueError: The window has no room for a prompt.
    """
    if len(tokens) + max_gen_toks <= max_model_len:
        return tokens, max_gen_toks
    room = max_model_len - len(tokens)
    kept, length = tokens, max_gen_toks
    if not shrink_gen_toks:
        kept = truncate_tokens(tokens, max_model_len - max_gen_toks, side)
    elif room >= min_gen_toks:
        length = room
    elif max_model_len <= min_gen_toks:
        raise ValueError(f"A window of {max_model_len} tokens has no room for a prompt and {min_gen_toks} more tokens.")
    else:
        kept, length = truncate_tokens(tokens, max_model_len - min_gen_toks, side), min_gen_toks
    if verbose:
        eval_logger.warning(
            "A prompt of %d tokens and an answer of %d do not fit into %d tokens: now %d and %d.",
            *(len(tokens), max_gen_toks, max_model_len, len(kept), length),
        )
    return kept, length


def normalize_gen_kwargs(gen_kwargs: Mapping[str, Any], default_max_gen_toks: int = 256) -> dict[str, Any]:
    """Return generation settings in one spelling.

    Args:
        gen_kwargs: The settings of a request.
        default_max_gen_toks: The maximum length of an answer where the settings have none.

    Returns:
        A copy with ``do_sample``, ``until`` as a list and ``max_gen_toks``, which also other names of it become. The
        temperature is 0 if ``do_sample`` is false; all else is unchanged.
    """
    found = {key: value for key, value in gen_kwargs.items() if key not in _LENGTH_NAMES}
    lengths = [gen_kwargs[name] for name in _LENGTH_NAMES if gen_kwargs.get(name) is not None]
    until = gen_kwargs.get("until") or []
    found["until"] = [until] if isinstance(until, str) else list(until)
    found["max_gen_toks"] = int(lengths[0]) if lengths else default_max_gen_toks
    if gen_kwargs.get("do_sample") is None:
        found["do_sample"] = float(gen_kwargs.get("temperature", 0.0)) > 0
    elif not gen_kwargs["do_sample"]:
        found["temperature"] = 0.0
    return found


def has_bos_prefix(sequence: str, bos_str: str | Iterable[str] | None = None) -> bool:
    """Whether a prompt starts with the BOS token.

    Args:
        sequence: The prompt.
        bos_str: The token, or several of which one counts; None counts as none.
    """
    return sequence.startswith((bos_str,) if isinstance(bos_str, str) else tuple(bos_str or ()))


def _add_special_kwargs(add_special_tokens: bool | None, add_bos: bool | None = None) -> dict[str, bool]:
    """Return the keyword argument of a tokenizer for what is known first; none if neither is."""
    known = add_bos if add_special_tokens is None else add_special_tokens
    return {} if known is None else {"add_special_tokens": known}


def resize_image(
    image: Any,
    width: int | None = None,
    height: int | None = None,
    max_dimension: int | None = None,
    keep_aspect_ratio: bool = True,
    resample_filter: int | str = "BICUBIC",
    min_width: int = 1,
    min_height: int = 1,
) -> Any:
    """Make an image smaller; one that is small enough stays as it is.

    Args:
        image: An image of Pillow.
        width: Maximum width.
        height: Maximum height.
        max_dimension: Maximum of width and height, where neither of these is given.
        keep_aspect_ratio: Fit the image into width and height, with its own proportions; else take both exactly.
        resample_filter: The filter of Pillow, or its name.
        min_width: Smallest width.
        min_height: Smallest height.

    Returns:
        The new image, or the same one.
    """
    from importlib import import_module

    old = image.size
    bounds = (width, height) if width is not None or height is not None else (max_dimension, max_dimension)
    factors = [bound / side for bound, side in zip(bounds, old, strict=True) if bound is not None]
    if not factors or min(factors) >= 1:
        return image
    if width is not None and height is not None and not keep_aspect_ratio:
        size = [width, height]
    else:
        size = [int(side * min(factors)) for side in old]
        for place, bound in enumerate(bounds):  # the bound itself, not what rounding makes of it
            if bound is not None and bound / old[place] == min(factors):
                size[place] = bound
    if isinstance(resample_filter, str):
        resample_filter = getattr(import_module("PIL.Image"), resample_filter)
    return image.resize((max(size[0], min_width), max(size[1], min_height)), resample_filter)
