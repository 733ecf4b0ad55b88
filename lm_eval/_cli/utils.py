"""Readers of option values for ``argparse``: pairs that are merged, lists, seeds, JSON."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from typing import Any

from lm_eval.config.pairs import read_pairs, read_value
from lm_eval.errors import ConfigError
from lm_eval.text import split_pairs

__all__ = [
    "MergeDictAction",
    "SplitArgs",
    "check_argument_types",
    "handle_cli_value_string",
    "key_val_to_dict",
    "request_caching_arg_to_dict",
    "split_top_level",
    "try_parse_json",
]

eval_logger = logging.getLogger("lm_eval")


class MergeDictAction(argparse.Action):
    """Merges ``a=1,b=2``, several such words, or a JSON object into one dict; what comes later wins."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Read the words of the option.

        Args:
            parser: Reports a word that is no pair.
            namespace: Gets the dict; it stays as it is where the option has no words.
            values: The words.
            option_string: The option as it was written.
        """
        words = [values] if isinstance(values, str) else list(values or ())
        name = option_string or self.dest
        found: dict[str, object] = dict(getattr(namespace, self.dest, None) or {})
        for word in words:
            try:
                pairs = read_pairs(name, word)
            except ConfigError as error:
                parser.error(str(error))
            if again := [key for key, value in pairs.items() if key in found and found[key] != value]:
                eval_logger.warning("%s: %s given more than once; the last value counts.", name, ", ".join(again))
            found |= pairs
        if words:
            setattr(namespace, self.dest, found)


class SplitArgs(argparse.Action):
    """Collects words, each of which may hold several names separated by commas, in one list."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Read the words of the option.

        Args:
            parser: Reports an option without words.
            namespace: Gets the list.
            values: The words.
            option_string: The option as it was written.
        """
        words = [values] if isinstance(values, str) else list(values or ())
        if not words:
            parser.error(f"argument {option_string or self.dest}: expected at least one name")
        known: list[str] = getattr(namespace, self.dest, None) or []
        setattr(namespace, self.dest, [*known, *(part for word in words for part in word.split(",") if part)])


def request_caching_arg_to_dict(cache_requests: str | None) -> dict[str, bool]:
    """Turn the word of ``--cache_requests`` into arguments of ``simple_evaluate``.

    Args:
        cache_requests: ``true``, ``refresh`` or ``delete``; None for none.

    Returns:
        ``cache_requests``, ``rewrite_requests_cache`` and ``delete_requests_cache``; empty for None.

    Raises:
        ArgumentTypeError: The word is another one.
    """
    if cache_requests is None:
        return {}
    if cache_requests not in ("true", "refresh", "delete"):
        raise argparse.ArgumentTypeError(f"invalid value {cache_requests!r}: it is true, refresh or delete")
    return {
        "cache_requests": cache_requests != "delete",
        "rewrite_requests_cache": cache_requests == "refresh",
        "delete_requests_cache": cache_requests == "delete",
    }


def try_parse_json(value: str | dict[str, Any] | None) -> Any:
    """Read JSON, where a text is JSON.

    Args:
        value: A text; anything else is returned as it is.

    Returns:
        The value, or the text itself if it is no JSON.

    Raises:
        ValueError: The text has a brace, and so is meant as JSON, but it is none.
    """
    if value is None or isinstance(value, dict):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        if "{" in value:
            raise ValueError(f"Invalid JSON: {error.msg}. Names and texts need double quotes.") from None
        return value


def _int_or_none_list_arg_type(
    min_len: int, max_len: int, defaults: str, value: str, split_char: str = ","
) -> list[int | None]:
    """Read whole numbers and ``none``; one stands for all, and missing ones come from the defaults."""
    found = [_int_or_none(part) for part in value.split(split_char)]
    if len(found) == 1:
        return found * max_len
    if not min_len <= len(found) <= max_len:
        raise ValueError(f"{max_len} whole numbers or none, separated by {split_char!r}, are needed; {value!r} is not.")
    if len(found) < max_len:
        eval_logger.warning("%r has %d of %d values; the rest are the defaults.", value, len(found), max_len)
    return found + [_int_or_none(part) for part in defaults.split(split_char)][len(found) :]


def _int_or_none(word: str) -> int | None:
    if word.strip().lower() == "none":
        return None
    try:
        return int(word)
    except ValueError:
        raise ValueError(f"{word.strip()!r} is neither a whole number nor none.") from None


def handle_cli_value_string(arg: str) -> Any:
    """Read one value: true, false, none, a number, a list or mapping in brackets, or else text.

    Args:
        arg: The text.
    """
    try:
        return read_value(arg)
    except ConfigError:  # brackets that hold neither JSON nor Python
        return arg


def split_top_level(args: str) -> list[str]:
    """Split a text at its commas, except for those inside quotes or brackets.

    Args:
        args: The text.

    Returns:
        The parts that are not empty.
    """
    return [part for part in split_pairs(args) if part]


def key_val_to_dict(args: str) -> dict[str, Any]:
    """Read ``a=1,b=2``.

    Args:
        args: The text.

    Raises:
        ConfigError: A part is not ``key=value``; a ``ValueError``, too.
    """
    return read_pairs("arguments", args)


def check_argument_types(parser: argparse.ArgumentParser) -> None:
    """Check that each option of a parser has a type.

    Args:
        parser: The parser; its help, its subcommands and options with a constant are not looked at.

    Raises:
        ValueError: An option has none.
    """
    for action in parser._actions:
        if action.dest not in ("help", "command") and action.const is None and action.type is None:
            raise ValueError(f"Argument '{action.dest}' doesn't have a type specified.")
