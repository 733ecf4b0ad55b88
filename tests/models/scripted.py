"""A server whose answers are decided by a test."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request, Any], Awaitable[web.StreamResponse] | web.StreamResponse]


def completion(*texts: str, **more: Any) -> web.Response:
    """Answer as /v1/completions does."""
    choices = [{"index": place, "text": text, "finish_reason": "stop"} for place, text in enumerate(texts)]
    return web.json_response({"choices": choices, "usage": {"prompt_tokens": 2, "completion_tokens": 1}, **more})


def message(content: Any, finish: str = "stop", **fields: Any) -> web.Response:
    """Answer as /v1/chat/completions does."""
    reply = {"role": "assistant", "content": content, **fields}
    return web.json_response({"choices": [{"index": 0, "message": reply, "finish_reason": finish}]})


class ScriptedServer:
    """Runs a handler in a thread; records path, headers and body of every request."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.seen: list[tuple[str, dict[str, str], Any]] = []
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def bodies(self) -> list[Any]:
        return [body for _, _, body in self.seen]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw) if raw else None
        self.seen.append((request.path_qs, dict(request.headers), body))
        response = self.handler(request, body)
        return response if isinstance(response, web.StreamResponse) else await response

    async def _serve(self) -> None:
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        self._stop = asyncio.Event()
        self._started.set()
        await self._stop.wait()
        await runner.cleanup()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
