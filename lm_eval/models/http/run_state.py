"""The state of a run that is going on, in a small file next to its journal, for ``lm_eval view``.

The file is replaced as a whole, so a reader never sees half of it. It is not synchronised to disk: after a power cut it
may be old, and then it only shows an old state. A run never fails because its state cannot be written.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lm_eval.config.redact import redact

if TYPE_CHECKING:
    from lm_eval.models.http.usage import Accounting

__all__ = ["RunState", "state_path"]

_SUFFIX = ".state.json"
_SECONDS_BETWEEN_WRITES = 0.5
_RATE_SECONDS = 30.0
"""The rate is that of the last seconds."""


def state_path(journal: Path) -> Path:
    """Return the file with the state of the run that has a journal.

    Args:
        journal: The journal.

    Returns:
        A file in the same folder.
    """
    return journal.with_suffix(_SUFFIX)


class RunState:
    """Writes the state of a run, at most twice per second.

    Attributes:
        total: Number of responses to come.
    """

    def __init__(
        self,
        journal: Path,
        model: str,
        tasks: Sequence[str],
        total: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Describe the run; nothing is written.

        Args:
            journal: The journal of the run.
            model: The name of the model.
            tasks: The tasks of the run.
            total: Number of responses to come.
            clock: Returns monotonic seconds.
        """
        self._path, self._clock, self.total = state_path(journal), clock, total
        self._about = {
            "format": 1,
            "model": redact(model),
            "tasks": list(tasks),
            "started": time.time(),
            "pid": os.getpid(),
            "host": socket.gethostname(),
        }
        self._written = -_SECONDS_BETWEEN_WRITES
        self._seen: deque[tuple[float, int]] = deque([(clock(), 0)])

    def update(self, done: int, errors: int, accounting: Accounting, *, ended: bool = False) -> None:
        """Write the state, unless it was written less than half a second ago.

        Args:
            done: Responses that came or were lost.
            errors: Responses that were lost.
            accounting: Knows requests, tokens and cost.
            ended: Whether no more responses will come; then the state is written in any case.
        """
        now = self._clock()
        if not ended and now - self._written < _SECONDS_BETWEEN_WRITES:
            return
        self._written = now
        self._seen.append((now, done - accounting.cached))
        while len(self._seen) > 2 and now - self._seen[1][0] > _RATE_SECONDS:
            self._seen.popleft()
        (began, before), (_, came) = self._seen[0], self._seen[-1]
        self._write(
            {
                **self._about,
                "updated": time.time(),
                "total": self.total,
                "done": done,
                "errors": errors,
                "rate": round(max(0, came - before) / (now - began), 3) if now > began else 0.0,
                "requests": accounting.requests,
                "cached": accounting.cached,
                "retries": accounting.retries,
                "prompt_tokens": accounting.usage.prompt,
                "completion_tokens": accounting.usage.completion,
                "cost": accounting.cost,
                "ended": ended,
            }
        )

    def _write(self, state: Mapping[str, object]) -> None:
        unfinished = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with suppress(OSError):
            unfinished.write_text(json.dumps(state), encoding="utf-8")
            os.replace(unfinished, self._path)
