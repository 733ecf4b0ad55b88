"""The web application: routes, and the way of one request through counters, faults, pacing and the model."""

from __future__ import annotations

import asyncio
import hmac
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lm_eval.mock_server.broken_answers import BREAKERS, HTML_PAGE
from lm_eval.mock_server.chat import chat
from lm_eval.mock_server.completions import complete
from lm_eval.mock_server.delivery import deliver, error_answer, error_headers, hang, reset
from lm_eval.mock_server.engine import Engine
from lm_eval.mock_server.faults import Fault, FaultPlan
from lm_eval.mock_server.info_routes import INFO_ROUTES, models
from lm_eval.mock_server.json_text import dumps, thaw
from lm_eval.mock_server.messages import count_images
from lm_eval.mock_server.pacing import Latency, RateLimit, Slots
from lm_eval.mock_server.problems import Refused, malformed_json, refusal, unauthorized
from lm_eval.mock_server.requests import read_json
from lm_eval.mock_server.stats import RequestRecord, Stats, hash_body
from lm_eval.mock_server.token_routes import TOKEN_ROUTES
from lm_eval.mock_server.usage import Usage

if TYPE_CHECKING:
    from aiohttp import web

    _Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

__all__ = ["Service", "build_app"]

_Answerer = Callable[[Engine, dict[str, Any]], tuple[dict[str, Any], Usage]]
_MAX_BODY = 256 * 1024 * 1024


@dataclass
class Service:
    """A served model and everything that goes on around it."""

    engine: Engine
    """The served model."""
    faults: FaultPlan = field(default_factory=FaultPlan)
    """What goes wrong."""
    latency: Latency = field(default_factory=Latency)
    """How long an answer takes."""
    slots: int = 0
    """How many answers are made at one time; 0 for no limit."""
    max_in_flight: int = 0
    """More requests than this at one time are answered 429; 0 for no limit."""
    rate_limit: RateLimit = field(default_factory=RateLimit)
    """How many requests a minute are allowed."""
    api_key: str | None = None
    """The key that requests have to bring."""
    stats: Stats = field(default_factory=Stats)
    """What was counted."""


def build_app(service: Service, closing: asyncio.Event | None = None) -> web.Application:
    """Build the application; call it inside a running event loop.

    Args:
        service: What is served.
        closing: Set when the server stops; requests that hang end then.

    Returns:
        The application.
    """
    from aiohttp import web

    engine = service.engine
    asked = _Asked(service, closing or asyncio.Event())
    app = web.Application(client_max_size=_MAX_BODY, middlewares=[_not_found(engine)])
    app.router.add_post("/v1/completions", asked.handler(complete))
    app.router.add_post("/v1/chat/completions", asked.handler(chat))
    app.router.add_get("/v1/models", _plain(service, models))
    for path, info in INFO_ROUTES[engine.profile.native].items():
        app.router.add_get(path, _plain(service, info))
    for path, answer in TOKEN_ROUTES[engine.profile.tokenize].items():
        app.router.add_post(path, _plain(service, answer))

    async def show_stats(request: web.Request) -> web.Response:
        return web.json_response(service.stats.as_json(bodies="bodies" in request.query))

    async def reset_stats(request: web.Request) -> web.Response:
        service.stats.reset()
        return web.json_response({})

    app.router.add_get("/mock/stats", show_stats)
    app.router.add_post("/mock/reset", reset_stats)
    return app


