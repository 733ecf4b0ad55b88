"""Keeps a run alive when a tracker fails."""

from __future__ import annotations

import functools
import importlib
import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

from lm_eval.errors import MissingPackageError

__all__ = ["guarded", "load"]

eval_logger = logging.getLogger("lm_eval")
F = TypeVar("F", bound=Callable[..., Any])


def guarded(method: F) -> F:
    """Log what a method raises in place of raising it; results are never lost for a tracker's sake.

    Args:
        method: A method of a logger.

    Returns:
        The method; it returns None when it failed, and does nothing once the logger's ``alive`` is false.
    """

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not self.alive:
            return None
        try:
            return method(self, *args, **kwargs)
        except Exception as error:
            reason = " ".join(str(error).split())[:300]
            eval_logger.error(
                "%s.%s failed: %s: %s", type(self).__name__, method.__name__, type(error).__name__, reason
            )
            return None

    return cast("F", call)


def load(package: str) -> Any:
    """Import a tracker's package.

    Args:
        package: ``wandb`` or ``trackio``.

    Returns:
        The module.

    Raises:
        MissingPackageError: It is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError:
        raise MissingPackageError(f'{package} is not installed: pip install "lm-eval-api[{package}]"') from None
