"""Helpers that task code imports from here, as from the reference harness."""

from __future__ import annotations

import fnmatch
import functools
import importlib
import logging
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, ParamSpec, TextIO, TypeVar

from lm_eval.errors import ConfigError
from lm_eval.text import Lines, outgoing, sha256, split_pairs

__all__ = [  # noqa: F822 - several are found by __getattr__
    "HIGHER_IS_BETTER_SYMBOLS",
    "SPACING",
    "EnhancedJSONEncoder",
    "RemoteTokenizer",
    "Reorderer",
    "apply_template",
    "check_remote_tokenizer_support",
    "convert_bytes_to_hash",
    "convert_pil_to_hash",
    "create_iterator",
    "escaped_split",
    "eval_logger",
    "general_detokenize",
    "get_file_datetime",
    "get_file_task_name",
    "get_latest_filename",
    "get_results_filenames",
    "get_rolling_token_windows",
    "get_sample_results_filenames",
    "group",
    "handle_arg_string",
    "handle_non_serializable",
    "hash_dict_images",
    "hash_string",
    "ignore_constructor",
    "import_function",
    "info_once",
    "join_iters",
    "make_disjoint_window",
    "make_table",
    "maybe_warn",
    "pattern_match",
    "positional_deprecated",
    "random_name_id",
    "regex_replace",
    "sanitize_list",
    "sanitize_model_name",
    "sanitize_task_name",
    "setup_logging",
    "simple_parse_args_string",
    "softmax",
    "warning_once",
    "weighted_f1_score",
    "wrap_text",
]

eval_logger = logging.getLogger("lm_eval")

P = ParamSpec("P")
T = TypeVar("T")

# Task code imports these names from here, but they are defined in other modules.
_FORWARDED = {
    "apply_template": ("lm_eval.api.task_parts.fields", "render"),
    "make_table": ("lm_eval.reports.table", "make_table"),
    "weighted_f1_score": ("lm_eval.statistics.classification", "weighted_f1_score"),
    **dict.fromkeys(
        ("Reorderer", "escaped_split", "group", "join_iters", "random_name_id", "sanitize_list", "softmax"),
        ("lm_eval.compatibility.collections", ""),
    ),
    **dict.fromkeys(
        ("EnhancedJSONEncoder", "convert_bytes_to_hash", "convert_pil_to_hash", "hash_dict_images"),
        ("lm_eval.compatibility.encoding", ""),
    ),
    **dict.fromkeys(
        (
            "get_file_datetime",
            "get_file_task_name",
            "get_latest_filename",
            "get_results_filenames",
            "get_sample_results_filenames",
        ),
        ("lm_eval.compatibility.file_names", ""),
    ),
    **dict.fromkeys(("RemoteTokenizer", "check_remote_tokenizer_support"), ("lm_eval.models.server.remote", "")),
    **dict.fromkeys(("info_once", "maybe_warn", "warning_once"), ("lm_eval.compatibility.log_lines", "")),
    **dict.fromkeys(("HIGHER_IS_BETTER_SYMBOLS", "SPACING", "wrap_text"), ("lm_eval.compatibility.texts", "")),
    **dict.fromkeys(("ignore_constructor", "import_function"), ("lm_eval.compatibility.yaml_functions", "")),
    **dict.fromkeys(("get_rolling_token_windows", "make_disjoint_window"), ("lm_eval.compatibility.token_windows", "")),
}


