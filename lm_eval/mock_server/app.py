"""The web application: its routes, and the path of one request through counters, faults, pacing and the model."""

from __future__ import annotations

import asyncio
import hmac
import inspect
import json
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from lm_eval.errors import Refused
from lm_eval.mock_server.batches import MAX_FILE_BYTES, BatchRoutes
from lm_eval.mock_server.broken_answers import BREAKERS, HTML_PAGE
from lm_eval.mock_server.chat import chat
from lm_eval.mock_server.completions import complete
from lm_eval.mock_server.delivery import (
    deliver,
    deliver_events,
    error_answer,
    error_headers,
    error_message,
    hang,
    reset,
)
from lm_eval.mock_server.faults import Fault, FaultPlan
from lm_eval.mock_server.files_routes import FileRoutes, FileStore
from lm_eval.mock_server.info_routes import INFO_ROUTES, models
from lm_eval.mock_server.json_text import JsonObject, dumps, thaw
from lm_eval.mock_server.messages import count_images
from lm_eval.mock_server.pacing import Latency, RateLimit, Slots
from lm_eval.mock_server.problems import malformed_json, refusal, unauthorized
from lm_eval.mock_server.request_fields import read_json
from lm_eval.mock_server.responses import answer_response, as_response
from lm_eval.mock_server.served_model import ServedModel
from lm_eval.mock_server.settings import ServerSettings
from lm_eval.mock_server.stats import RequestRecord, Stats, hash_body
from lm_eval.mock_server.streaming import asks_for_stream, events_of
from lm_eval.mock_server.token_counts import TokenCounts
from lm_eval.mock_server.token_routes import TOKEN_ROUTES

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.typedefs import Middleware

    _Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

__all__ = ["MockApp"]

_Answerer = Callable[[ServedModel, JsonObject], tuple[JsonObject, TokenCounts]]
_Shape = Callable[[ServedModel, JsonObject, JsonObject], JsonObject]
_MAX_BODY_BYTES = 256 * 1024 * 1024


