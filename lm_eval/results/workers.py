"""Worker processes that score documents, each under a limit of CPU time that the kernel enforces.

The workers are copies of this process (``fork``), because tasks hold functions that cannot be pickled. A fork is safe
only where no other thread holds a lock. So one process, the starter, is forked before the run begins; it does nothing
but fork workers when they are asked for, also to replace one that the kernel has killed. Each worker has a socket of
its own, and a thread of this process that waits for its result.
"""

from __future__ import annotations

import gc
import os
import pickle
import queue
import signal
import socket
import struct
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from lm_eval.api.time_limit import limiting

__all__ = ["Lost", "Workers"]

Done = Callable[[object], None]
_LENGTH = struct.Struct("!Q")
_REQUEST = struct.Struct("!cq")
"""What the starter is asked: ``s`` to start a worker, ``e`` how the worker with this process id ended."""
_NUMBER = struct.Struct("!q")


class Lost:
    """Stands for the result of a job whose process ended before it was done.

    Attributes:
        status: The exit code; a negative number is that of a signal.
    """

    def __init__(self, status: int) -> None:
        """Note how the process ended.

        Args:
            status: The exit code.
        """
        self.status = status

    @property
    def timed_out(self) -> bool:
        """Whether the kernel ended the process because its CPU time was used up."""
        return self.status == -signal.SIGXCPU

    def __str__(self) -> str:
        return f"by {signal.Signals(-self.status).name}" if self.status < 0 else f"with exit code {self.status}"


class Workers:
    """Does jobs in processes, at most ``count`` at a time."""

    def __init__(self, work: Callable[[Any], object], count: int, seconds: float) -> None:
        """Fork the starter; there is no worker before the first job.

        Args:
            work: Does a job. Jobs and results are sent by pickle; what ``work`` changes in memory stays in its process.
            count: Maximum number of workers.
            seconds: CPU time for each call of ``time_limit.limited`` in ``work``; 0 sets no limit.
        """
        self._jobs: queue.SimpleQueue[tuple[object, Done] | None] = queue.SimpleQueue()
        self._count, self._waiting, self._closed = count, 0, False
        self._threads: list[threading.Thread] = []
        self._pids: set[int] = set()
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python warns of any fork while other threads run
            self._starter = os.fork()
        if not self._starter:
            self._control.close()
            _start_workers(theirs, work, seconds)
        theirs.close()

    def submit(self, job: object, done: Done) -> None:
        """Have a job done; returns at once.

        Args:
            job: The job.
            done: Called in a thread of this process with what ``work`` returns, or with the exception that it raises
                or that makes the job impossible to send, or with ``Lost``.
        """
        if len(self._threads) < self._count:
            thread = threading.Thread(target=self._serve, name="lm-eval-scoring", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._jobs.put((job, done))

    def finish(self) -> None:
        """Wait until all jobs are done, and end the processes."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        self.close()

    def close(self) -> None:
        """End the processes at once; jobs that are not done are dropped."""
        if self._closed:
            return
        with self._lock:
            self._closed = True
            self._control.close()
            for pid in self._pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for _ in self._threads:
            self._jobs.put(None)
        with suppress(ChildProcessError):
            os.waitpid(self._starter, 0)

    def _serve(self) -> None:
        """Pass jobs to one worker after the other; this is what a thread does."""
        worker: tuple[int, socket.socket] | None = None
        while (item := self._jobs.get()) is not None:
            job, done = item
            try:
                content = pickle.dumps(job, pickle.HIGHEST_PROTOCOL)
            except Exception as error:
                done(error)
                continue
            try:
                worker = worker or self._started()
                _send(worker[1], content)
                reply = _receive(worker[1])
                if reply is None:
                    if self._closed:
                        return
                    lost, worker = Lost(self._ended(*worker)), None
                    done(lost)
                    continue
            except OSError as error:
                if self._closed:
                    return
                worker = None
                done(error)
                continue
            try:
                result = pickle.loads(reply)
            except Exception as error:
                result = error
            done(result)
        if worker is not None:
            self._ended(*worker)

    def _started(self) -> tuple[int, socket.socket]:
        """Ask the starter for a worker."""
        with self._lock:
            self._control.sendall(_REQUEST.pack(b"s", 0))
            number, files, _, _ = socket.recv_fds(self._control, _NUMBER.size, 1)
            if len(number) < _NUMBER.size or not files:
                raise OSError("No process can be started for scoring")
            (pid,) = _NUMBER.unpack(number)
            self._pids.add(pid)
            return pid, socket.socket(fileno=files[0])

    def _ended(self, pid: int, connection: socket.socket) -> int:
        """Close the connection to a worker, which ends it, and return its exit code."""
        connection.close()
        with self._lock, suppress(OSError):
            self._pids.discard(pid)
            self._control.sendall(_REQUEST.pack(b"e", pid))
            return int(_NUMBER.unpack(_exactly(self._control, _NUMBER.size) or bytes(_NUMBER.size))[0])
        return 0


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    """Read a number of bytes; None at the end of the stream."""
    found = bytearray()
    while len(found) < size:
        part = connection.recv(min(size - len(found), 1 << 20))
        if not part:
            return None
        found += part
    return bytes(found)


def _send(connection: socket.socket, content: bytes) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # the reader finds the end of the stream
        connection.sendall(_LENGTH.pack(len(content)) + content)


def _receive(connection: socket.socket) -> bytes | None:
    """Read what ``_send`` sent; None at the end of the stream."""
    try:
        head = _exactly(connection, _LENGTH.size)
        return None if head is None else _exactly(connection, _LENGTH.unpack(head)[0])
    except ConnectionResetError:
        return None


def _start_workers(control: socket.socket, work: Callable[[Any], object], seconds: float) -> NoReturn:
    """Fork workers until the process that wants them ends; this is what the starter does."""
    children: set[int] = set()
    try:
        # Ctrl-C reaches all processes of a terminal, and the first one decides about the others.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        gc.freeze()
        while (request := _exactly(control, _REQUEST.size)) is not None:
            kind, pid = _REQUEST.unpack(request)
            if kind == b"e":
                children.discard(pid)
                _, status = os.waitpid(pid, 0)
                control.sendall(_NUMBER.pack(os.waitstatus_to_exitcode(status)))
                continue
            ours, theirs = socket.socketpair()
            pid = os.fork()
            if not pid:
                control.close()
                ours.close()
                _work(theirs, work, seconds)
            theirs.close()
            children.add(pid)
            socket.send_fds(control, [_NUMBER.pack(pid)], [ours.fileno()])
            ours.close()
    except OSError:  # the process that wants workers is gone
        pass
    finally:
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        os._exit(0)


def _work(connection: socket.socket, work: Callable[[Any], object], seconds: float) -> NoReturn:
    """Do jobs until the connection ends; this is what a worker does."""
    import resource

    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        with limiting(seconds, kills=True):
            while (content := _receive(connection)) is not None:
                _send(connection, _result(work, content))
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(0)


def _result(work: Callable[[Any], object], content: bytes) -> bytes:
    """Do a job; return the pickle of its result or of its exception."""
    try:
        result = work(pickle.loads(content))
    except Exception as error:
        result = error
    try:
        found = pickle.dumps(result, pickle.HIGHEST_PROTOCOL)
        if isinstance(result, BaseException):
            pickle.loads(found)  # an exception with arguments of its own may fail only here
        return found
    except Exception as error:
        return pickle.dumps(ValueError(f"{type(error).__name__}: {error}"))
