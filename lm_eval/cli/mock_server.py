"""Serve a small language model on an OpenAI-compatible API, with latency and faults on request."""

from __future__ import annotations

import argparse

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the server's options.

    Args:
        parser: Gets the options.
    """
    from lm_eval.mock_server import command

    command.add_arguments(parser)


def run(namespace: argparse.Namespace) -> int:
    """Serve until interrupted.

    Args:
        namespace: The parsed options.

    Returns:
        0.
    """
    from lm_eval.mock_server import command

    return int(command.run(namespace) or 0)
