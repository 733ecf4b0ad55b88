"""An argument parser that accepts ``--model-args`` for ``--model_args``, and names the nearest option in errors."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Sequence
from typing import NoReturn

from lm_eval.errors import ConfigError, did_you_mean

__all__ = ["Parser"]

_WIDTH = 100


class _Formatter(argparse.HelpFormatter):
    """Uses at most 100 columns, and 100 columns if there is no terminal."""

    def __init__(self, prog: str) -> None:
        width = min(shutil.get_terminal_size((_WIDTH, 24)).columns, _WIDTH)
        super().__init__(prog, max_help_position=30, width=width)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """Show the value of an option once, after all spellings of the option."""
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        taken = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {taken}"

    def _split_lines(self, text: str, width: int) -> list[str]:
        """Do not break names such as local-completions."""
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False, break_long_words=False)


class Parser(argparse.ArgumentParser):
    """Raises ``ConfigError`` instead of printing the usage and exiting, as ``argparse`` does."""

    def __init__(self, prog: str, description: str | None = None, *, add_help: bool = True) -> None:
        """Accept full names of options only, so that a new option never changes the meaning of a command.

        Args:
            prog: The command, such as ``lm_eval run``.
            description: The first line of the help page.
            add_help: Whether there is a ``--help``.
        """
        super().__init__(
            prog=prog, description=description, formatter_class=_Formatter, add_help=add_help, allow_abbrev=False
        )

    @property
    def actions(self) -> Sequence[argparse.Action]:
        """The options and words of the command, in order."""
        return self._actions

    def read(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse a command line.

        Args:
            words: The words after the subcommand.

        Returns:
            The options.

        Raises:
            ConfigError: An option is unknown or its value cannot be used.
        """
        namespace, unknown = self.parse_known_args([self._as_declared(word) for word in words])
        for word in unknown:
            if word.startswith("-"):
                name = word.partition("=")[0]
                raise ConfigError(f"Unknown option {name!r}.{did_you_mean(name, self._option_string_actions)}")
        if unknown:
            raise ConfigError(f"Unexpected argument {unknown[0]!r}; {self.prog} --help lists the options.")
        return namespace

    def error(self, message: str) -> NoReturn:
        """Report a value that ``argparse`` cannot use.

        Args:
            message: The message of ``argparse``.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(f"{message[:1].upper()}{message[1:]}.")

    def _as_declared(self, word: str) -> str:
        """Spell an option as it was added, whether it is given with dashes or underscores."""
        name, equals, value = word.partition("=")
        if name.startswith("--"):
            for spelled in (name, "--" + name[2:].replace("-", "_"), "--" + name[2:].replace("_", "-")):
                if spelled in self._option_string_actions:
                    return spelled + equals + value
        return word