class MockApp:
    """A served model and everything that happens around it.

    Attributes:
        served: The served model.
        stats: The counters.
    """

    def __init__(self, settings: ServerSettings) -> None:
        """Build the parts; nothing is served yet.

        Args:
            settings: The options of the server.

        Raises:
            ConfigError: An option has no meaning.
        """
        self.served = ServedModel(settings)
        self.stats = Stats(log=deque(maxlen=settings.log_requests))
        self._settings, self._profile = settings, self.served.profile
        self._faults = FaultPlan(settings.faults, settings.seed)
        self._latency = Latency(settings.latency_ms, settings.seed)
        self._answerers: dict[str, tuple[_Answerer, _Shape | None]] = {
            "/v1/completions": (complete, None),
            "/v1/chat/completions": (chat, None),
        }
        if self._profile.responses:
            self._answerers["/v1/responses"] = answer_response, as_response
        self._rate_limit = RateLimit(settings.requests_per_minute, settings.rate_window)

    def build(self, closing: asyncio.Event) -> web.Application:
        """Build the aiohttp application; call this inside a running event loop.

        Args:
            closing: Set when the server stops; requests that hang end then.

        Returns:
            The application.
        """
        from aiohttp import web

        self._closing, self._slots = closing, Slots(self._settings.slots)
        self._attempts: Counter[str] = Counter()
        self._count = 0
        app = web.Application(client_max_size=_MAX_BODY_BYTES, middlewares=[self._unknown_route()])
        for path, (answerer, shape) in self._answerers.items():
            app.router.add_post(path, self._generation(answerer, shape))
        if self._profile.batches:
            self._add_batches(app)
        app.router.add_get("/v1/models", self._simple(_without_fields(models)))
        for path, info in INFO_ROUTES.get(self._profile.family, {}).items():
            app.router.add_get(path, self._simple(_without_fields(info)))
        for path, convert in TOKEN_ROUTES[self._profile.tokenize].items():
            app.router.add_post(path, self._simple(convert))

        async def show_stats(request: web.Request) -> web.Response:
            return web.json_response(self.stats.as_json(bodies="bodies" in request.query))

        async def reset_stats(request: web.Request) -> web.Response:
            self.stats.reset()
            return web.json_response({})

        app.router.add_get("/mock/stats", show_stats)
        app.router.add_post("/mock/reset", reset_stats)
        return app

    def _add_batches(self, app: web.Application) -> None:
        """Add the endpoints for files and batches."""
        settings, profile = self._settings, self._profile
        store = FileStore(profile)
        files = FileRoutes(store, profile, MAX_FILE_BYTES)
        batches = BatchRoutes(
            store, profile, self._answer_line, delay_ms=lambda: settings.batch_ms, faults=settings.batch_faults
        )
        router = app.router
        router.add_post("/v1/files", self._stored(files.upload))
        router.add_get("/v1/files/{id}", self._stored(files.describe))
        router.add_delete("/v1/files/{id}", self._stored(files.remove))
        router.add_get("/v1/files/{id}/content", self._stored(files.content))
        router.add_post("/v1/batches", self._stored(batches.create))
        router.add_get("/v1/batches/{id}", self._stored(batches.describe))
        router.add_post("/v1/batches/{id}/cancel", self._stored(batches.cancel))
        if profile.lists_batches:
            router.add_get("/v1/files", self._stored(files.list_all))
            router.add_get("/v1/batches", self._stored(batches.list_all))

    def _stored(self, answer: Callable[[web.Request], object]) -> _Handler:
        """Make the handler of an endpoint for files or batches; faults of a POST come before or after it is done."""
        from aiohttp import web

        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                self._check_key(request)
                fault = None
                if request.method == "POST":
                    record = self._record(request, b"")
                    fault = self._faults.pick(record)
                    if fault is not None:
                        self.stats.faults[fault.kind] += 1
                        early = await self._early_fault(request, fault, record, {})
                        if early is not None:
                            return early
                else:
                    self.stats.requests[request.path] += 1
                found = answer(request)
                body = await found if inspect.isawaitable(found) else found
            except Refused as refused:
                return _error_response(refused, {})
            if isinstance(body, bytes):
                return web.Response(body=body, content_type="application/octet-stream")
            return await deliver(request, dumps(body), 200, {}, fault)

        return handle

    def _answer_line(self, path: str, fields: JsonObject) -> tuple[int, object]:
        """Answer a line of a batch as a request with the same body is answered, and count it."""
        answerer, shape = self._answerers[path]
        raw = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        record = self._noted("POST", path, {}, raw)
        record.body = fields
        try:
            fault = self._faults.pick(record)
            if fault is not None:
                record.fault = fault.kind
                self.stats.faults[fault.kind] += 1
                error = error_answer(fault)
                if error is not None:
                    raise refusal(self._profile, error[0], error_message(fault), code=error[0])
            answer, counts = answerer(self.served, fields)
            self.stats.add_counts(counts)
            if fault is not None and fault.kind in BREAKERS:
                answer = BREAKERS[fault.kind](thaw(answer))
            if shape is not None:
                answer = shape(self.served, fields, answer)
        except Refused as refused:
            record.status = refused.status
            return refused.status, refused.body
        record.status = 200
        self.stats.paid_lines += 1
        return 200, answer

    def _generation(self, answerer: _Answerer, shape: _Shape | None = None) -> _Handler:
        """Make the handler of an endpoint that asks the model; ``shape`` changes the form of its answers."""

        async def handle(request: web.Request) -> web.StreamResponse:
            stats = self.stats
            stats.enter()
            record: RequestRecord | None = None
            try:
                raw = await request.read()
                record = self._record(request, raw)
                response = await self._answer(request, raw, record, answerer, shape)
                if record.status is None:
                    record.status = response.status
                return response
            finally:
                stats.leave()
                if record is not None:
                    stats.statuses[record.status or 0] += 1

        return handle

    def _record(self, request: web.Request, raw: bytes) -> RequestRecord:
        if request.transport is not None:
            self.stats.peers.add(request.transport.get_extra_info("peername"))
        return self._noted(request.method, request.path, request.headers, raw)

    def _noted(self, method: str, path: str, headers: Mapping[str, str], raw: bytes) -> RequestRecord:
        stats = self.stats
        digest = hash_body(path, raw)
        record = RequestRecord(self._count, method, path, headers, None, digest, self._attempts[digest])
        self._count += 1
        self._attempts[digest] += 1
        stats.requests[path] += 1
        stats.bodies[digest] += 1
        stats.log.append(record)
        return record

    async def _answer(
        self, request: web.Request, raw: bytes, record: RequestRecord, answerer: _Answerer, shape: _Shape | None
    ) -> web.StreamResponse:
        headers: dict[str, str] = {}
        try:
            self._check_key(request)
            if self._profile.requires_json_type and request.content_type != "application/json":
                raise malformed_json(self._profile)
            fields = read_json(self._profile, raw)
            record.body = fields
            streams = asks_for_stream(self._profile, fields)
            headers, allowed = self._rate_limit.take()
            if not allowed or 0 < self._settings.max_in_flight < self.stats.in_flight:
                raise refusal(self._profile, 429, "Rate limit reached.", kind="requests", code="rate_limit_exceeded")
            fault = self._faults.pick(record)
            if fault is not None:
                record.fault = fault.kind
                self.stats.faults[fault.kind] += 1
                early = await self._early_fault(request, fault, record, headers)
                if early is not None:
                    return early
            # Compute the answer before the wait, so that the counters follow the order of arrival.
            answer, counts = answerer(self.served, fields)
            self.stats.add_counts(counts)
            self.stats.images += count_images(fields)
            wait = self._latency.seconds(f"{record.body_hash}/{record.attempt}")
            wait += fault.value if fault is not None and fault.kind == "slow" else 0.0
            if not streams:
                await self._slots.hold(wait)
            if fault is not None and fault.kind in BREAKERS and not (streams and fault.kind == "stream-error"):
                answer = BREAKERS[fault.kind](thaw(answer))
            if shape is not None:
                answer = shape(self.served, fields, answer)
        except Refused as refused:
            return _error_response(refused, headers)
        if fault is not None and fault.kind == "reset":
            record.status = 0
        if streams:
            events = events_of(self._profile, fields, answer)
            async with self._slots.place:
                # Half of the time passes before the first event, as if the server read the prompt.
                await asyncio.sleep(wait / 2)
                return await deliver_events(request, events, headers, fault, wait / 2 / len(events))
        payload = dumps(answer)
        return await deliver(request, payload, 200, headers, fault)

    async def _early_fault(
        self, request: web.Request, fault: Fault, record: RequestRecord, headers: dict[str, str]
    ) -> web.StreamResponse | None:
        """Produce a fault that needs no answer of the model; None for other faults."""
        from aiohttp import web

        if fault.kind in ("hang", "close"):
            record.status = 0
            if fault.kind == "hang":
                await hang(request, self._closing)
            elif request.transport is not None:
                request.transport.close()
            reset(request)
            return web.Response(status=500)
        if fault.kind == "html":
            return web.Response(text=HTML_PAGE, content_type="text/html", headers=headers)
        error = error_answer(fault)
        if error is None:
            return None
        status, page = error
        headers |= error_headers(fault)
        if page is not None:
            return web.Response(text=page, status=status, content_type="text/html", headers=headers)
        raise refusal(self._profile, status, error_message(fault), code=status)

    def _check_key(self, request: web.Request) -> None:
        key = self._settings.api_key
        if key is not None:
            given = request.headers.get("Authorization", "")
            if not hmac.compare_digest(given.encode(), f"Bearer {key}".encode()):
                raise unauthorized(self._profile)

    def _simple(self, answer: Callable[[ServedModel, JsonObject], object]) -> _Handler:
        """Make the handler of an endpoint without faults and pacing."""
        from aiohttp import web

        async def handle(request: web.Request) -> web.StreamResponse:
            self.stats.requests[request.path] += 1
            try:
                self._check_key(request)
                fields = read_json(self._profile, await request.read()) if request.method == "POST" else {}
                body = answer(self.served, fields)
            except Refused as refused:
                return _error_response(refused, {})
            return web.Response() if body is None else web.json_response(body)

        return handle

    def _unknown_route(self) -> Middleware:
        """Make the middleware that answers unknown routes as the imitated server would."""
        from aiohttp import web

        @web.middleware
        async def middleware(request: web.Request, handler: _Handler) -> web.StreamResponse:
            try:
                return await handler(request)
            except web.HTTPException as error:
                if error.status not in (404, 405):
                    raise
                if self._profile.error_for_unknown_route:
                    refused = refusal(self._profile, 404, f"Invalid URL ({request.method} {request.path})")
                    return _error_response(refused, {})
                return web.json_response({"detail": error.reason}, status=error.status)

        return middleware


def _without_fields(info: Callable[[ServedModel], object]) -> Callable[[ServedModel, JsonObject], object]:
    return lambda served, fields: info(served)


def _error_response(refused: Refused, headers: dict[str, str]) -> web.Response:
    from aiohttp import web

    if isinstance(refused.body, str):
        return web.Response(text=refused.body, status=refused.status, headers=headers)
    return web.json_response(refused.body, status=refused.status, headers=headers)
