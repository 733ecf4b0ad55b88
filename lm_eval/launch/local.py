"""The processes of a run on this machine: started here, and connected to the hub by a local socket."""

from __future__ import annotations

import contextlib
import os
import pickle
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path

from lm_eval.launch.hub import Hub, Snapshot
from lm_eval.launch.work import Job

__all__ = ["LocalWorkers"]

_SECONDS_TO_END = 20.0
_MODULE = "lm_eval.launch.worker"


class LocalWorkers:
    """Starts processes, notices when they end, and keeps the hub for them."""

    copies_journal = False

    def __init__(self, hub: Hub, processes: int, logs: Path) -> None:
        """Open the socket; starts no process.

        Args:
            hub: The hub.
            processes: Maximum number of processes at the same time.
            logs: Folder for what the processes write to stderr.
        """
        self._hub, self._most, self._logs = hub, processes, logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._key = secrets.token_bytes(32)
        self._listener = Listener(authkey=self._key)
        self._closing = False
        threading.Thread(target=self._accept, name="lm-eval-hub", daemon=True).start()

    def cpus(self) -> int:
        """Return how many processes can run at the same time."""
        return self._most

    def room(self) -> bool:
        """Whether another process may be started."""
        return len(self._running) < self._most

    def start(self, job: Job, journal: Path) -> None:
        """Start a process.

        Args:
            job: What it does.
            journal: Where its answers are; it finds them there itself.
        """
        self._logs.mkdir(parents=True, exist_ok=True)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with (self._logs / f"{job.shard.name}.log").open("ab") as log:
            # In a session of its own, so that Ctrl-C reaches only the process that was started, which stops the others.
            process = subprocess.Popen(
                [sys.executable, "-m", _MODULE],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        self._running[job.worker] = process
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError), process.stdin:
            pickle.dump((self._listener.address, self._key, job), process.stdin)

    def snapshot(self) -> Snapshot:
        """Return what has come in since the last snapshot."""
        return self._hub.snapshot()

    def ended(self) -> Iterator[tuple[str, str]]:
        """Find the processes that have ended.

        Yields:
            The name of a process, and how it ended.
        """
        for worker, process in list(self._running.items()):
            if (code := process.poll()) is not None:
                del self._running[worker]
                yield worker, f"killed by signal {-code}" if code < 0 else f"exit code {code}"

    def lost(self, worker: str) -> None:
        """Tell the hub that a process is no more.

        Args:
            worker: Its name.
        """
        self._hub.lost(worker)

    def stop(self) -> None:
        """Let all processes stop."""
        self._hub.stop()

    def close(self) -> None:
        """End all processes, and close the socket."""
        self._hub.stop()
        for process in self._running.values():
            try:
                process.wait(_SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()
        self._closing = True
        with contextlib.suppress(OSError, EOFError):  # accept() does not notice that its socket is closed
            Client(self._listener.address, authkey=self._key).close()
        self._listener.close()

    def _accept(self) -> None:
        while not self._closing:
            try:
                connection = self._listener.accept()
            except Exception:  # somebody without the key, or a process that has just ended
                continue
            if not self._closing:
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        with contextlib.suppress(OSError, EOFError), connection:
            while True:
                connection.send(self._hub.exchange(connection.recv()))
