"""The run under way, for tasks that make their own documents: its model, its seeds, its data folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lm_eval.api.model import LM

__all__ = ["WATCH", "CurrentRun", "Watch", "current_run", "during"]


@dataclass(frozen=True, slots=True)
class CurrentRun:
    """What a ``custom_dataset`` may know of the run that asks for its documents.

    Attributes:
        lm: The model that will be asked; None when there is none.
        random_seed: The seed of ``random``; None when the run seeds nothing.
        numpy_seed: The seed of ``numpy.random``; None when the run seeds nothing.
        data_dir: The folder with datasets; None without one.
    """

    lm: LM | None = None
    random_seed: int | None = 0
    numpy_seed: int | None = 1234
    data_dir: Path | None = None


Watch = Callable[[Any, Any, Callable[[], int]], None]
"""Gets the progress of the requests, the engine that sends them, and what returns the number of responses to come."""
WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)
"""What is told when the requests of a run begin; None tells nobody."""
_current: ContextVar[CurrentRun] = ContextVar("current_run")


def current_run() -> CurrentRun:
    """Return the run under way; one without a model, with the default seeds, where there is none."""
    return _current.get(CurrentRun())


@contextmanager
def during(run: CurrentRun) -> Iterator[None]:
    """Make a run the current one.

    Args:
        run: The run.
    """
    token = _current.set(run)
    try:
        yield
    finally:
        _current.reset(token)
