"""The base class of a subcommand."""

from __future__ import annotations

import argparse
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["SubCommand"]


class SubCommand(ABC):
    """A subcommand: creating it adds its parser, whose namespace has the function to call as ``func``."""

    _parser: argparse.ArgumentParser

    def __init__(self, subparsers: Subparsers, *args: object, **kwargs: object) -> None:
        """Add the parser of the subcommand; a subclass does.

        Args:
            subparsers: Gets the parser.
            *args: For subclasses.
            **kwargs: For subclasses.
        """

    @classmethod
    def create(cls, subparsers: Subparsers) -> Self:
        """Create the subcommand.

        Args:
            subparsers: Gets the parser.
        """
        return cls(subparsers)

    @abstractmethod
    def _add_args(self) -> None:
        """Add the arguments to the parser."""
