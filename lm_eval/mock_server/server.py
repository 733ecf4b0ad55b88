"""``MockServer``: the server in a thread of its own, or in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import threading
import urllib.request
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from lm_eval.errors import ConfigError
from lm_eval.mock_server.app import Service, build_app
from lm_eval.mock_server.engine import Answers, Engine
from lm_eval.mock_server.faults import FaultPlan, FaultSource
from lm_eval.mock_server.pacing import Latency, RateLimit
from lm_eval.mock_server.prefix_cache import PrefixCache
from lm_eval.mock_server.profiles import Profile, get_profile
from lm_eval.mock_server.stats import RequestRecord, Stats
from lm_eval.mock_server.truth import LanguageModel

if TYPE_CHECKING:
    import ssl

    from aiohttp import web

__all__ = ["MockServer"]

_START_SECONDS = 30.0
_STOP_SECONDS = 0.5


class MockServer:
    """An OpenAI-compatible server for tests and demos.

    Use it as a context manager, or call ``start`` and ``stop``:

        with MockServer(profile="vllm", faults=["429:0.1"]) as server:
            ask(server.base_url)
            assert server.stats.faults["429"] > 0
    """

    def __init__(
        self,
        profile: str | Profile = "default",
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        model: str = "mock",
        max_model_len: int = 8192,
        latency_ms: float | str = 0,
        slots: int = 0,
        max_in_flight: int = 0,
        requests_per_minute: float = 0,
        rate_window: float = 60.0,
        faults: FaultSource = (),
        seed: int = 0,
        answers: Answers | None = None,
        reasoning: str = "",
        api_key: str | None = None,
        prefix_cache_blocks: int = 4096,
        refuse_for: float = 0.0,
        log_requests: int = 10_000,
        ssl_context: ssl.SSLContext | None = None,
        process: bool = False,
    ) -> None:
        """Describe the server; nothing starts yet.

        Args:
            profile: The server played, by name or as a ``Profile``.
            port: The port; 0 for a free one.
            host: The address to listen on.
            model: The name the model is served under.
            max_model_len: The context length in tokens.
            latency_ms: The time an answer takes: milliseconds, or ``"MEAN:SD"``.
            slots: How many answers are made at one time; 0 for no limit.
            max_in_flight: More requests than this at one time are answered 429; 0 for no limit.
            requests_per_minute: More are answered 429, with ``x-ratelimit-*`` headers; 0 for no limit.
            rate_window: Seconds after which a limit that was used up is whole again.
            faults: Rules with a rate such as ``"429:0.1"``; texts without one and None are a script, in order of
                arrival; or a function of a ``RequestRecord``.
            seed: Seeds faults, latency, and sampling without a seed.
            answers: Scripted answers: a function of the prompt, or a mapping.
            reasoning: A reasoning text in front of every chat answer.
            api_key: The key that requests have to bring.
            prefix_cache_blocks: The size of the simulated prefix cache, in blocks of 16 tokens; 0 for none.
            refuse_for: Refuse connections for so many seconds after the start.
            log_requests: How many of the last requests are kept with their bodies.
            ssl_context: Serve over TLS, with this certificate; ``fetch_stats`` does not follow there.
            process: Run in a process of its own, for benchmarks; not with ``answers``, a fault function, ``refuse_for``
                or ``ssl_context``.

        Raises:
            ConfigError: A setting has no meaning.
        """
        self.profile = get_profile(profile)
        self.model, self.host, self.port = model, host, port
        self._refuse_for, self._ssl_context = refuse_for, ssl_context
        self._service = Service(
            engine=Engine(
                self.profile,
                model,
                max_model_len,
                answers,
                reasoning,
                seed,
                cache=PrefixCache(prefix_cache_blocks),
            ),
            faults=FaultPlan(faults, seed),
            latency=Latency(latency_ms, seed),
            slots=slots,
            max_in_flight=max_in_flight,
            rate_limit=RateLimit(requests_per_minute, rate_window),
            api_key=api_key,
            stats=Stats(log=deque(maxlen=log_requests)),
        )
        self.lm = LanguageModel(self._service.engine)
        self._arguments: list[str] | None = None
        if process:
            self._arguments = self._command_line(faults, latency_ms, seed, answers, requests_per_minute)
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Event | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None

    @property
    def root_url(self) -> str:
        """The URL without ``/v1``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._ssl_context else 'http'}://{host}:{self.port}"

    @property
    def base_url(self) -> str:
        """The URL to give to a client, ending in ``/v1``."""
        return f"{self.root_url}/v1"

    @property
    def stats(self) -> Stats:
        """The counters; only of a server in a thread."""
        if self._arguments is not None:
            raise ConfigError("A server in a process of its own counts there: use fetch_stats().")
        return self._service.stats

    @property
    def requests(self) -> list[RequestRecord]:
        """The last requests for an answer, oldest first."""
        return list(self.stats.log)

    def fetch_stats(self, *, bodies: bool = False) -> dict[str, Any]:
        """Ask the server for its counters, wherever it runs.

        Args:
            bodies: List how often each body came, by ``stats.hash_body``.

        Returns:
            What ``/mock/stats`` says.
        """
        with urllib.request.urlopen(f"{self.root_url}/mock/stats{'?bodies' * bodies}", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

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
            ConfigError: It could not listen there.
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
        """Stop the server; requests that are being answered are broken off."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None
        if self._thread is not None and self._loop is not None and self._closing is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join()
            self._thread = None

    def run_forever(self, announce: Any = None) -> None:
        """Serve in this thread until SIGINT or SIGTERM.

        Args:
            announce: Called once when the server listens.

        Raises:
            ConfigError: It could not listen there.
        """
        try:
            asyncio.run(self._serve(announce, handle_signals=True))
        except OSError as error:
            raise ConfigError(f"The mock server cannot listen on {self.host}:{self.port}: {error}") from error

    def _run_thread(self) -> None:
        try:
            asyncio.run(self._serve(self._ready.set))
        except BaseException as error:
            self._failure = error
            self._ready.set()

    async def _serve(self, announce: Any, *, handle_signals: bool = False) -> None:
        from aiohttp import web

        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        if handle_signals:
            self._close_on_signals(self._closing)
        runner = web.AppRunner(
            build_app(self._service, self._closing),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=_STOP_SECONDS,
        )
        await runner.setup()
        listener = _bind(self.host, self.port)
        try:
            self.port = listener.getsockname()[1]
            if self._refuse_for:
                # A bound socket that does not listen refuses connections.
                announce()
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), self._refuse_for)
            await self._listen(runner, listener)
            if announce is not None and not self._refuse_for:
                announce()
            await self._closing.wait()
        finally:
            await runner.cleanup()
            listener.close()

    async def _listen(self, runner: web.AppRunner, listener: socket.socket) -> None:
        from aiohttp import web

        await web.SockSite(runner, listener, backlog=1024, ssl_context=self._ssl_context).start()

    def _close_on_signals(self, closing: asyncio.Event) -> None:
        import signal

        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(name, closing.set)

    def _command_line(
        self,
        faults: FaultSource,
        latency_ms: float | str,
        seed: int,
        answers: Answers | None,
        requests_per_minute: float,
    ) -> list[str]:
        service = self._service
        scripted = callable(faults) or any(not isinstance(fault, str) or ":" not in fault for fault in faults)
        special = self._refuse_for or self._ssl_context
        if scripted or answers is not None or special or self.profile != get_profile(self.profile.name):
            raise ConfigError("A mock server in a process of its own takes only what its command line takes.")
        options: dict[str, object] = {
            "--port": self.port,
            "--host": self.host,
            "--profile": self.profile.name,
            "--model-name": self.model,
            "--max-model-len": service.engine.max_model_len,
            "--latency-ms": latency_ms,
            "--slots": service.slots,
            "--max-in-flight": service.max_in_flight,
            "--requests-per-minute": requests_per_minute,
            "--seed": seed,
            "--prefix-cache-blocks": service.engine.cache.max_blocks,
            "--reasoning": service.engine.reasoning,
        }
        if service.api_key is not None:
            options["--api-key"] = service.api_key
        line = [f"{name}={value}" for name, value in options.items()]
        return line + [f"--fault={fault}" for fault in _texts(faults)]

    def _start_process(self, arguments: Sequence[str]) -> None:
        command = [sys.executable, "-m", "lm_eval.mock_server", *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self._process.stdout.readline() if self._process.stdout else ""
        if "http://" not in line:
            self.stop()
            raise ConfigError("The mock server's process did not start.")
        self.port = int(line.rpartition(":")[2].partition("/")[0])


def _texts(faults: FaultSource) -> list[str]:
    return [] if callable(faults) else [fault for fault in faults if isinstance(fault, str)]


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
