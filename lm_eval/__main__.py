"""``python -m lm_eval``, and the command line for scripts that register a model of their own."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from lm_eval.cli import main
from lm_eval.compatibility.elsewhere import elsewhere

__all__ = ["cli_evaluate", "parse_eval_args", "setup_parser"]

_PARSERS = "lm_eval._cli.run"  # imported only by scripts that use it

if not TYPE_CHECKING:  # a type checker would accept every name

    def __getattr__(name: str) -> object:
        return elsewhere("lm_eval.__main__", name)


def cli_evaluate(args: argparse.Namespace | None = None) -> None:
    """Run the command line of this process, as ``lm_eval`` does; returns if nothing went wrong.

    A script calls it after ``@register_model``, so that ``--model`` takes the name of its model.

    Args:
        args: The options of a run instead, as ``parse_eval_args`` returns them.

    Raises:
        SystemExit: The exit code is not 0.
    """
    if args is not None:
        import_module(_PARSERS).Run._execute(args)
    elif code := main():
        sys.exit(code)


def setup_parser() -> argparse.ArgumentParser:
    """Return a parser of the options of a run, for scripts that add options of their own."""
    parser = argparse.ArgumentParser(prog="lm_eval", allow_abbrev=False)
    import_module(_PARSERS).add_run_arguments(parser)
    return parser


def parse_eval_args(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Parse the command line of this process; without options, print the help and exit.

    Args:
        parser: What ``setup_parser`` returned.

    Raises:
        SystemExit: The words cannot be parsed, or there are none.
    """
    from lm_eval.config.redact import hide_in_argv

    words = sys.argv[1:]
    hide_in_argv()
    if not words:
        parser.print_help()
        sys.exit(1)
    return parser.parse_args(words)


if __name__ == "__main__":
    cli_evaluate()
