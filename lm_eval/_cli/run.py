"""``run``: the options of a run, declared in ``lm_eval.config.run``, as arguments of an ``argparse`` parser."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from lm_eval._cli.subcommand import SubCommand
from lm_eval._cli.utils import (
    MergeDictAction,
    SplitArgs,
    _int_or_none_list_arg_type,
    request_caching_arg_to_dict,
    try_parse_json,
)
from lm_eval.config import values
from lm_eval.config.options import Option
from lm_eval.config.run import RunSettings

if TYPE_CHECKING:
    from lm_eval._cli.subcommand import Subparsers

__all__ = ["Run", "add_run_arguments"]

_SEEDS = ",".join(map(str, values.SEEDS.values()))
_TYPES: dict[Callable[[str, Any], object], Callable[[str], object]] = {
    values.seeds: partial(_int_or_none_list_arg_type, 3, 4, _SEEDS),
    values.integer: int,
    values.limit: float,
    values.samples: try_parse_json,
    values.cache_requests: request_caching_arg_to_dict,
    values.boolean: partial(values.boolean, "the option"),
}
"""How a namespace has the value of an option, where it is not the text."""


class Run(SubCommand):
    """Evaluates a model on tasks, as ``lm_eval run`` does."""

    def __init__(self, subparsers: Subparsers, *args: object, **kwargs: object) -> None:
        """Add the parser.

        Args:
            subparsers: Gets the parser.
            *args: Ignored.
            **kwargs: Ignored.
        """
        self._parser = subparsers.add_parser("run", help="evaluate a model on tasks", allow_abbrev=False)
        self._add_args()
        self._parser.set_defaults(func=self._execute)

    def _add_args(self) -> None:
        add_run_arguments(self._parser)

    @staticmethod
    def _execute(args: argparse.Namespace) -> None:
        """Run; exit if the exit code is not 0."""
        from lm_eval.cli import run

        given = {name: value for name, value in vars(args).items() if name not in ("command", "func")}
        known = {"config", *RunSettings.command_line()}
        if code := run.run(argparse.Namespace(**{name: given[name] for name in given if name in known})):
            sys.exit(code)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a run.

    Args:
        parser: Gets the options.
    """
    text = "YAML or JSON file with any of these options."
    parser.add_argument("--config", "-C", metavar="FILE", type=str, help=text)
    for name, option in RunSettings.command_line().items():
        flags = [f"--{name}", *([option.short] if option.short else [])]
        help = RunSettings.texts().get(name, "").replace("%", "%%")
        parser.add_argument(*flags, help=help, **_reading(option))


def _reading(option: Option) -> dict[str, Any]:
    """Say how ``argparse`` reads an option; as in the reference harness, a flag that is not given has no value."""
    if option.takes == "nothing":
        return {"action": "store_true", "default": argparse.SUPPRESS}
    if option.convert is values.paths:
        return {"type": str}
    if option.takes == "lists":
        return {"nargs": "+", "type": str, "action": "append"}
    if option.convert is values.names:
        return {"nargs": "+", "type": str, "action": SplitArgs}
    if option.takes == "words":
        action = SplitArgs if option.convert is values.tasks else MergeDictAction
        return {"nargs": "+", "type": str, "action": action}
    reading: dict[str, Any] = {"type": _TYPES.get(option.convert, str)}
    return reading if option.bare is None else {**reading, "nargs": "?", "const": option.bare}
