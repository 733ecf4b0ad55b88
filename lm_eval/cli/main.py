"""Find the subcommand, run it, and turn an exception into one line and an exit code."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from itertools import pairwise
from types import FrameType, TracebackType

from lm_eval.cli import exit_codes
from lm_eval.cli.output import use_nearest_characters
from lm_eval.cli.parser import Parser
from lm_eval.config.redact import hide_in_argv, redact_words
from lm_eval.errors import APIError, BatchesPending, RunStopped, SeveralErrors, UserError, nearest
from lm_eval.text import outgoing

__all__ = ["COMMANDS", "discard_output", "main"]

COMMANDS = {
    "run": "evaluate a model on tasks ('run' may be left out)",
    "sweep": "run many models, tasks and settings from one file",
    "launch": "write a run in shards as jobs of Slurm or Kubernetes",
    "compare": "compare runs document by document, and gate a release",
    "merge": "join the shards of a run to its results",
    "rescore": "score saved responses again, without asking the model",
    "report": "write a saved run as one HTML file with all samples",
    "view": "look at all runs below a folder in the browser, also while they go on",
    "matrix": "print all runs below a folder as one table, or write it as one HTML file",
    "export-results": "write saved runs in the formats of Inspect, Every Eval Ever and the Hub",
    "ls": "list tasks, groups, subtasks or tags",
    "show": "show the config and a prompt of a task, or the members of a group",
    "new": "write the folder of a new task",
    "export": "write tasks as flat files that the reference harness runs too",
    "validate": "check task files without loading data",
    "probe": "find out what a server can do and which tasks can run on it",
    "mock-server": "serve a small model on an OpenAI-compatible API",
    "demo": "run small tasks, or judges with --judge, on the mock server; needs no network",
    "completion": "print a script that lets a shell complete commands, options and task names",
}
"""Subcommand to its line in the help. The module ``lm_eval.cli.<name>`` has ``add_arguments`` and ``run``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        argv: The words after ``lm_eval``; None means those of this process.

    Returns:
        One of ``lm_eval.cli.exit_codes``.
    """
    code = exit_codes.NEGATIVE
    use_nearest_characters()
    words = list(sys.argv[1:] if argv is None else argv)
    if argv is None:
        if threading.current_thread() is threading.main_thread():
            _stop_like_an_interrupt()
        hide_in_argv()
        sys.excepthook = _print_traceback
    else:
        redact_words(words)
    try:
        code = _run(words)
    finally:
        if argv is None:
            _leave(code)
    return code


class _Stopped(KeyboardInterrupt):
    """A signal asks the process to end; everything that Ctrl-C does happens, too."""

    def __init__(self, sign: int) -> None:
        self.sign = sign
        super().__init__(sign)

    def __str__(self) -> str:
        return ""


def _stop_like_an_interrupt() -> None:
    """Let the signals of ``kill``, ``timeout``, a scheduler and a closed terminal stop a command as Ctrl-C does."""

    def stop(sign: int, frame: FrameType | None) -> None:
        raise _Stopped(sign)

    for name in ("SIGTERM", "SIGHUP"):
        sign = getattr(signal, name, None)
        if sign is not None and signal.getsignal(sign) == signal.SIG_DFL:  # nohup ignores SIGHUP
            signal.signal(sign, stop)


def _sign_of(error: BaseException | None) -> int | None:
    """Return the signal behind an interruption; None for Ctrl-C."""
    while error is not None:
        if isinstance(error, _Stopped):
            return error.sign
        error = error.__cause__ or error.__context__
    return None


def _run(words: list[str]) -> int:
    try:
        return _dispatch(words)
    except BrokenPipeError:  # the reader of a pipe, such as `head`, has ended
        discard_output()
        return exit_codes.OK
    except (UserError, APIError, RunStopped, KeyboardInterrupt) as error:
        if _wants_traceback(words):
            import traceback

            print(outgoing(traceback.format_exc(), lines=True), end="", file=sys.stderr)
        return _report(error)


def _print_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Print the traceback of an error in this package, without secrets."""
    import traceback

    print(outgoing("".join(traceback.format_exception(kind, error, trace)), lines=True), end="", file=sys.stderr)


def discard_output() -> None:
    """Send further output to nowhere, since the reader of stdout has ended."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _leave(code: int) -> None:
    """End the process at once if the client of a service hangs, since its exit handlers hang, too."""
    from lm_eval.loggers.hanging import hanging_services

    if hanging_services():
        if sys.exc_info()[0] is not None:
            import traceback

            traceback.print_exc()
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _report(error: BaseException) -> int:
    """Print an error as one line, or one line for each of several errors, and return the exit code."""
    if isinstance(error, KeyboardInterrupt):
        sign = _sign_of(error)
        how = "interrupted" if sign is None else f"ended by {signal.Signals(sign).name}"
        text = f"{how}. {error}".strip()
        code = exit_codes.INTERRUPTED if sign is None else exit_codes.SIGNAL + sign
    elif isinstance(error, BatchesPending):
        text, code = str(error), exit_codes.PENDING
        print("".join(f"{command}\n" for command in error.commands), end="")
    elif isinstance(error, RunStopped):
        text, code = str(error), exit_codes.STOPPED
    else:
        text, code = f"error: {error}", exit_codes.MISTAKE
    lines = [f"error: {line}" for line in error.problems] if isinstance(error, SeveralErrors) else [text]
    for line in lines:
        print(f"lm_eval: {outgoing(' '.join(line.split()))}", file=sys.stderr)
    return code


def _dispatch(words: list[str]) -> int:
    if not words or words[0] in {"-h", "--help"}:
        print(_overview())
        return 0
    if words[0] == "--version":
        from lm_eval import __version__

        print(f"lm_eval {__version__}")
        return 0
    name, rest = ("run", words) if words[0].startswith("-") else (words[0], words[1:])
    if name not in COMMANDS:
        close = nearest(name, COMMANDS)
        hint = f"Did you mean '{close[0]}'?" if close else f"The commands are {', '.join(COMMANDS)}."
        raise UserError(f"Unknown command {name!r}. {hint}")
    module = import_module(f"lm_eval.cli.{name.replace('-', '_')}")
    parser = Parser(prog=f"lm_eval {name}", description=module.__doc__)
    module.add_arguments(parser)
    return int(module.run(parser.read(rest)) or 0)


def _overview() -> str:
    lines = [f"  {name:<16}{text}" for name, text in COMMANDS.items()]
    return "\n".join(
        [
            "usage: lm_eval COMMAND [options]",
            "",
            "Evaluate language models behind OpenAI-compatible APIs.",
            "",
            "commands:",
            *lines,
            "",
            "lm_eval COMMAND --help lists a command's options; lm_eval --version prints the version.",
        ]
    )


def _wants_traceback(words: Sequence[str]) -> bool:
    """Look for DEBUG in the words themselves, since parsing them may be what failed."""
    levels = {after.upper() for word, after in pairwise(words) if word in {"-v", "--verbosity"}}
    levels |= {word.partition("=")[2].upper() for word in words if word.startswith("--verbosity=")}
    named = os.environ.get("LMEVAL_LOG_LEVEL", "").upper()
    return "DEBUG" in ({named} if named else levels)
