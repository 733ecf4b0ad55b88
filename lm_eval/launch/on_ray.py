"""The processes of a run on a Ray cluster: one task for each shard, and an actor as hub.

A node of the cluster needs no disk that others see. A task keeps its journal on its own disk, and sends each row of it
to the hub; the process that started the run writes the rows to its disk. When a node is lost, the next task of its
shard gets the rows that came. Files of a shard that is done take the same way.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from lm_eval.errors import MissingPackageError, RunStopped
from lm_eval.launch.hub import Hub, Snapshot
from lm_eval.launch.manifest import MANIFEST, Manifest, shard_folder
from lm_eval.launch.shards import journal_file
from lm_eval.launch.work import Job, Outcome, do_shard
from lm_eval.models.http.journal_file import add_rows, rows_of
from lm_eval.models.http.shared import Delivery, Orders, Report, SharedRun

__all__ = ["RayWorkers"]

_PIECE = 1 << 22
_SECONDS_TO_END = 20.0
_ANSWER_SECONDS = 60.0
_MAX_SECONDS_AWAY = 180.0
"""How long the hub may be out of reach, as on a busy node, before its run ends."""
_SECONDS_BETWEEN_TRIES, _SECONDS_BEFORE_CONNECTING_AGAIN = 1.0, 5.0


class RayWorkers:
    """Starts tasks, notices when they end, and talks to the hub of the run."""

    copies_journal = True

    def __init__(self, address: str | None, requests_per_minute: float | None, tokens_per_minute: float | None) -> None:
        """Connect to a cluster, or start one on this machine, and start the hub.

        Args:
            address: As for ``ray.init``; None takes the connection of this process, the cluster that RAY_ADDRESS names,
                or a new one on this machine.
            requests_per_minute: Maximum number of requests per minute of all tasks.
            tokens_per_minute: Maximum number of tokens per minute of all tasks.

        Raises:
            MissingPackageError: Ray is not installed.
            RunStopped: The cluster cannot be reached.
        """
        self._ray = _ray()
        self._own = not self._ray.is_initialized()
        if self._own:
            try:
                self._connect(address)
            except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
                what = " ".join(str(error).split())
                raise RunStopped(f"The Ray cluster {address or 'of this machine'} cannot be used: {what}") from error
        self._hub = self._start_hub(requests_per_minute, tokens_per_minute)
        self._task = self._ray.remote(num_cpus=1, max_retries=0)(_do)
        self._running: dict[Any, str] = {}
        self._received = 0

    def _connect(self, address: str | None) -> None:
        """Connect, and once more if a busy head node has given the connection up."""
        connect = partial(
            self._ray.init, address=address, log_to_driver=False, logging_level="ERROR", configure_logging=False
        )
        try:
            connect()
        except ConnectionAbortedError:
            time.sleep(_SECONDS_BEFORE_CONNECTING_AGAIN)
            connect()

    def _start_hub(self, requests_per_minute: float | None, tokens_per_minute: float | None) -> Any:
        """Start the hub on the node of this process, if that is a node, because then both are lost together."""
        options: dict[str, Any] = {"num_cpus": 0}
        if not self._ray.util.client.ray.is_connected():
            from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

            here = self._ray.get_runtime_context().get_node_id()
            options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(here, soft=False)
        return self._ray.remote(Hub).options(**options).remote(requests_per_minute, tokens_per_minute)

    def cpus(self) -> int:
        """Return the number of CPUs of the cluster."""
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def room(self) -> bool:
        """Whether another task may be submitted; Ray decides when it runs."""
        return True

    def start(self, job: Job, journal: Path) -> None:
        """Submit a task.

        Args:
            job: What it does.
            journal: The rows that the shard begins with.
        """
        pieces = [self._ray.put(rows) for rows in _pieces(journal)]
        self._running[self._task.remote(job, self._hub, pieces)] = job.worker

    def snapshot(self) -> Snapshot:
        """Return what has come in since the last snapshot.

        Raises:
            RunStopped: The hub is lost.
        """
        try:
            found: Snapshot = _answer(self._ray, lambda: self._hub.snapshot.remote(self._received))
        except self._ray.exceptions.RayError as error:
            raise RunStopped(
                f"Stopped: the hub of the run is lost ({type(error).__name__}). Answers are kept; the same command"
                " resumes the run."
            ) from error
        self._received = found.number
        return found

    def ended(self) -> Iterator[tuple[str, str]]:
        """Find the tasks that have ended.

        Yields:
            The name of a worker, and how it ended.
        """
        if not self._running:
            return
        done, _ = self._ray.wait(list(self._running), num_returns=len(self._running), timeout=0)
        for task in done:
            try:
                said = Outcome(*self._ray.get(task)).kind
            except self._ray.exceptions.RayError as error:
                said = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            yield self._running.pop(task), said

    def lost(self, worker: str) -> None:
        """Tell the hub that a task is no more.

        Args:
            worker: Its name.
        """
        self._hub.lost.remote(worker)

    def stop(self) -> None:
        """Let all tasks stop; those that have not begun are cancelled."""
        with contextlib.suppress(self._ray.exceptions.RayError):
            begun = self._ray.get(self._hub.stop.remote(), timeout=_SECONDS_TO_END)
            for task, worker in self._running.items():
                if worker not in begun:
                    self._ray.cancel(task)

    def close(self) -> None:
        """End all tasks and the hub."""
        self.stop()
        if self._running:
            self._ray.wait(list(self._running), num_returns=len(self._running), timeout=_SECONDS_TO_END)
        for task in self._running:
            with contextlib.suppress(Exception):
                self._ray.cancel(task, force=True)
        self._running.clear()
        with contextlib.suppress(Exception):
            self._ray.kill(self._hub)
        if self._own:
            self._ray.shutdown()


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingPackageError(
            "--distribute ray needs the package ray: pip install 'lm-eval-api[ray]'. --distribute local:N needs none."
        ) from error
    return ray


def _answer(ray: Any, call: Callable[[], Any]) -> Any:
    """Call an actor; while it cannot be reached, call it again.

    Args:
        ray: The package.
        call: Makes the call. The actor may have carried out a call whose answer is lost.

    Raises:
        RayError: The actor is dead, or out of reach for too long.
    """
    deadline = time.monotonic() + _MAX_SECONDS_AWAY
    while True:
        try:
            return ray.get(call(), timeout=_ANSWER_SECONDS)
        except (ray.exceptions.ActorUnavailableError, ray.exceptions.GetTimeoutError):
            if time.monotonic() > deadline:
                raise
        time.sleep(_SECONDS_BETWEEN_TRIES)


def _pieces(journal: Path) -> Iterator[list[tuple[bytes, bytes]]]:
    """Go through the rows of a journal in lists of a few megabytes."""
    rows: list[tuple[bytes, bytes]] = []
    size = 0
    for row in rows_of(journal):
        rows.append(row)
        size += len(row[0]) + len(row[1])
        if size >= _PIECE:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def _do(job: Job, hub: Any, pieces: list[Any]) -> tuple[str, str]:
    """Do a shard in a task, on the disk of its node."""
    ray = _ray()
    for name, value in job.environment.items():
        os.environ.setdefault(name, value)
    if job.folder and Path(job.folder).is_dir():
        os.chdir(job.folder)

    def exchange(report: Report) -> Orders:
        orders: Orders = _answer(ray, lambda: hub.exchange.remote(report))
        return orders

    with tempfile.TemporaryDirectory(prefix="lm-eval-shard-") as folder:
        settings = replace(job.settings, output_path=folder)
        journal = journal_file(shard_folder(folder, job.shard))
        for piece in pieces:
            add_rows(journal, ray.get(piece))
        done = do_shard(replace(job, settings=settings), exchange, copies_journal=True, finish=_send_files)
    return done.kind, done.text


def _send_files(manifest: Manifest, shared: SharedRun) -> None:
    """Send the files of a shard to the hub, the manifest last."""
    names = [name for entry in manifest.tasks.values() for name in entry.hashes]
    for name in (*names, MANIFEST):
        with (manifest.folder / name).open("rb") as file:
            while True:
                piece = file.read(_PIECE)
                shared.deliver(Delivery(manifest.shard.index, name, (piece,)))
                if len(piece) < _PIECE:
                    break
