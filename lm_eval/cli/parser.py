"""An argument parser that reads ``--model-args`` as ``--model_args``, and names the nearest option in its errors."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from collections.abc import Sequence
from typing import Any, NoReturn

from lm_eval.errors import ConfigError, did_you_mean

__all__ = ["Parser"]

_WIDTH = 100


class _Formatter(argparse.HelpFormatter):
    """Uses up to 100 columns, also where there is no terminal to ask for its width."""

    def __init__(self, prog: str, **kwargs: Any) -> None:
        kwargs.setdefault("width", min(shutil.get_terminal_size((_WIDTH, 24)).columns, _WIDTH))
        super().__init__(prog, max_help_position=30, **kwargs)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        """Name what an option takes once, after all its spellings."""
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        taken = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {taken}"

    def _split_lines(self, text: str, width: int) -> list[str]:
        """Keep names such as local-completions whole."""
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False, break_long_words=False)


class Parser(argparse.ArgumentParser):
    """Raises ``ConfigError`` where ``argparse`` would print its usage and exit."""

    def __init__(self, **kwargs: Any) -> None:
        """Take options by their full name only, so that a new option never changes what a command means.

        Args:
            **kwargs: As for ``argparse.ArgumentParser``.
        """
        super().__init__(allow_abbrev=False, formatter_class=_Formatter, **kwargs)

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
        """Report a value ``argparse`` could not use.

        Args:
            message: Its message.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(f"{message[:1].upper()}{message[1:]}.")

    def _as_declared(self, word: str) -> str:
        """Spell an option the way it was added, whether it comes with dashes or underscores."""
        name, equals, value = word.partition("=")
        if name.startswith("--"):
            for spelled in (name, "--" + name[2:].replace("-", "_"), "--" + name[2:].replace("_", "-")):
                if spelled in self._option_string_actions:
                    return spelled + equals + value
        return word
