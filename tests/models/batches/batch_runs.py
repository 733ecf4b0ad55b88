"""Runs in batches on the mock server, and what the server has counted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import RunContext
from lm_eval.config.batch import BatchSettings
from lm_eval.mock_server import MockServer
from lm_eval.mock_server.json_text import dumps
from lm_eval.models.openai_completions import LocalCompletionsAPI
from tests.models.complete_runs import ALL, answers, model, work

LINES = 48
"""The requests of ``work()``: 12 documents with two generations and two choices."""


def batch_run(
    server: MockServer,
    folder: Path,
    *,
    wait: float | None = None,
    lines: int = 1000,
    fresh: bool = False,
    instances: Sequence[Instance] | None = None,
    files: Path | None = None,
    url: str | None = None,
    **arguments: Any,
) -> tuple[list[Any], LocalCompletionsAPI]:
    """Answer ``work()`` in batches, with a journal in a folder."""
    lm = model(url or server.base_url, **arguments)
    asked = work() if instances is None else instances
    settings = BatchSettings(folder=files, wait=wait, max_lines=lines)
    lm.harness_prepare(RunContext(request_types=ALL, journal=folder / "run.sqlite", fresh=fresh, batch=settings))
    lm.harness_respond(asked)
    return answers(asked), lm


def online_run(server: MockServer, folder: Path) -> list[Any]:
    """Answer ``work()`` one by one."""
    lm, asked = model(server.base_url), work()
    lm.harness_prepare(RunContext(request_types=ALL, journal=folder / "online.sqlite"))
    lm.harness_respond(asked)
    server.stats.reset()
    return answers(asked)


def run_batch(server: MockServer, folder: Path) -> int:
    """Answer the files of requests that have no replies yet, as ``vllm run-batch`` does; return their number."""
    files = [file for file in sorted(folder.glob("requests-*.jsonl")) if not replies_of(file).exists()]
    for file in files:
        lines = []
        for line in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
            status, body = server._app._answer_line(line["url"], line["body"])
            response = {"status_code": status, "request_id": "r", "body": body if status == 200 else None}
            found = {"id": "v", "custom_id": line["custom_id"], "response": response}
            lines.append(dumps({**found, "error": None if status == 200 else body}))
        replies_of(file).write_bytes(b"\n".join(reversed(lines)) + b"\n")
    return len(files)


def replies_of(requests: Path) -> Path:
    return requests.with_name(requests.name.replace("requests", "replies"))


def paid(server: MockServer) -> list[str]:
    """The bodies of all lines that were answered, one entry per time."""
    return [record.body_hash for record in server.requests if not record.headers and record.status == 200]
