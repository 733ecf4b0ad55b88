"""The mock server's answers without sockets: fast enough for hundreds of thousands of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from lm_eval.config.redact import Redactor
from lm_eval.errors import Refused
from lm_eval.mock_server.chat import chat
from lm_eval.mock_server.completions import complete
from lm_eval.mock_server.info_routes import INFO_ROUTES, models
from lm_eval.mock_server.json_text import dumps
from lm_eval.mock_server.served_model import ServedModel
from lm_eval.mock_server.server import MockServer
from lm_eval.mock_server.token_routes import TOKEN_ROUTES
from lm_eval.models.http.replies import error_for_status
from lm_eval.models.http.transport import decode
from lm_eval.models.http.usage import usage_of
from lm_eval.models.work import Call, Reply

Change = Callable[[str, Any, Any], Any]
"""Changes an answer: gets the path, the request's fields and the answer as plain JSON."""


class InProcess:
    """Answers as a profile of the mock server does, and keeps the answers to equal requests.

    Attributes:
        change: Changes each answer before it is returned; None leaves them as they are.
        lm: The language model of the server.
    """

    def __init__(self, profile: str = "vllm", change: Change | None = None) -> None:
        server = MockServer(profile=profile)
        self.lm, self.change = server.lm, change
        self.paths: list[str] = []
        served: ServedModel = server._app.served
        family = served.profile
        self._served = served
        self._posts = {"/v1/completions": complete, "/v1/chat/completions": chat}
        self._gets = {"/v1/models": models, **INFO_ROUTES.get(family.family, {})}
        self._tokens = TOKEN_ROUTES[family.tokenize]
        self._kept: dict[tuple[str, bytes], tuple[int, bytes]] = {}

    def decode(self, ids: list[int]) -> str:
        """Turn token ids into text."""
        return self._served.tokenizer.decode(ids)

    def raw(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Answer a request; return status and bytes, without the change."""
        key = path, body
        if key not in self._kept:
            self._kept[key] = self._answer(path, body)
        return self._kept[key]

    def _answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        fields = json.loads(body) if body else {}
        try:
            if body and path in self._posts:
                return 200, dumps(self._posts[path](self._served, fields)[0])
            if body and path in self._tokens:
                return 200, dumps(self._tokens[path](self._served, fields))
            if not body and path in self._gets:
                return 200, dumps(self._gets[path](self._served))
        except Refused as refused:
            return refused.status, json.dumps(refused.body).encode()
        return 404, b'{"detail": "Not Found"}'

    async def __call__(self, call: Call) -> Reply:
        path = call.path[1:] if call.path.startswith("//") else f"/v1{call.path}"
        self.paths.append(path)
        status, raw = self.raw(path, json.dumps(call.payload).encode() if call.payload else b"")
        if status != 200:
            raise error_for_status(status, {}, raw, f"mock{path}", Redactor())
        body: Any = decode(raw)
        if self.change is not None:
            body = self.change(path, call.payload, body)
        return Reply(body, f"mock{path}", usage=usage_of(body))
