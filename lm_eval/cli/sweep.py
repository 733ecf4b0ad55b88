"""Run many models on many tasks with many settings, from one file; repeated, only what is missing or was lost."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lm_eval.cli import exit_codes
from lm_eval.cli._settings import add_setting
from lm_eval.text import outgoing, visible

if TYPE_CHECKING:
    from lm_eval.sweep.runner import Ended

__all__ = ["add_arguments", "run"]

_COMMAND = (sys.executable, "-m", "lm_eval", "sweep", "--one")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments.

    Args:
        parser: The parser to add them to.
    """
    parser.usage = "lm_eval sweep FILE [--dry_run] [--fresh] [--output_path DIR]"
    parser.add_argument("file", metavar="FILE", nargs="?", help="A YAML or JSON file with models, tasks and settings.")
    add_setting(parser, "output_path", "Folder for the results of all runs, instead of the one in the file.")
    parser.add_argument("--dry_run", action="store_true", help="Ask nothing: print what all runs would ask and cost.")
    parser.add_argument("--fresh", action="store_true", help="Start over, also runs that are complete.")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)


def run(namespace: argparse.Namespace) -> int:
    """Run the cells, or print the bill.

    Args:
        namespace: The parsed options.

    Returns:
        An exit code.
    """
    from lm_eval.errors import ConfigError
    from lm_eval.sweep.file import read_sweep

    if namespace.one:
        return _run_one()
    if namespace.file is None:
        raise ConfigError("Name the file of the sweep: lm_eval sweep FILE.")
    sweep = read_sweep(Path(namespace.file).expanduser(), getattr(namespace, "output_path", None))
    if namespace.dry_run:
        from lm_eval.sweep.bill import bill
        from lm_eval.utils import setup_logging

        setup_logging("ERROR")
        text, failed = bill(sweep)
        print(outgoing(text, lines=True))
        return exit_codes.MISTAKE if failed else exit_codes.OK
    from lm_eval.sweep.runner import run_cells
    from lm_eval.sweep.state import forget

    if namespace.fresh:
        for cell in sweep.cells:
            forget(cell)
    stopped = (exit_codes.STOPPED, exit_codes.INTERRUPTED)
    ended = run_cells(sweep.cells, _COMMAND, stopped, lambda line: print(visible(line), file=sys.stderr, flush=True))
    counts = Counter(one.state for one in ended)
    print(visible(f"{len(ended)} runs in {sweep.folder}: {', '.join(f'{n} {state}' for state, n in counts.items())}"))
    return _code(ended)


def _code(ended: Sequence[Ended]) -> int:
    """Return the exit code of all cells: that of an interruption first, then what the same command can mend."""
    states = {one.state for one in ended}
    codes = {one.code for one in ended}
    if exit_codes.INTERRUPTED in codes or "not started" in states:
        return exit_codes.INTERRUPTED
    if "stopped" in states:
        return exit_codes.STOPPED
    if states == {"failed"} and codes <= {exit_codes.MISTAKE, None}:
        return exit_codes.MISTAKE
    if states & {"failed", "lost", "incomplete"}:
        # Lost documents that max_errors allows are no error.
        bad = [one for one in ended if one.state in ("failed", "incomplete") or one.code == exit_codes.ERRORS]
        return exit_codes.ERRORS if bad else exit_codes.OK
    return exit_codes.LOGGERS if exit_codes.LOGGERS in codes else exit_codes.OK


def _run_one() -> int:
    """Run what a line on stdin says; stop as after Ctrl-C when stdin ends before the run."""
    from lm_eval.cli.run import execute
    from lm_eval.config.redact import remember
    from lm_eval.config.run import RunSettings

    # A shell that starts a sweep in the background lets it ignore Ctrl-C, and so would this process.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    options = json.loads(sys.stdin.buffer.readline())
    remember(options)

    def wait() -> None:
        # Not through sys.stdin, whose lock would be held when the interpreter ends.
        if not os.read(sys.stdin.fileno(), 1):
            os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=wait, name="lm-eval-stdin", daemon=True).start()
    return execute(RunSettings.from_mapping(options))
