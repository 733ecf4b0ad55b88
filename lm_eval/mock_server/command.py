"""``lm_eval mock-server``: the server in the foreground."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lm_eval.errors import ConfigError
from lm_eval.mock_server.settings import add_arguments, given_options

__all__ = ["add_arguments", "main", "run"]


def run(namespace: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM; print one line with the URL when the server is ready.

    Args:
        namespace: The parsed options of ``add_arguments``.

    Returns:
        The exit code, 0.

    Raises:
        ConfigError: An option has no meaning, or the port is taken.
        UnknownNameError: There is no such profile.
    """
    from lm_eval.mock_server.server import MockServer

    options: dict[str, Any] = given_options(namespace)
    if namespace.answers is not None:
        options["answers"] = _read_answers(namespace.answers)
    # The process has no caller who could look at the requests, and their bodies take memory.
    server = MockServer(**options, log_requests=0)

    def announce() -> None:
        print(f"mock server ({server.active_profile.name}), model {server.model!r}: {server.base_url}", flush=True)

    server.run_forever(announce)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command without the rest of the command line, as ``python -m lm_eval.mock_server``.

    Args:
        arguments: The command line without the program's name.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="lm_eval mock-server", description="Serve a small model as an OpenAI API.")
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def _read_answers(path: str) -> dict[str, str]:
    try:
        answers = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"Answers file {path}: {error}") from error
    if not isinstance(answers, dict) or not all(isinstance(answer, str) for answer in answers.values()):
        raise ConfigError(f"Answers file {path} is not a JSON object of texts.")
    return answers
