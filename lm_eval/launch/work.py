"""Do a shard for the process that started the run: report to its hub, and say how the shard ended."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from lm_eval.api.instance import Usage
from lm_eval.config.run import RunSettings
from lm_eval.config.shard import Shard, Share
from lm_eval.errors import APIError, RunStopped, UserError
from lm_eval.launch.manifest import Manifest
from lm_eval.models.http.recorded import Recorded
from lm_eval.models.http.shared import Orders, Report, SharedRun

__all__ = ["Job", "Outcome", "do_shard"]


class Outcome(NamedTuple):
    """How a shard ended.

    Attributes:
        kind: ``done``, ``interrupted``, ``stopped`` (a budget), ``mistake`` (the user's), ``endpoint`` (it cannot be
            used) or ``bug``.
        text: The message of an error.
    """

    kind: str
    text: str = ""


@dataclass(slots=True)
class Job:
    """A shard to do; it can be pickled.

    Attributes:
        settings: The settings of the run. Its ``output_path`` holds the shards.
        shard: The shard.
        worker: The name of the process that does it, which no other process of the run has or had.
        recorded: The replies to the probe.
        seconds_left: The rest of ``max_time``; None without this budget.
        environment: Variables that the process is to have, if it has them not.
        folder: The working folder of the run.
        processes: Number of processes of the run that run at the same time.
        earlier: The tokens that the run has paid for before its processes began.
    """

    settings: RunSettings
    shard: Shard
    worker: str
    recorded: Recorded
    seconds_left: float | None = None
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = ""
    processes: int = 1
    earlier: Usage = field(default_factory=Usage)


def do_shard(
    job: Job,
    exchange: Callable[[Report], Orders],
    *,
    copies_journal: bool = False,
    finish: Callable[[Manifest, SharedRun], None] | None = None,
) -> Outcome:
    """Run a shard, and tell the hub how it ended.

    Args:
        job: The shard.
        exchange: Takes a report to the hub, and returns its orders.
        copies_journal: Whether the rows of the journal go to the hub, because its disk is not this one.
        finish: Called with the manifest of a shard that is done, before the hub is told.

    Returns:
        How the shard ended.
    """
    from lm_eval.launch.shards import run_shard

    shared = SharedRun(
        exchange,
        job.worker,
        job.shard.index,
        recorded=job.recorded,
        seconds_left=job.seconds_left,
        copies_journal=copies_journal,
        share=Share(job.processes, job.shard.count),
        earlier=job.earlier,
    )
    outcome = Outcome("bug", "the process ended without a word")
    try:
        with _warnings_to(shared):
            manifest = run_shard(job.settings, job.shard, shared)
            if finish is not None:
                finish(manifest, shared)
        outcome = Outcome("done")
    except KeyboardInterrupt:
        outcome = Outcome("interrupted")
    except RunStopped as error:
        outcome = Outcome("stopped", str(error))
    except UserError as error:
        outcome = Outcome("mistake", str(error))
    except APIError as error:
        outcome = Outcome("endpoint", str(error))
    except Exception:
        outcome = Outcome("bug", traceback.format_exc())
    finally:
        shared.close(outcome)
    return outcome


@contextmanager
def _warnings_to(shared: SharedRun) -> Iterator[None]:
    """Send warnings of this package to the hub, which shows each of them once."""
    logger, handler = logging.getLogger("lm_eval"), _Forwarding(shared)
    saved = logger.handlers, logger.propagate, logger.level
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.handlers, logger.propagate = saved[:2]
        logger.setLevel(saved[2])


class _Forwarding(logging.Handler):
    def __init__(self, shared: SharedRun) -> None:
        super().__init__(logging.WARNING)
        self._shared = shared

    def emit(self, record: logging.LogRecord) -> None:
        """Add a warning to the next report."""
        said = record.levelno, record.getMessage()
        self._shared.note(lambda report: report.messages.append(said))
