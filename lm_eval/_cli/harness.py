"""The parser of the command line, with its subcommands."""

from __future__ import annotations

import argparse
import sys

from lm_eval._cli.ls import List
from lm_eval._cli.run import Run
from lm_eval._cli.validate import Validate
from lm_eval.config.redact import hide_in_argv

__all__ = ["HarnessCLI"]


class HarnessCLI:
    """Parses the command line of this process and carries it out, in two steps.

    ```python
    cli = HarnessCLI()
    args = cli.parse_args()
    args.limit = 10
    cli.execute(args)
    ```
    """

    def __init__(self) -> None:
        """Build the parser; ``_parser`` and ``_subparsers`` take more options and subcommands."""
        self._parser = argparse.ArgumentParser(
            prog="lm_eval", description="Evaluate language models behind OpenAI-compatible APIs."
        )
        self._parser.set_defaults(func=lambda args: self._parser.print_help())
        self._subparsers = self._parser.add_subparsers(dest="command", metavar="COMMAND")
        for subcommand in (Run, List, Validate):
            subcommand.create(self._subparsers)

    def parse_args(self) -> argparse.Namespace:
        """Parse the command line of this process; ``run`` may be left out.

        Returns:
            The options, with the subcommand as ``command`` and the function that carries it out as ``func``.

        Raises:
            SystemExit: The words cannot be parsed, or ask for help.
        """
        words = sys.argv[1:]
        hide_in_argv()
        if words == ["run"]:
            self._subparsers.choices["run"].print_help()
            sys.exit(0)
        if len(words) > 1 and words[0] not in self._subparsers.choices:
            words = ["run", *words]
        return self._parser.parse_args(words)

    def execute(self, args: argparse.Namespace) -> None:
        """Carry out a command line.

        Args:
            args: What ``parse_args`` returned.

        Raises:
            UserError: An option or a task cannot be used.
            SystemExit: The exit code is not 0.
        """
        args.func(args)
