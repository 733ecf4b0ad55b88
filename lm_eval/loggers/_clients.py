"""Finds the clients of services and checks what they are given, before a run."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lm_eval.errors import ConfigError, MissingPackageError, did_you_mean

__all__ = ["check_arguments", "keywords_of", "load"]


def load(package: str, needed: str) -> Any:
    """Import a service's client.

    Args:
        package: ``wandb``, ``trackio`` or ``mlflow``.
        needed: A name the client has; a folder of the package's name, such as the one wandb writes to, has not.

    Returns:
        The module.

    Raises:
        MissingPackageError: It is not installed, or cannot be imported.
    """
    reason = ""
    try:
        module = importlib.import_module(package)
        if hasattr(module, needed):
            return module
    except ImportError as error:
        reason = "" if error.name in (package, None) else f" ({error})"
    raise MissingPackageError(f'{package} is not installed{reason}: pip install "lm-eval-api[{package}]"')


def keywords_of(function: Callable[..., Any]) -> list[str] | None:
    """Name the keyword arguments a function takes.

    Args:
        function: The function.

    Returns:
        The names; None when it takes any, or does not say.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return [parameter.name for parameter in parameters if parameter.kind is not parameter.POSITIONAL_ONLY]


def check_arguments(option: str, given: Mapping[str, Any], known: Iterable[str] | None) -> None:
    """Refuse arguments that a service does not take.

    Args:
        option: The option they come from.
        given: The arguments.
        known: The names it takes; None means any.

    Raises:
        ConfigError: One is unknown.
    """
    if known is None:
        return
    names = list(known)
    for name in given:
        if name not in names:
            hint = did_you_mean(name, names) or f" There are: {', '.join(names)}."
            raise ConfigError(f"--{option} takes no {name!r}.{hint}")
