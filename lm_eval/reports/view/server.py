"""Serve the viewer on this machine: what each address answers. It only reads."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Mapping
from math import isfinite

from aiohttp import web
from aiohttp.typedefs import Handler

from lm_eval.errors import ConfigError, UserError
from lm_eval.reports.html.page import report_page
from lm_eval.reports.matrix import Matrix, best_of, matrix_of
from lm_eval.reports.runs import RunIndex
from lm_eval.reports.view import beside, bundle, tables
from lm_eval.reports.view.access import guarded

__all__ = ["ViewServer"]

_SECONDS_BETWEEN_WALKS = 1.0
_MAX_RUNS_BESIDE = 12
_MAX_DOCS = 20_000
"""Maximum number of documents on a report page, of all its tasks; a page with more takes the browser too long."""
_KEPT_PAGES = 4
_REPORT_POLICY = "frame-ancestors 'none'"
"""The report's page has its own policy, with the hashes of its style and script."""

_Answer = Callable[["ViewServer", web.Request], object]


class ViewServer:
    """A server of the runs below a folder; it answers ``GET`` alone.

    Attributes:
        index: The index.
        token: The first part of every address.
        url: The address of the page; empty before ``start``.
    """

    def __init__(self, index: RunIndex, token: str = "") -> None:
        """Prepare a server.

        Args:
            index: The index of the folder.
            token: The token in the addresses; empty makes one.
        """
        self.index, self.token, self.url = index, token or secrets.token_urlsafe(18), ""
        self._walked, self._version = 0.0, 0
        self._refreshing = asyncio.Lock()
        self._pages: dict[tuple[str, str, int], str] = {}
        self._runner: web.AppRunner | None = None

    async def start(self, port: int | None = None, first: int = 7680) -> str:
        """Listen on 127.0.0.1.

        Args:
            port: The port; None takes the first free one of 20.
            first: The first of these.

        Returns:
            The address of the page.

        Raises:
            ConfigError: The port is in use.
        """
        self._runner = web.AppRunner(self.app(), access_log=None, handle_signals=False)
        await self._runner.setup()
        for number in range(first, first + 20) if port is None else [port]:
            site = web.TCPSite(self._runner, "127.0.0.1", number)
            try:
                await site.start()
            except OSError:
                continue
            host, bound = self._runner.addresses[0][:2]
            self.url = f"http://{host}:{bound}/{self.token}/"
            return self.url
        await self._runner.cleanup()
        raise ConfigError(
            f"Port {port} is in use; choose another with --port."
            if port
            else "No port is free; choose one with --port."
        )

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def app(self) -> web.Application:
        """Return the application."""
        app = web.Application(middlewares=[guarded(self.token)])
        base = "/{token}"
        app.router.add_get(base, self._to_page)
        app.router.add_get(f"{base}/", self._page)
        app.router.add_get(f"{base}/view.js", self._script)
        app.router.add_get(f"{base}/view.css", self._styles)
        app.router.add_get(f"{base}/report/{{key}}", self._report)
        for name, answer in _ANSWERS.items():
            app.router.add_get(f"{base}/api/{name}", self._json(answer))
        return app

    async def _to_page(self, request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": f"/{self.token}/"})

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text=bundle.view_page(), content_type="text/html")

    async def _script(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text=bundle.script(), content_type="text/javascript")

    async def _styles(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text=bundle.styles(), content_type="text/css")

    async def _report(self, request: web.Request) -> web.StreamResponse:
        await self._refresh()
        try:
            page = await asyncio.to_thread(self._report_text, request.match_info["key"], request.query.get("task", ""))
        except UserError as error:
            return web.Response(status=404, text=f"{error}\n")
        headers = {"Content-Security-Policy": _REPORT_POLICY}
        return web.Response(text=page, content_type="text/html", headers=headers)

    def _report_text(self, key: str, task: str) -> str:
        page_key = (key, task, self._version)
        if (kept := self._pages.get(page_key)) is not None:
            return kept
        summary = self.index.summary(key)
        shown = [task] if task else summary.leaves
        docs = sum(summary.tasks[name].n or 0 for name in shown if name in summary.tasks)
        limit = None if docs <= _MAX_DOCS else max(1, _MAX_DOCS // len(shown))
        viewer = {"run": key, "address": f"/{self.token}/"}
        page = report_page(self.index.run(key), [task] if task else [], limit, viewer)
        self._pages = {**dict(list(self._pages.items())[1 - _KEPT_PAGES :]), page_key: page}
        return page

    def _json(self, answer: _Answer) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            await self._refresh()
            try:
                data = await asyncio.to_thread(answer, self, request)
            except UserError as error:
                return web.json_response({"error": str(error)}, status=404)
            text = await asyncio.to_thread(_to_json, data)
            return web.Response(text=text, content_type="application/json")

        return handle

    async def _refresh(self) -> None:
        """Look for new and changed files, at most once per second."""
        async with self._refreshing:
            if time.monotonic() - self._walked < _SECONDS_BETWEEN_WALKS:
                return
            if await asyncio.to_thread(self.index.refresh):
                self._version += 1
            self._walked = time.monotonic()

    def _runs(self, request: web.Request) -> object:
        return {
            "folder": str(self.index.root),
            "version": self._version,
            "runs": [tables.run_data(run) for run in self.index.runs],
            "live": [tables.live_data(run) for run in self.index.live],
            "problems": self.index.problems,
        }

    def _live(self, request: web.Request) -> object:
        return {"version": self._version, "live": [tables.live_data(run) for run in self.index.live]}

    def _matrix_of(self, request: web.Request) -> Matrix:
        many = request.query.getall
        return matrix_of(
            self.index.runs,
            tasks=many("task", []),
            metrics=many("metric", []),
            models=many("model", []),
            by_run=request.query.get("rows") == "run",
        )

    def _matrix(self, request: web.Request) -> object:
        return tables.matrix_data(self._matrix_of(request))

    def _best(self, request: web.Request) -> object:
        return tables.best_data(best_of(self.index, self._matrix_of(request)))

    def _series(self, request: web.Request) -> object:
        runs = self.index.runs
        tasks = list(dict.fromkeys(name for run in reversed(runs) for name in run.tasks))
        task = request.query.get("task") or next(iter(tasks), "")
        matrix = matrix_of(runs, metrics=["all"])
        return {"tasks": tasks, "task": task, **tables.series_data(runs, matrix, task, request.query.get("key", ""))}

    def _beside(self, request: web.Request) -> object:
        return beside.beside_data(self.index, self._keys(request))

    def _differences(self, request: web.Request) -> object:
        first, second = [*self._keys(request), "", ""][:2]
        return beside.differences_data(self.index, first, second)

    def _sample(self, request: web.Request) -> object:
        query = request.query
        return beside.sample_data(self.index, self._keys(request), query.get("task", ""), query.get("doc", ""))

    @staticmethod
    def _keys(request: web.Request) -> list[str]:
        return [key for key in request.query.get("runs", "").split(",") if key][:_MAX_RUNS_BESIDE]


_ANSWERS: dict[str, _Answer] = {
    "runs": ViewServer._runs,
    "live": ViewServer._live,
    "matrix": ViewServer._matrix,
    "best": ViewServer._best,
    "series": ViewServer._series,
    "beside": ViewServer._beside,
    "differences": ViewServer._differences,
    "sample": ViewServer._sample,
}


def _to_json(data: object) -> str:
    """Write JSON that browsers read: lone surrogates stay escaped, and numbers that are not finite become null."""
    try:
        return json.dumps(data, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(data))


def _finite(data: object) -> object:
    if isinstance(data, Mapping):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not isfinite(data) else data
