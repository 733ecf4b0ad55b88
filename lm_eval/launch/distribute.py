"""Do a run with several processes: probe once, start the shards, write what comes in, join the shards."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import sqlite3
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, cast

from lm_eval.api.instance import Usage
from lm_eval.config.run import RunSettings
from lm_eval.config.shard import Shard
from lm_eval.errors import APIError, ConfigError, LMEvalError, RunStopped, SavingError, UserError
from lm_eval.launch.hub import Hub, Snapshot
from lm_eval.launch.jobs import references
from lm_eval.launch.manifest import MANIFEST, run_key, shard_folder, shards_folder
from lm_eval.launch.merge import merge
from lm_eval.launch.shards import is_done, journal_file
from lm_eval.launch.work import Job, Outcome
from lm_eval.models.http.concurrency import FixedLimit, Gate
from lm_eval.models.http.file_lock import SECONDS_FOR_ANOTHER, FileLock
from lm_eval.models.http.journal_file import add_rows
from lm_eval.models.http.progress import Progress
from lm_eval.models.http.recorded import Recorded
from lm_eval.models.http.shared import Counts
from lm_eval.models.http.usage import Accounting
from lm_eval.results.atomic import write_atomically
from lm_eval.results.environment import lm_eval_version
from lm_eval.results.writer import ResultFiles

__all__ = ["distribute", "tidy"]

eval_logger = logging.getLogger("lm_eval")

_SECONDS_BETWEEN = 0.1
_SECONDS_OF_A_TICK = 0.5
_MAX_LOSSES = 5
"""How often the process of one shard may be lost before the run stops."""
_PART = ".part"
_VARIABLES = ("OPENAI_API_KEY", "HF_", "LM_EVAL_", "LMEVAL_")
_ONE_PROCESS: Mapping[str, Any] = {
    "shard": None, "distribute": None, "shards": None, "fresh": False, "save_config": None, "progress": False,
    "wandb_args": {}, "wandb_config_args": {}, "trackio_args": {}, "mlflow_args": {}, "hf_hub_log_args": {},
}  # fmt: skip
"""Settings of the run that its shards do not have."""


class Workers(Protocol):
    """Where shards are done: processes on this machine, or tasks on a cluster."""

    copies_journal: bool

    def cpus(self) -> int:
        """Return how many processes can run at the same time."""

    def room(self) -> bool:
        """Whether another process may be started."""

    def start(self, job: Job, journal: Path) -> None:
        """Start a process that does a job, with the answers in a journal."""

    def snapshot(self) -> Snapshot:
        """Return what has come in since the last snapshot."""

    def ended(self) -> Iterator[tuple[str, str]]:
        """Go through the processes that have ended: their names, and how."""

    def lost(self, worker: str) -> None:
        """Forget a process that is no more."""

    def stop(self) -> None:
        """Let all processes stop."""

    def close(self) -> None:
        """End all processes."""


def distribute(settings: RunSettings) -> dict[str, Any]:
    """Do a run with several processes.

    Args:
        settings: The settings of the run, with ``distribute``.

    Returns:
        The results, as a run by one process returns them. ``samples`` are read from the folder of the shards, which
        ``tidy`` removes.

    Raises:
        UserError: As for a run, also if nothing can be saved under the output path.
        APIError: As for a run.
        RunStopped: A budget is spent, or processes were lost too often; the same command resumes.
    """
    began = time.perf_counter()
    folder = scratch_folder(settings)
    ResultFiles(settings.output_path).journal_path("")  # Raises SavingError if nothing can be saved there.
    with _alone(folder):
        _do_shards(settings, folder)
        _, results = merge(folder, changes={"output_path": settings.output_path})
    results["total_evaluation_time_seconds"] = round(time.perf_counter() - began, 3)
    return results


def _do_shards(settings: RunSettings, folder: Path) -> None:
    if settings.fresh:
        shutil.rmtree(folder, ignore_errors=True)
    recorded = Recorded()
    accounting = _probe(settings, folder, recorded)
    workers = _workers(settings, accounting, folder)
    try:
        count = _count(settings, folder, workers)
        part = replace(settings, output_path=str(folder), **_ONE_PROCESS)
        _Distribution(part, count, workers, recorded, accounting, settings.progress).run()
    finally:
        workers.close()


def tidy(settings: RunSettings) -> None:
    """Remove the folder of the shards of a run that is saved.

    Args:
        settings: The settings of the run.
    """
    folder = scratch_folder(settings)
    with contextlib.suppress(RunStopped), _alone(folder):  # unless the same command has begun again
        shutil.rmtree(folder, ignore_errors=True)
        _lock_of(folder).unlink(missing_ok=True)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}-lock")


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other commands out of the folder of a run."""
    try:
        lock = FileLock(_lock_of(folder), seconds=SECONDS_FOR_ANOTHER)
    except BlockingIOError:
        raise RunStopped(
            f"Stopped: another command does the same run, with its shards in {folder}. Wait until it ends, and repeat "
            "the command if anything is missing."
        ) from None
    with contextlib.closing(lock):
        yield


