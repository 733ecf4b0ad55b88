"""Runs that are going on, or stopped before they were saved: read from the state next to their journals."""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lm_eval.results.json_values import as_count, as_list, as_mapping, as_number

__all__ = ["LiveRun", "read_state"]

_SILENT_SECONDS, _SILENT_HERE = 30.0, 600.0
"""Seconds without a new state, of two per second, after which a run counts as stopped.

A process of this machine that is alive may be busy; after ten minutes its number may be that of another process.
"""


@dataclass(frozen=True)
class LiveRun:
    """A run whose results are not saved.

    Attributes:
        path: The state file, relative to the folder, with ``/``.
        model: The model's name.
        tasks: The names of the tasks.
        status: ``running``, ``scoring`` when all responses came, or ``stopped``; a stopped run resumes when the same
            command is repeated.
        started: When it started, in seconds since 1970.
        updated: When its state was written, in seconds since 1970.
        total: Number of responses to come in all.
        done: Responses that came or were lost.
        errors: Responses that were lost.
        rate: Responses per second in the last half minute, without cached ones.
        cost: What it cost so far; None without prices.
        tokens: Prompt and completion tokens so far.
        retries: Number of retries.
        cached: Number of responses that came from the journal or a cache.
    """

    path: str
    model: str
    tasks: tuple[str, ...]
    status: Literal["running", "scoring", "stopped"]
    started: float
    updated: float
    total: int
    done: int
    errors: int
    rate: float
    cost: float | None
    tokens: int
    retries: int
    cached: int


def read_state(file: Path, path: str, now: float | None = None) -> LiveRun | None:
    """Read a state file.

    Args:
        file: The file.
        path: Its path relative to the folder of the index.
        now: Seconds since 1970; None takes the clock.

    Returns:
        The run; None when the file is gone or holds something else.
    """
    try:
        state = as_mapping(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None
    updated, started = as_number(state.get("updated")), as_number(state.get("started"))
    if updated is None or started is None:
        return None
    here = state.get("host") == socket.gethostname()
    silent = (time.time() if now is None else now) - updated > (_SILENT_HERE if here else _SILENT_SECONDS)
    alive = _is_alive(as_count(state.get("pid"))) if here else not silent
    # A process that scores its answers writes no state, so silence alone does not mean that it has stopped.
    stopped = not alive or (silent and not state.get("ended"))
    return LiveRun(
        path=path,
        model=str(state.get("model") or "model"),
        tasks=tuple(str(name) for name in as_list(state.get("tasks"))),
        status="stopped" if stopped else "scoring" if state.get("ended") else "running",
        started=started,
        updated=updated,
        total=as_count(state.get("total")),
        done=as_count(state.get("done")),
        errors=as_count(state.get("errors")),
        rate=as_number(state.get("rate")) or 0.0,
        cost=as_number(state.get("cost")),
        tokens=as_count(state.get("prompt_tokens")) + as_count(state.get("completion_tokens")),
        retries=as_count(state.get("retries")),
        cached=as_count(state.get("cached")),
    )


def _is_alive(process: int) -> bool:
    if process <= 0 or os.name == "nt":  # os.kill ends the process on Windows
        return process > 0
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
