"""Log lines that are written only once, or only on request."""

from __future__ import annotations

import logging
from functools import cache

__all__ = ["info_once", "maybe_warn", "warning_once"]


@cache
def warning_once(logger: logging.Logger, msg: str, *args: object) -> None:
    """Log a warning, but the same one only once.

    Args:
        logger: Writes the line.
        msg: The text, with places for the arguments.
        *args: The arguments.
    """
    logger.warning(msg, *args)


@cache
def info_once(logger: logging.Logger, msg: str, *args: object) -> None:
    """Log a piece of information, but the same one only once.

    Args:
        logger: Writes the line.
        msg: The text, with places for the arguments.
        *args: The arguments.
    """
    logger.info(msg, *args)


def maybe_warn(msg: str, verbose: bool = True) -> None:
    """Log a warning, or nothing.

    Args:
        msg: The text.
        verbose: Whether it is logged.
    """
    if verbose:
        logging.getLogger("lm_eval").warning("%s", msg)