def scratch_folder(settings: RunSettings) -> Path:
    """Name the folder in which a run keeps its shards while it goes on.

    Args:
        settings: The settings of the run.

    Returns:
        A hidden folder beside the results, named after what is asked, so that the same command finds it again.
    """
    path = Path(str(settings.output_path)).expanduser()
    key = run_key(settings, lm_eval_version())
    return (path.parent if path.suffix == ".json" else path) / f".shards-{key}"


def _probe(settings: RunSettings, folder: Path, recorded: Recorded) -> Accounting:
    """Check the tasks and the server as a run by one process does; return what counts its cost."""
    from lm_eval.evaluator import check_model
    from lm_eval.judging import bench
    from lm_eval.preparation import prepare

    with prepare(settings) as prepared, bench(settings, prepared.tasks) as judges:
        context = check_model(prepared, settings, folder / MANIFEST, recorded)
        judges.prepare(replace(context, journal=None, recorded=None))
        pool = getattr(prepared.lm, "harness_pool", None)
        args = getattr(prepared.lm, "args", None)
        if pool is None or args is None or not pool.connection.has_url:
            return Accounting()
        session: Accounting = pool.session.accounting
        session.start()
        return session


def _workers(settings: RunSettings, accounting: Accounting, folder: Path) -> Workers:
    """Start what the setting ``distribute`` names."""
    requests, tokens = (_number(settings.model_args.get(f"{name}_per_minute")) for name in ("requests", "tokens"))
    kind, _, rest = str(settings.distribute).partition(":")
    if kind == "local":
        from lm_eval.launch.local import LocalWorkers

        return LocalWorkers(Hub(requests, tokens), int(rest), folder / "logs")
    from lm_eval.launch.on_ray import RayWorkers

    return RayWorkers(settings.distribute if rest else None, requests, tokens)


def _number(value: object) -> float | None:
    return float(str(value)) if value is not None else None


def _count(settings: RunSettings, folder: Path, workers: Workers) -> int:
    """Return the number of shards: that of the interrupted run, if there is one, since its answers belong to shards."""
    begun = {int(found.name.partition("-of-")[2]) for found in shards_folder(folder).glob("*-of-*")}
    if begun:
        count = begun.pop()
        if settings.shards not in (None, count):
            raise ConfigError(
                f"The interrupted run in {settings.output_path} has {count} shards, and --shards is {settings.shards}:"
                f" leave --shards out to resume, or give --fresh to start over."
            )
        return count
    if settings.shards is not None:
        return settings.shards
    return workers.cpus()


class _Spent:
    """The tokens of a run so far, in a file of its folder: its budgets count them when the run is resumed."""

    def __init__(self, path: Path) -> None:
        self._path, self._written = path, Usage()

    def read(self) -> Usage:
        """Return what earlier commands have spent."""
        try:
            prompt, completion = json.loads(self._path.read_bytes())
            return Usage(int(prompt), int(completion))
        except (OSError, ValueError, TypeError):
            return Usage()

    def write(self, spent: Usage) -> None:
        """Save the sum, if it has changed."""
        if spent != self._written:
            self._written = spent
            write_atomically(self._path, [json.dumps([spent.prompt, spent.completion])])


