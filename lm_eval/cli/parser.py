"""An argument parser that reads ``--model-args`` as ``--model_args``, and names the nearest option in its errors."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from lm_eval.errors import ConfigError, did_you_mean

__all__ = ["Parser"]


class Parser(argparse.ArgumentParser):
    """Raises ``ConfigError`` where ``argparse`` would print its usage and exit."""

    def __init__(self, **kwargs: Any) -> None:
        """Take options by their full name only, so that a new option never changes what a command means.

        Args:
            **kwargs: As for ``argparse.ArgumentParser``.
        """
        super().__init__(allow_abbrev=False, **kwargs)

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
