"""Options of the command line from the settings of a run, for every subcommand that takes one of them."""

from __future__ import annotations

import argparse

from lm_eval.config.run import RunSettings

__all__ = ["add_setting", "read_settings"]


def add_setting(
    parser: argparse.ArgumentParser | argparse._ArgumentGroup,
    name: str,
    text: str = "",
    *,
    required: bool = False,
    settings: type[RunSettings] = RunSettings,
) -> None:
    """Add the option of a setting. An option that is not given is not in the namespace.

    Args:
        parser: Gets the option.
        name: The name of the setting.
        text: Help for this subcommand; by default the setting's own text.
        required: Whether the option must be given.
        settings: Declares the setting.
    """
    option = settings.options()[name]
    flags = [f"--{name}", *([option.short] if option.short else [])]
    text = (text or settings.texts().get(name, "")).replace("%", "%%")
    if option.takes == "nothing":
        parser.add_argument(*flags, action="store_true", default=argparse.SUPPRESS, help=text)
        return
    words = option.takes in ("words", "lists")
    parser.add_argument(
        *flags,
        action="append" if option.takes == "lists" else "extend" if words else "store",
        nargs="+" if words else "?" if option.bare is not None else None,
        const=option.bare,
        metavar=option.metavar or ("KEY=VALUE" if words else "VALUE" if option.bare is not None else name.upper()),
        default=argparse.SUPPRESS,
        required=required,
        help=text,
    )


def read_settings(namespace: argparse.Namespace) -> RunSettings:
    """Read the settings of a subcommand.

    Args:
        namespace: The parsed options; those that are not settings are skipped.

    Returns:
        The settings, with defaults for options that were not given.

    Raises:
        ConfigError: A value cannot be used.
    """
    known = RunSettings.command_line()
    return RunSettings.from_mapping({name: value for name, value in vars(namespace).items() if name in known})