class _AllShards:
    """What the line of progress reads of an engine, for all shards together."""

    def __init__(self, accounting: Accounting) -> None:
        self.accounting = accounting
        self.gate = Gate(FixedLimit(0))
        self.status: Callable[[], str] = str

    def take(self, counts: Counts) -> None:
        """Use the sums over all shards."""
        accounting = self.accounting
        accounting.requests, accounting.cached, accounting.retries = counts.requests, counts.cached, counts.retries
        accounting.usage.prompt, accounting.usage.completion = counts.prompt, counts.completion
        self.gate.inside, self.gate.limit.value = counts.in_flight, counts.limit


class _Distribution:
    """Starts shards until all are done, and takes up those whose process is lost."""

    def __init__(
        self,
        settings: RunSettings,
        count: int,
        workers: Workers,
        recorded: Recorded,
        accounting: Accounting,
        shown: bool | None,
    ) -> None:
        self._settings, self._count, self._workers = settings, count, workers
        self._recorded, self._accounting, self._shown = recorded, accounting, shown
        self._folder = str(settings.output_path)
        self._jobs: dict[str, Job] = {}
        self._outcomes: dict[str, Outcome] = {}
        self._losses: Counter[int] = Counter()
        self._failure: LMEvalError | None = None
        self._all = _AllShards(replace(accounting))
        self._progress: Progress | None = None
        self._ticked = 0.0
        self._probe = replace(accounting.usage)
        self._earlier = Usage()
        self._spent = _Spent(Path(self._folder) / "spent.json")

    def run(self) -> None:
        """Do all shards that are not done."""
        shards = [Shard(index, self._count) for index in range(self._count)]
        done = {shard: is_done(self._settings, shard) for shard in shards}
        waiting = deque(shard for shard, manifest in done.items() if manifest is None)
        self._earlier = self._spent.read()
        if done[shards[0]] is not None:  # The first shard would count the probe.
            self._earlier.add(self._probe)
        if len(waiting) < len(shards):
            eval_logger.warning(
                "%d of %d shards are done; --fresh starts over.", len(shards) - len(waiting), len(shards)
            )
        self._began_with = len(waiting)
        try:
            while (waiting and self._failure is None) or self._jobs:
                while waiting and self._failure is None and self._workers.room():
                    self._start(waiting.popleft())
                time.sleep(_SECONDS_BETWEEN)
                # In this order: what a process sent before it ended is in the snapshot.
                ended = list(self._workers.ended())
                self._take(self._workers.snapshot())
                waiting.extend(shard for worker, how in ended if (shard := self._settle(worker, how)) is not None)
        except BaseException:
            self._stop()
            raise
        finally:
            if self._progress is not None:
                self._progress.close()
        if self._failure is not None:
            raise self._failure

    def _stop(self) -> None:
        """End all processes, and write what they sent until then."""
        self._workers.stop()
        deadline = time.monotonic() + 10
        with contextlib.suppress(LMEvalError):
            while self._jobs and time.monotonic() < deadline:
                ended = list(self._workers.ended())
                self._take(self._workers.snapshot())
                for worker, _ in ended:
                    self._jobs.pop(worker, None)
                time.sleep(_SECONDS_BETWEEN)
            self._take(self._workers.snapshot())

    def _start(self, shard: Shard) -> None:
        folder = shard_folder(self._folder, shard)
        folder.mkdir(parents=True, exist_ok=True)
        for unfinished in folder.glob(f"*{_PART}"):
            unfinished.unlink()
        worker = f"{shard.index}.{self._losses[shard.index]}"
        job = Job(
            self._settings,
            shard,
            worker,
            self._recorded,
            self._accounting.seconds_left(),
            _environment(self._settings),
            os.getcwd(),
            min(self._workers.cpus(), self._count),
            self._earlier,
        )
        self._jobs[worker] = job
        self._workers.start(job, journal_file(folder))

    def _take(self, found: Snapshot) -> None:
        """Write what came in, and show how far the run is."""
        try:
            self._write(found)
        except (OSError, sqlite3.Error) as error:  # such as a full disk
            raise SavingError(
                f"{self._folder} cannot be written: {error}. The same command resumes the run."
            ) from error
        for level, text in found.messages:
            eval_logger.log(level, "%s", text)
        self._outcomes |= {worker: Outcome(*cast("tuple[str, str]", how)) for worker, how in found.outcomes.items()}
        self._show(found.counts, found.shards)
        counts, earlier = found.counts, self._earlier
        self._spent.write(Usage(earlier.prompt + counts.prompt, earlier.completion + counts.completion))

    def _write(self, found: Snapshot) -> None:
        rows: dict[int, list[tuple[bytes, bytes]]] = {}
        for delivery in found.deliveries:
            if not delivery.name:
                keys, bodies = delivery.parts
                rows.setdefault(delivery.shard, []).append((keys, bodies))
            else:
                path = shard_folder(self._folder, Shard(delivery.shard, self._count)) / f"{delivery.name}{_PART}"
                with path.open("ab") as file:
                    file.write(delivery.parts[0])
        for index, found_rows in rows.items():
            add_rows(journal_file(shard_folder(self._folder, Shard(index, self._count))), found_rows)

    def _settle(self, worker: str, how: str) -> Shard | None:
        """Take note of a process that has ended; return its shard if another process has to take it up."""
        job, outcome = self._jobs.pop(worker), self._outcomes.pop(worker, None)
        folder = shard_folder(self._folder, job.shard)
        if outcome is not None and outcome.kind == "done":
            parts = sorted(folder.glob(f"*{_PART}"), key=lambda path: path.name.startswith(MANIFEST))
            for path in parts:
                path.replace(path.with_name(path.name.removesuffix(_PART)))
            if is_done(self._settings, job.shard) is not None:
                shutil.rmtree(journal_file(folder).parent, ignore_errors=True)
            return None
        if outcome is not None and outcome.kind != "interrupted":
            self._fail(_error_of(outcome, job.shard))
            return None
        self._workers.lost(worker)
        if self._failure is not None:
            return None
        self._losses[job.shard.index] += 1
        if self._losses[job.shard.index] > _MAX_LOSSES:
            log = Path(self._folder) / "logs" / f"{job.shard.name}.log"
            more = f" {log} has what it said." if log.is_file() else ""
            times = f"was lost {_MAX_LOSSES + 1} times"
            self._fail(RunStopped(f"Stopped: the process of shard {job.shard} {times}, the last time: {how}.{more}"))
            return None
        eval_logger.warning(
            "The process of shard %s is lost (%s). Another one takes it up from its answers.", job.shard, how
        )
        return job.shard

    def _fail(self, error: LMEvalError) -> None:
        if self._failure is None:
            self._failure = error
            self._workers.stop()

    def _show(self, counts: Counts, reporting: int) -> None:
        if counts.total and reporting:
            # Shards that have not begun are about as large as the others.
            total = max(round(counts.total * self._began_with / reporting), counts.done)
            if self._progress is None:
                self._all.take(Counts())  # The line counts what comes after its start, and this is the first report.
                self._progress = Progress(total, self._all, self._shown)
            self._all.take(counts)
            self._progress.become(total, counts.done, counts.errors)
        now = time.monotonic()
        if self._progress is not None and now - self._ticked >= _SECONDS_OF_A_TICK:
            self._ticked = now
            self._progress.tick()


def _error_of(outcome: Outcome, shard: Shard) -> LMEvalError:
    if outcome.kind == "bug":
        return LMEvalError(f"Shard {shard} failed:\n{outcome.text}")
    kinds: dict[str, type[LMEvalError]] = {"stopped": RunStopped, "mistake": UserError, "endpoint": APIError}
    return kinds[outcome.kind](outcome.text)


def _environment(settings: RunSettings) -> dict[str, str]:
    """Return the variables that a process on another machine needs: keys, and where data is."""
    named = set(references([settings.model_args, *settings.judge_model_args]))
    return {name: value for name, value in os.environ.items() if name.startswith(_VARIABLES) or name in named}
