"""Serve a folder of runs from a thread, and drive its pages in Chromium."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import TracebackType

from lm_eval.reports.runs import RunIndex
from lm_eval.reports.view import ViewServer

__all__ = ["Address", "Serving"]


class Address:
    """An address that a page of the browser opens as it opens a file."""

    def __init__(self, url: str) -> None:
        self._url = url

    def resolve(self) -> Address:
        return self

    def as_uri(self) -> str:
        return self._url


class Serving:
    """A server in its own thread; a context manager."""

    def __init__(self, folder: Path, store: Path | None = None) -> None:
        self.index = RunIndex(folder, store or folder.parent / "index.sqlite")
        self.url = ""
        self._ready, self._loop = threading.Event(), asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        async def serve() -> None:
            server = ViewServer(self.index)
            self.url = await server.start(0)
            self._stop = asyncio.Event()
            self._ready.set()
            await self._stop.wait()
            await server.stop()

        self._loop.run_until_complete(serve())
        self._loop.close()

    def __enter__(self) -> Serving:
        self._thread.start()
        assert self._ready.wait(30)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        self.index.close()