class _Asked:
    """Requests for an answer of the model."""

    def __init__(self, service: Service, closing: asyncio.Event) -> None:
        self.service, self.closing = service, closing
        self.slots = Slots(service.slots)
        self.attempts: Counter[str] = Counter()
        self.count = 0

    def handler(self, answerer: _Answerer) -> _Handler:
        """Make the handler of one endpoint.

        Args:
            answerer: What turns a body into an answer.

        Returns:
            The handler.
        """

        async def handle(request: web.Request) -> web.StreamResponse:
            stats = self.service.stats
            stats.enter()
            record: RequestRecord | None = None
            try:
                raw = await request.read()
                record = self._record(request, raw)
                response = await self._answer(request, raw, record, answerer)
                if record.status is None:
                    record.status = response.status
                return response
            finally:
                stats.leave()
                if record is not None:
                    stats.statuses[record.status or 0] += 1

        return handle

    def _record(self, request: web.Request, raw: bytes) -> RequestRecord:
        stats = self.service.stats
        digest = hash_body(request.path, raw)
        record = RequestRecord(
            self.count, request.method, request.path, request.headers, None, digest, self.attempts[digest]
        )
        self.count += 1
        self.attempts[digest] += 1
        stats.requests[request.path] += 1
        stats.bodies[digest] += 1
        stats.log.append(record)
        if request.transport is not None:
            stats.peers.add(request.transport.get_extra_info("peername"))
        return record

    async def _answer(
        self, request: web.Request, raw: bytes, record: RequestRecord, answerer: _Answerer
    ) -> web.StreamResponse:
        from aiohttp import web

        service, profile = self.service, self.service.engine.profile
        headers: dict[str, str] = {}
        fault: Fault | None = None
        try:
            _check_key(service, request)
            if request.content_type != "application/json" and profile.errors in ("vllm", "llamacpp-python"):
                raise malformed_json(profile)
            fields = read_json(profile, raw)
            record.body = fields
            headers, allowed = service.rate_limit.take()
            if not allowed or 0 < service.max_in_flight < service.stats.in_flight:
                raise refusal(profile, 429, "Rate limit reached.", kind="requests", code="rate_limit_exceeded")
            fault = service.faults.pick(record)
            if fault is not None:
                record.fault = fault.kind
                service.stats.faults[fault.kind] += 1
            # The answer is computed before the wait, so that what is counted follows the order of arrival.
            wait = service.latency.seconds(f"{record.body_hash}/{record.attempt}")
            if fault is not None and fault.kind == "slow":
                wait += fault.value
            early = await self._early_fault(request, fault, record, headers)
            if early is not None:
                return early
            answer, usage = answerer(service.engine, fields)
            service.stats.add_usage(usage)
            service.stats.images += count_images(fields)
            await self.slots.hold(wait)
            if fault is not None and fault.kind in BREAKERS:
                answer = BREAKERS[fault.kind](thaw(answer))
        except Refused as refused:
            if isinstance(refused.body, str):
                return web.Response(text=refused.body, status=refused.status, headers=headers)
            return web.json_response(refused.body, status=refused.status, headers=headers)
        payload = dumps(answer)
        if fault is not None and fault.kind == "reset":
            record.status = 0
        return await deliver(request, payload, 200, headers, fault)

    async def _early_fault(
        self, request: web.Request, fault: Fault | None, record: RequestRecord, headers: dict[str, str]
    ) -> web.StreamResponse | None:
        """Play a fault that needs no answer of the model."""
        from aiohttp import web

        if fault is None:
            return None
        if fault.kind in ("hang", "close"):
            record.status = 0
            if fault.kind == "hang":
                await hang(request, self.closing)
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
        raise refusal(self.service.engine.profile, status, f"The mock server was told to answer {status}.", code=status)


def _check_key(service: Service, request: web.Request) -> None:
    if service.api_key is not None:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {service.api_key}".encode()):
            raise unauthorized(service.engine.profile)


def _plain(service: Service, answer: Callable[[Engine, dict[str, Any]], object]) -> _Handler:
    """Make the handler of an endpoint without faults and pacing."""
    from aiohttp import web

    async def handle(request: web.Request) -> web.StreamResponse:
        service.stats.requests[request.path] += 1
        try:
            _check_key(service, request)
            fields = read_json(service.engine.profile, await request.read()) if request.method == "POST" else {}
            found = answer(service.engine, fields)
        except Refused as refused:
            if isinstance(refused.body, str):
                return web.Response(text=refused.body, status=refused.status)
            return web.json_response(refused.body, status=refused.status)
        return web.Response() if found is None else web.json_response(found)

    return handle


def _not_found(engine: Engine) -> Any:
    """Make the middleware that answers unknown routes in the shape of the server played."""
    from aiohttp import web

    @web.middleware
    async def middleware(request: web.Request, handler: _Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as error:
            if error.status not in (404, 405):
                raise
            if engine.profile.errors in ("openai", "llamacpp"):
                refused = refusal(engine.profile, 404, f"Invalid URL ({request.method} {request.path})")
                return web.json_response(refused.body, status=404)
            return web.json_response({"detail": error.reason}, status=error.status)

    return middleware
