"""Import the clients of services, and check their arguments before a run."""

from __future__ import annotations

import importlib
import inspect
import socket
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from lm_eval.config.redact import shown_url
from lm_eval.errors import ConfigError, MissingPackageError, did_you_mean

__all__ = ["check_arguments", "check_reachable", "keywords_of", "load"]

_CONNECT_SECONDS = 10.0


def load(package: str, attribute: str) -> ModuleType:
    """Import a service's client.

    Args:
        package: ``wandb``, ``trackio`` or ``mlflow``.
        attribute: An attribute that only the real package has; guards against a local folder with the package's
            name, such as the folder ``wandb`` that wandb writes to.

    Returns:
        The module.

    Raises:
        MissingPackageError: The package is not installed, or cannot be imported.
    """
    reason = ""
    try:
        module = importlib.import_module(package)
        if hasattr(module, attribute):
            return module
    except ImportError as error:
        reason = "" if error.name in (package, None) else f" ({error})"
    raise MissingPackageError(f'{package} is not installed{reason}: pip install "lm-eval-api[{package}]"')


def keywords_of(function: Callable[..., object]) -> list[str] | None:
    """List the keyword arguments of a function.

    Args:
        function: The function.

    Returns:
        The names; None when the function takes any keyword, or has no signature.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return [parameter.name for parameter in parameters if parameter.kind is not parameter.POSITIONAL_ONLY]


def check_arguments(option: str, given: Mapping[str, object], known: Iterable[str] | None) -> None:
    """Refuse arguments that a service does not know.

    Args:
        option: The command-line option with the arguments.
        given: The arguments.
        known: The names the service knows; None means any.

    Raises:
        ConfigError: An argument is unknown.
    """
    if known is None:
        return
    names = list(known)
    for name in given:
        if name not in names:
            hint = did_you_mean(name, names) or f" There are: {', '.join(names)}."
            raise ConfigError(f"--{option} takes no {name!r}.{hint}")


def check_reachable(uri: str) -> None:
    """Connect to a server once: at a dead address, the clients of services try for minutes before they say so.

    Args:
        uri: Its URL. Nothing is checked when it is no URL of a server, or goes through a proxy.

    Raises:
        ConnectionError: Nothing answers there.
    """
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return
    if parts.scheme in getproxies() and not proxy_bypass(parts.hostname):
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, port), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ConnectionError(f"nothing answers at {shown_url(uri)} ({reason})") from error
