"""The command line: one module a subcommand, imported only when that subcommand is called."""

from lm_eval.cli.main import main

__all__ = ["main"]
