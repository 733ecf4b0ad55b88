"""The declaration of a setting beyond its type, default and text: how it is given, and where it shows up."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from enum import Flag, auto
from typing import Literal, TypeVar

from lm_eval.config import values

__all__ = ["Mark", "Option", "setting"]

_T = TypeVar("_T")


class Mark(Flag):
    """What else is true of a setting."""

    NONE = 0
    ASKED = auto()
    """It can change what the model is asked; ``plan`` heeds these settings."""
    RECORDED = auto()
    """It is in ``config`` of a results file."""
    COMMAND = auto()
    """Only the command line and config files have it; ``simple_evaluate`` does not."""
    PYTHON = auto()
    """Only ``simple_evaluate`` has it."""
    ONCE = auto()
    """It is for one run; ``--save_config`` does not write it."""


@dataclass(frozen=True, slots=True)
class Option:
    """How a setting is given, and where it shows up.

    Attributes:
        convert: Turns the value that a command line, a config file or a Python caller gives into the field's type. It
            gets the setting's name, for its messages, and the value.
        group: The group on the help page.
        marks: What else is true of the setting.
        short: The short flag, such as ``-M``; empty if there is none.
        metavar: The name of the value on the help page; empty for KEY=VALUE, VALUE or the field's name in capitals.
        bare: The value of a flag that is given without one; None if the flag needs a value.
        choices: Words for the shell to complete; empty if the value can be anything.
        arguments: The arguments of ``simple_evaluate`` that hold the setting; empty for one with the field's name.
        recorded_as: The keys in ``config`` of a results file; empty for one with the field's name.
        secrets_from: Where secrets in the value should come from instead; empty if the value holds none.
    """

    convert: Callable[[str, object], object]
    group: str
    marks: Mark = Mark.NONE
    short: str = ""
    metavar: str = ""
    bare: object = None
    choices: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    recorded_as: tuple[str, ...] = ()
    secrets_from: str = ""

    @property
    def takes(self) -> Literal["value", "words", "lists", "nothing"]:
        """What follows the flag: one value, several words, several words for each time it is given, or nothing."""
        if self.convert in (values.arguments, values.generation, values.tasks, values.paths, values.names):
            return "words"
        if self.convert is values.several_arguments:
            return "lists"
        return "nothing" if self.convert is values.boolean and self.bare is None else "value"


def setting(default: _T, option: Option) -> _T:
    """Declare a field with its option.

    Args:
        default: The default; a list or a dict is copied for each object.
        option: How the setting is given.

    Returns:
        The field. As with ``dataclasses.field``, its declared type is that of the default.
    """
    metadata = {"option": option}
    if isinstance(default, list | dict):
        return field(default_factory=lambda: copy(default), metadata=metadata)
    return field(default=default, metadata=metadata)
