"""Batches, ``/v1/batches``: a file of requests that is answered later, with delays and failures on demand."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lm_eval.errors import Refused
from lm_eval.mock_server.batch_faults import BatchFault, parse_batch_fault
from lm_eval.mock_server.files_routes import FileStore, page_of
from lm_eval.mock_server.json_text import JsonObject, dumps
from lm_eval.mock_server.problems import refusal
from lm_eval.mock_server.profiles import Profile
from lm_eval.mock_server.request_fields import read_json

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["MAX_FILE_BYTES", "BatchRoutes"]

MAX_FILE_BYTES = 200 * 1000 * 1000
_MAX_LINES = 50_000
_LINES_AT_ONCE = 20
_STEP = 0.01
_TERMINAL = ("completed", "failed", "expired", "cancelled")
_CODES = {"expired": "batch_expired", "cancelled": "batch_cancelled"}
_MESSAGES = {
    "expired": "This request could not be executed before the completion window expired.",
    "cancelled": "This request was not executed, because the batch was cancelled.",
}

AnswerLine = Callable[[str, JsonObject], tuple[int, object]]
"""Answers a line of a batch: path and body of a request to a status and the JSON of its answer."""


@dataclass
class _Batch:
    """One batch: the object that the API shows, and what is known besides.

    Attributes:
        shown: The object.
        fault: What goes wrong with it.
        lines: Its lines, once they are validated.
    """

    shown: JsonObject
    fault: BatchFault
    lines: list[JsonObject] = field(default_factory=list)

    @property
    def status(self) -> str:
        """The status."""
        return str(self.shown["status"])

    def move(self, status: str) -> None:
        """Give the batch its next status, with the time."""
        self.shown |= {"status": status, f"{status}_at": int(time.time())}

    def count(self, completed: int, failed: int) -> None:
        """Show how far the batch is."""
        self.shown["request_counts"] = {"total": len(self.lines), "completed": completed, "failed": failed}


class BatchRoutes:
    """Answers requests about batches, and works on the batches in the background."""

    def __init__(
        self,
        store: FileStore,
        profile: Profile,
        answer_line: AnswerLine,
        *,
        delay_ms: Callable[[], float] = lambda: 0,
        faults: Sequence[str] = (),
    ) -> None:
        """Keep the parts.

        Args:
            store: The files.
            profile: Decides how errors read, and whether batches can be listed.
            answer_line: Answers a line.
            delay_ms: Returns how long a batch takes, in milliseconds; it is asked again while a batch waits.
            faults: What goes wrong with the first batches, one text per batch.

        Raises:
            ConfigError: A failure is unknown.
        """
        self._store, self._profile, self._answer_line = store, profile, answer_line
        self._delay_ms = delay_ms
        self._faults = iter([parse_batch_fault(text) for text in faults])
        self._numbers = itertools.count(1)
        self._batches: dict[str, _Batch] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def create(self, request: web.Request) -> JsonObject:
        """Answer ``POST /v1/batches``.

        Args:
            request: JSON with ``input_file_id``, ``endpoint``, ``completion_window`` and perhaps ``metadata``.

        Returns:
            The batch.

        Raises:
            Refused: A field is missing or wrong, or the file is not for batches.
        """
        given = read_json(self._profile, await request.read())
        file = self._store.get(given.get("input_file_id"))
        if file.purpose != "batch":
            raise self._invalid(f"The purpose of the file is '{file.purpose}', and must be 'batch'.", "input_file_id")
        if given.get("completion_window") != "24h":
            raise self._invalid("'completion_window' must be '24h'.", "completion_window")
        if given.get("endpoint") not in ("/v1/completions", "/v1/chat/completions", "/v1/responses"):
            raise self._invalid(f"'{given.get('endpoint')}' is not supported in batches.", "endpoint")
        shown: JsonObject = {
            "id": f"batch_{next(self._numbers):06d}",
            "object": "batch",
            "endpoint": given["endpoint"],
            "errors": None,
            "input_file_id": file.id,
            "completion_window": "24h",
            "status": "validating",
            "output_file_id": None,
            "error_file_id": None,
            "created_at": int(time.time()),
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "metadata": given.get("metadata"),
        }
        batch = self._batches[str(shown["id"])] = _Batch(shown, next(self._faults, BatchFault()))
        task = asyncio.ensure_future(self._work(batch))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return dict(shown)

    def list_all(self, request: web.Request) -> JsonObject:
        """Answer ``GET /v1/batches``, newest first."""
        return page_of([batch.shown for batch in reversed(self._batches.values())], request.query)

    def describe(self, request: web.Request) -> JsonObject:
        """Answer ``GET /v1/batches/ID``."""
        return self._find(request).shown

    def cancel(self, request: web.Request) -> JsonObject:
        """Answer ``POST /v1/batches/ID/cancel``: what is not done yet is not done any more."""
        batch = self._find(request)
        if batch.status in _TERMINAL:
            raise self._invalid(f"A batch with status '{batch.status}' cannot be cancelled.", "id")
        batch.move("cancelling")
        return batch.shown

    def _find(self, request: web.Request) -> _Batch:
        name = request.match_info["id"]
        if name not in self._batches:
            raise refusal(self._profile, 404, f"No batch found with id '{name}'.", param="id")
        return self._batches[name]

    def _invalid(self, message: str, param: str) -> Refused:
        return refusal(self._profile, 400, message, param=param)

    async def _work(self, batch: _Batch) -> None:
        """Validate a batch, answer its lines, and store the files."""
        factor = batch.fault.value if batch.fault.kind == "slow" else 1.0
        await self._wait_for_half(factor)
        content = self._store.get(batch.shown["input_file_id"]).content
        batch.lines, problems = _read_lines(content, str(batch.shown["endpoint"]))
        if batch.fault.kind == "failed":
            problems = [("invalid_json_line", "This line is not parseable as valid JSON.", 1)]
        if batch.fault.kind == "token-limit":
            problems = [("token_limit_exceeded", "Enqueued token limit reached for this model.", None)]
        if problems:
            data = [{"code": code, "message": text, "param": None, "line": line} for code, text, line in problems]
            batch.shown["errors"] = {"object": "list", "data": data}
            batch.move("failed")
            return
        if batch.status == "validating":
            batch.move("in_progress")
        kind, count = batch.fault.kind, len(batch.lines)
        done = int(batch.fault.value * count) if kind in _CODES else count
        answers: list[bytes] = []
        errors: list[bytes] = []
        place = 0
        while place < done and batch.status == "in_progress":
            line = batch.lines[place]
            status, body = self._answer_line(str(line["url"]), line["body"])  # type: ignore[arg-type]
            response = {"status_code": status, "request_id": f"req_{place}", "body": body}
            written = _output(place, line["custom_id"], response, None)
            (answers if status == 200 else errors).append(written)
            place += 1
            if place % _LINES_AT_ONCE == 0:
                batch.count(len(answers), len(errors))
                await asyncio.sleep(0)
        batch.count(len(answers), len(errors))
        await self._wait_for_half(factor)
        end = "cancelled" if batch.status == "cancelling" else kind if kind in _CODES else "completed"
        for number, line in enumerate(batch.lines[place:], place):
            error = {"code": _CODES[end], "message": _MESSAGES[end]}
            errors.append(_output(number, line["custom_id"], None, error))
        batch.count(len(answers), len(errors))
        batch.move("finalizing")
        self._store_files(batch, answers, errors)
        batch.move(end)

    async def _wait_for_half(self, factor: float) -> None:
        """Wait for half of the time that a batch takes, times a factor."""
        clock = asyncio.get_running_loop().time
        began = clock()
        while (left := began + factor * self._delay_ms() / 2000 - clock()) > 0:
            await asyncio.sleep(min(left, _STEP))

    def _store_files(self, batch: _Batch, answers: list[bytes], errors: list[bytes]) -> None:
        kind = batch.fault.kind
        answers.reverse()  # The order of lines means nothing.
        if kind == "without-answers":
            del answers[: int(batch.fault.value * len(answers))]
        if kind == "duplicate-ids":
            answers = [line for line in answers for _ in range(2)]
        if kind == "unknown-ids":
            response = {"status_code": 200, "request_id": "req_x", "body": {"choices": []}}
            answers = [_output(0, "nobody-asked-this", response, None), *answers]
        name = batch.shown["id"]
        content = b"".join(answers)
        if kind == "truncated":
            content = content[: len(content) - len(answers[-1]) // 2]
        if answers:
            stored = self._store.add(f"{name}_output.jsonl", "batch_output", content)
            batch.shown["output_file_id"] = stored.id
        if errors:
            stored = self._store.add(f"{name}_error.jsonl", "batch_output", b"".join(errors))
            batch.shown["error_file_id"] = stored.id


def _output(number: int, custom_id: object, response: object, error: object) -> bytes:
    line = {"id": f"batch_req_{number}", "custom_id": custom_id, "response": response, "error": error}
    return dumps(line) + b"\n"


def _read_lines(content: bytes, endpoint: str) -> tuple[list[JsonObject], list[tuple[str, str, int | None]]]:
    """Read the lines of a file; return them and what is wrong: code, message and number of a line."""
    lines: list[JsonObject] = []
    problems: list[tuple[str, str, int | None]] = []
    seen: set[object] = set()
    for number, raw in enumerate(content.splitlines(), 1):
        try:
            line = json.loads(raw)
        except ValueError:
            line = None
        if not isinstance(line, dict) or not isinstance(line.get("body"), dict):
            problems.append(("invalid_json_line", "This line is not parseable as valid JSON.", number))
            continue
        if line.get("url") != endpoint or line.get("method") != "POST":
            problems.append(("mismatched_endpoint", f"The line is not for POST {endpoint}.", number))
        if line.get("custom_id") in seen:
            problems.append(("duplicate_custom_id", f"The custom_id '{line.get('custom_id')}' is there twice.", number))
        seen.add(line.get("custom_id"))
        lines.append(line)
    if not lines and not problems:
        problems.append(("empty_file", "The file is empty.", None))
    if len(lines) > _MAX_LINES:
        problems.append(("too_many_lines", f"The file has more than {_MAX_LINES} lines.", None))
    return lines, problems