def __getattr__(name: str) -> Any:
    if name in _FORWARDED:
        module, attribute = _FORWARDED[name]
        return getattr(importlib.import_module(module), attribute or name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def setup_logging(verbosity: int | str = logging.INFO) -> None:
    """Send the log lines of this package to stderr.

    Args:
        verbosity: A log level or its name. The environment variable ``LMEVAL_LOG_LEVEL`` overrides it.

    Raises:
        ConfigError: There is no such level.
    """
    wanted: int | str = os.environ.get("LMEVAL_LOG_LEVEL") or verbosity
    level = logging.getLevelName(wanted.upper()) if isinstance(wanted, str) else wanted
    if not isinstance(level, int):
        raise ConfigError(f"Unknown log level {wanted!r}; it is one of DEBUG, INFO, WARNING, ERROR, CRITICAL.")
    eval_logger.setLevel(level)
    if not any(isinstance(handler, _StderrHandler) for handler in eval_logger.handlers):
        handler = _StderrHandler()
        handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S"))
        eval_logger.addHandler(handler)
        eval_logger.propagate = False


class _Formatter(logging.Formatter):
    """Writes a traceback, too, without secrets and control characters."""

    def formatException(self, ei: Any) -> str:
        """Return the traceback."""
        return outgoing(super().formatException(ei), lines=True)


class _Outgoing(logging.Filter):
    """Rewrites what a log line says, for every handler: no secret, and nothing that controls a terminal."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; none is left out."""
        if isinstance(record.args, tuple):
            record.args = tuple(map(_outgoing, record.args))
        # Without arguments, all of the message may come from outside.
        record.msg = outgoing(str(record.msg), lines=bool(record.args))
        return True


class _Shown:
    """Stands for an object in a log line."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __str__(self) -> str:
        return outgoing(str(self._value))

    def __repr__(self) -> str:
        return outgoing(repr(self._value))


def _outgoing(value: object) -> object:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Lines):
        return outgoing(value, lines=True)
    return outgoing(value) if isinstance(value, str) else _Shown(value)


eval_logger.addFilter(_Outgoing())

if TYPE_CHECKING:
    _StreamHandler = logging.StreamHandler[TextIO]
else:  # It is not generic at run time before Python 3.11.
    _StreamHandler = logging.StreamHandler


class _StderrHandler(_StreamHandler):
    """Writes to the current ``sys.stderr``."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        """The current ``sys.stderr``."""
        return sys.stderr

    @stream.setter
    def stream(self, value: TextIO) -> None:
        """Ignore a stream that is set."""


def handle_arg_string(arg: str) -> bool | int | float | str | None:
    """Parse the value of an argument.

    Args:
        arg: ``true``, ``false``, ``none``, a number, or text; quoted text stays text.
    """
    word = arg.strip()
    named = {"true": True, "false": False, "none": None}
    if word.lower() in named:
        return named[word.lower()]
    if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"":
        return word[1:-1]
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return arg


def simple_parse_args_string(args_string: str | None) -> dict[str, bool | int | float | str | None]:
    """Parse ``"a=1,b=text"``.

    Args:
        args_string: Pairs separated by commas, except for commas inside quotes or brackets.

    Returns:
        The arguments, with values parsed by ``handle_arg_string``.

    Raises:
        ConfigError: A part is not ``key=value``.
    """
    parsed: dict[str, bool | int | float | str | None] = {}
    for part in split_pairs((args_string or "").strip()):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise ConfigError(f"Arguments are key=value pairs separated by commas; {part.partition('=')[0]!r} is not.")
        parsed[key.strip()] = handle_arg_string(value)
    return parsed


def handle_non_serializable(o: object) -> object:
    """Convert an object for JSON; for ``json.dumps(default=...)``.

    Args:
        o: An object that JSON does not support.

    Returns:
        A number for a numpy scalar, a list for a set, text for anything else.
    """
    if isinstance(o, (set, frozenset)):
        return list(o)
    if getattr(o, "ndim", None) == 0 and hasattr(o, "item"):
        return o.item()
    return str(o)


def hash_string(string: str) -> str:
    """Return the SHA-256 of a text in hexadecimal.

    Args:
        string: The text.
    """
    return sha256(string)


def sanitize_model_name(model_name: str) -> str:
    """Turn the name of a model into a folder name: characters that file systems refuse become ``__``.

    Args:
        model_name: Name of the model.
    """
    return re.sub(r"[\"<>:/|\\?*\[\]]+", "__", model_name)


def sanitize_task_name(task_name: str) -> str:
    """Turn the name of a task into part of a file name: all but letters, digits and ``_`` becomes ``_``.

    Args:
        task_name: Name of the task.
    """
    return re.sub(r"\W", "_", task_name)


def pattern_match(patterns: str | Iterable[str], source_list: Iterable[str]) -> list[str]:
    """Return the names that match glob patterns.

    Args:
        patterns: One pattern or several.
        source_list: The names.

    Returns:
        The matching names, sorted.
    """
    wanted = [patterns] if isinstance(patterns, str) else list(patterns)
    names = list(source_list)
    return sorted({name for pattern in wanted for name in fnmatch.filter(names, pattern)})


def regex_replace(string: str, pattern: str, repl: str, count: int = 0) -> str:
    """Replace the matches of a regular expression; templates have a filter of the same name.

    Args:
        string: The text.
        pattern: The expression.
        repl: The replacement.
        count: Maximum number of replacements; 0 replaces all.
    """
    return re.sub(pattern, repl, string, count=count)


def general_detokenize(string: str) -> str:
    """Undo the spacing of tokenized English: ``do n't`` becomes ``don't``, ``( x )`` becomes ``(x)``.

    Args:
        string: The text.
    """
    for spaced, joined in ((" n't", "n't"), (" )", ")"), ("( ", "("), ('" ', '"'), (' "', '"')):
        string = string.replace(spaced, joined)
    return re.sub(r" (['.,])", r"\1", string)


def create_iterator(
    raw_iterator: Iterable[T], *, rank: int = 0, world_size: int = 1, limit: int | None = None
) -> Iterator[T]:
    """Return every ``world_size``-th item.

    Args:
        raw_iterator: The items.
        rank: Index of the first item.
        world_size: The step.
        limit: Index to stop before; None means the end.
    """
    return islice(raw_iterator, rank, limit, world_size)


def positional_deprecated(fn: Callable[P, T]) -> Callable[P, T]:
    """Warn when a function is called with positional arguments.

    Args:
        fn: A function, or a method.

    Returns:
        The function, wrapped.
    """

    @functools.wraps(fn)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        if len(args) > (1 if "." in fn.__qualname__.rpartition("<locals>.")[2] else 0):
            eval_logger.warning("%s is called with positional arguments; name them instead", fn.__name__)
        return fn(*args, **kwargs)

    return wrapper
