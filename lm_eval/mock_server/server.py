"""``MockServer``: the server in a separate thread or in a separate process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

from lm_eval.errors import ConfigError
from lm_eval.mock_server.app import MockApp
from lm_eval.mock_server.settings import ServerSettings, command_line
from lm_eval.mock_server.stats import RequestRecord, Stats
from lm_eval.mock_server.truth import LanguageModel

__all__ = ["MockServer"]

_START_SECONDS = 30.0
_STOP_SECONDS = 0.5


class MockServer(ServerSettings):
    """An OpenAI-compatible server for tests and demos; ``ServerSettings`` has its options.

    Use the server as a context manager, or call ``start`` and ``stop``:

        with MockServer(profile="vllm", faults=["429:0.1"]) as server:
            ask(server.base_url)
            assert server.stats.faults["429"] > 0

    Attributes:
        active_profile: The profile of the server.
        lm: The language model, to compute the right scores without HTTP.
    """

    def __post_init__(self) -> None:
        """Build the parts; nothing starts yet.

        Raises:
            ConfigError: An option has no meaning.
            UnknownNameError: There is no such profile.
        """
        super().__post_init__()
        self._app = MockApp(self)
        self.active_profile = self._app.served.profile
        self.lm = LanguageModel(self._app.served)
        self._arguments = command_line(self) if self.process else None
        self._child: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None

    @property
    def root_url(self) -> str:
        """The URL without ``/v1``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.ssl_context else 'http'}://{host}:{self.port}"

    @property
    def base_url(self) -> str:
        """The URL to give to a client, ending in ``/v1``."""
        return f"{self.root_url}/v1"

    @property
    def stats(self) -> Stats:
        """The counters; only for a server in a thread."""
        if self._arguments is not None:
            raise ConfigError("The counters of a server in a separate process are there: use fetch_stats().")
        return self._app.stats

    @property
    def requests(self) -> list[RequestRecord]:
        """The last requests for an answer of the model, oldest first."""
        return list(self.stats.log)

    def fetch_stats(self, *, bodies: bool = False) -> dict[str, Any]:
        """Request the counters of the server, which may run in a thread or a process.

        Args:
            bodies: Add the number of requests per body, by ``stats.hash_body``.

        Returns:
            The answer of ``/mock/stats``.
        """
        with urllib.request.urlopen(f"{self.root_url}/mock/stats{'?bodies' * bodies}", timeout=10) as answer:
            stats: dict[str, Any] = json.load(answer)
        return stats

    def __enter__(self) -> MockServer:
        """Start the server."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server."""
        self.stop()

    def start(self) -> MockServer:
        """Start the server and wait until it listens.

        Returns:
            The server itself.

        Raises:
            ConfigError: The server cannot listen on the address and port.
        """
        if self._arguments is not None:
            self._start_process(self._arguments)
            return self
        self._ready.clear()
        self._failure = None
        self._thread = threading.Thread(target=self._run_thread, name="mock-server", daemon=True)
        self._thread.start()
        if not self._ready.wait(_START_SECONDS):
            raise ConfigError("The mock server did not start in time.")
        if self._failure is not None:
            self._thread.join()
            raise ConfigError(f"The mock server cannot listen on {self.host}:{self.port}: {self._failure}")
        return self

    def stop(self) -> None:
        """Stop the server; the connections of unanswered requests are closed."""
        if self._child is not None:
            self._child.terminate()
            try:
                self._child.wait(10)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
            if self._child.stdout is not None:
                self._child.stdout.close()
            self._child = None
        if self._thread is not None and self._loop is not None and self._closing is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join()
            self._thread = None

    def run_forever(self, announce: Callable[[], object] | None = None) -> None:
        """Serve in this thread until SIGINT or SIGTERM.

        Args:
            announce: Called once, when the server listens.

        Raises:
            ConfigError: The server cannot listen on the address and port.
        """
        try:
            asyncio.run(self._serve(announce, handle_signals=True))
        except (OSError, OverflowError) as error:  # OverflowError: there is no such port
            raise ConfigError(f"The mock server cannot listen on {self.host}:{self.port}: {error}") from error

    def _run_thread(self) -> None:
        try:
            asyncio.run(self._serve(self._ready.set))
        except BaseException as error:
            self._failure = error
            self._ready.set()

    async def _serve(self, announce: Callable[[], object] | None, *, handle_signals: bool = False) -> None:
        from aiohttp import web

        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        if handle_signals:
            self._close_on_signals(self._closing)
        runner = web.AppRunner(
            self._app.build(self._closing),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=_STOP_SECONDS,
        )
        await runner.setup()
        listener = _bind(self.host, self.port)
        try:
            self.port = listener.getsockname()[1]
            if self.refuse_for:
                # A socket that is bound but does not listen refuses connections.
                if announce is not None:
                    announce()
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), self.refuse_for)
            await web.SockSite(runner, listener, backlog=1024, ssl_context=self.ssl_context).start()
            if announce is not None and not self.refuse_for:
                announce()
            await self._closing.wait()
        finally:
            await runner.cleanup()
            listener.close()

    def _close_on_signals(self, closing: asyncio.Event) -> None:
        import signal

        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(name, closing.set)

    def _start_process(self, arguments: Sequence[str]) -> None:
        command = [sys.executable, "-m", "lm_eval.mock_server", *arguments]
        self._child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self._child.stdout.readline() if self._child.stdout else ""
        if "http://" not in line:
            self.stop()
            raise ConfigError("The process of the mock server did not start.")
        self.port = int(line.rpartition(":")[2].partition("/")[0])


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError):
        listener.close()
        raise
    listener.setblocking(False)
    return listener
