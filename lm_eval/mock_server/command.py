"""``lm_eval mock-server``: options, and the server in the foreground."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from lm_eval.errors import ConfigError
from lm_eval.mock_server.faults import KINDS
from lm_eval.mock_server.profiles import PROFILES

__all__ = ["add_arguments", "main", "run", "serve"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command.

    Args:
        parser: The parser of the subcommand.
    """
    add = parser.add_argument
    add("--port", type=int, default=8000, help="port to listen on; 0 for a free one (default: %(default)s)")
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--profile", default="default", metavar="NAME", help=f"server to play: {', '.join(PROFILES)}")
    add("--model-name", default="mock", help="name the model is served under (default: %(default)s)")
    add("--max-model-len", type=int, default=8192, help="context length in tokens (default: %(default)s)")
    add("--latency-ms", default="0", metavar="MS[:SD]", help="time an answer takes, fixed or mean and deviation")
    add("--slots", type=int, default=0, help="answers made at one time; 0 for no limit")
    add("--max-in-flight", type=int, default=0, help="answer 429 above so many requests at one time")
    add("--requests-per-minute", type=float, default=0, help="answer 429 above so many requests a minute")
    add(
        "--fault",
        action="append",
        default=[],
        metavar="KIND[=VALUE]:RATE",
        help=f"let a fraction of the requests go wrong; may be repeated. Kinds: {', '.join(KINDS)}",
    )
    add("--seed", type=int, default=0, help="seeds faults, latency and sampling (default: %(default)s)")
    add("--answers", metavar="FILE", help="JSON object: text in a prompt -> the answer to give")
    add("--reasoning", default="", help="reasoning text in front of every chat answer")
    add("--api-key", help="key that requests have to bring")
    add("--prefix-cache-blocks", type=int, default=4096, help="simulated prefix cache, in blocks of 16 tokens")


def run(namespace: argparse.Namespace) -> int:
    """Run the command.

    Args:
        namespace: The parsed options of ``add_arguments``.

    Returns:
        The exit code.

    Raises:
        ConfigError: An option has no meaning, or the port is taken.
        UnknownNameError: There is no such profile.
    """
    serve(
        port=namespace.port,
        host=namespace.host,
        profile=namespace.profile,
        model=namespace.model_name,
        max_model_len=namespace.max_model_len,
        latency_ms=namespace.latency_ms,
        slots=namespace.slots,
        max_in_flight=namespace.max_in_flight,
        requests_per_minute=namespace.requests_per_minute,
        faults=namespace.fault,
        seed=namespace.seed,
        answers=_read_answers(namespace.answers),
        reasoning=namespace.reasoning,
        api_key=namespace.api_key,
        prefix_cache_blocks=namespace.prefix_cache_blocks,
    )
    return 0


def serve(
    port: int = 8000,
    host: str = "127.0.0.1",
    profile: str = "default",
    latency_ms: float | str = 0,
    faults: Sequence[str] = (),
    model: str = "mock",
    *,
    max_model_len: int = 8192,
    slots: int = 0,
    max_in_flight: int = 0,
    requests_per_minute: float = 0,
    seed: int = 0,
    answers: Mapping[str, str] | None = None,
    reasoning: str = "",
    api_key: str | None = None,
    prefix_cache_blocks: int = 4096,
) -> None:
    """Serve until Ctrl-C or SIGTERM; one line with the URL is printed when the server is ready.

    Args:
        port: The port; 0 for a free one.
        host: The address to listen on.
        profile: The server played.
        latency_ms: Milliseconds, or ``"MEAN:SD"``.
        faults: Texts such as ``"429:0.1"``.
        model: The name the model is served under.
        max_model_len: The context length in tokens.
        slots: How many answers are made at one time.
        max_in_flight: More requests than this at one time are answered 429.
        requests_per_minute: More are answered 429.
        seed: Seeds faults, latency and sampling.
        answers: Scripted answers.
        reasoning: A reasoning text in front of every chat answer.
        api_key: The key that requests have to bring.
        prefix_cache_blocks: The size of the simulated prefix cache.

    Raises:
        ConfigError: An option has no meaning, or the port is taken.
        UnknownNameError: There is no such profile.
    """
    from lm_eval.mock_server.server import MockServer

    server = MockServer(
        profile,
        port,
        host=host,
        model=model,
        max_model_len=max_model_len,
        latency_ms=latency_ms,
        slots=slots,
        max_in_flight=max_in_flight,
        requests_per_minute=requests_per_minute,
        faults=faults,
        seed=seed,
        answers=answers,
        reasoning=reasoning,
        api_key=api_key,
        prefix_cache_blocks=prefix_cache_blocks,
        # Nobody could look at them, and the bodies take memory.
        log_requests=0,
    )

    def announce() -> None:
        print(f"mock server ({server.profile.name}), model {server.model!r}: {server.base_url}", flush=True)

    server.run_forever(announce)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command on its own, as ``python -m lm_eval.mock_server``.

    Args:
        arguments: The command line without the program's name.

    Returns:
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="lm_eval mock-server", description="Serve a small model as an OpenAI API.")
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def _read_answers(path: str | None) -> dict[str, str] | None:
    if path is None:
        return None
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"Answers file {path}: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(answer, str) for answer in found.values()):
        raise ConfigError(f"Answers file {path} is not a JSON object of texts.")
    return found
