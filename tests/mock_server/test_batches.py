"""Files and batches, as a client meets them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import requests

from lm_eval.errors import ConfigError
from lm_eval.mock_server import MockServer
from tests.mock_server.helpers import get, post

LINE = {"method": "POST", "url": "/v1/completions", "body": {"model": "mock", "prompt": "Hello", "max_tokens": 2}}


def upload(server: MockServer, *lines: Any, purpose: str = "batch") -> Any:
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    answer = requests.post(
        f"{server.base_url}/files", data={"purpose": purpose}, files={"file": ("in.jsonl", text)}, timeout=10
    )
    return answer.json()


def create(server: MockServer, file_id: str, **changes: Any) -> tuple[int, Any]:
    body = {"input_file_id": file_id, "endpoint": "/v1/completions", "completion_window": "24h", **changes}
    status, found, _ = post(f"{server.base_url}/batches", body)
    return status, found


def ended(server: MockServer, batch: Any) -> Any:
    while batch["status"] not in ("completed", "failed", "expired", "cancelled"):
        time.sleep(0.005)
        batch = get(f"{server.base_url}/batches/{batch['id']}")
    return batch


def content(server: MockServer, file_id: str) -> list[Any]:
    raw = requests.get(f"{server.base_url}/files/{file_id}/content", timeout=10).content
    return [json.loads(line) for line in raw.splitlines()]


def test_a_batch_answers_its_lines_as_single_requests() -> None:
    with MockServer() as server:
        wrong = {**LINE, "custom_id": "b", "body": {"model": "mock", "prompt": 1.5}}
        file = upload(server, {**LINE, "custom_id": "a"}, wrong)
        batch = ended(server, create(server, file["id"], metadata={"mine": "1"})[1])
        assert (batch["status"], batch["metadata"]) == ("completed", {"mine": "1"})
        assert batch["request_counts"] == {"total": 2, "completed": 1, "failed": 1}
        (good,), (bad,) = content(server, batch["output_file_id"]), content(server, batch["error_file_id"])
        single = post(f"{server.base_url}/completions", LINE["body"])[1]
        assert good["custom_id"] == "a"
        assert good["response"]["body"]["choices"] == single["choices"]
        assert (bad["custom_id"], bad["response"]["status_code"]) == ("b", 400)
        assert server.stats.paid_lines == 1


def test_files_have_a_purpose_and_batches_take_one() -> None:
    with MockServer("openai") as server:
        assert "not one of" in upload(server, LINE, purpose="lunch")["error"]["message"]
        file = upload(server, {**LINE, "custom_id": "a"}, purpose="fine-tune")
        assert create(server, file["id"])[0] == 400
        assert create(server, "file-999")[0] == 404
        good = upload(server, {**LINE, "custom_id": "a"})["id"]
        assert create(server, good, completion_window="1h")[0] == 400
        assert create(server, good, endpoint="/v1/embeddings")[0] == 400


def test_a_file_that_is_no_batch_fails_with_the_line() -> None:
    with MockServer() as server:
        twice = upload(server, {**LINE, "custom_id": "a"}, {**LINE, "custom_id": "a"}, "no object")
        batch = ended(server, create(server, twice["id"])[1])
        assert batch["status"] == "failed"
        assert [(error["code"], error["line"]) for error in batch["errors"]["data"]] == [
            ("duplicate_custom_id", 2),
            ("invalid_json_line", 3),
        ]


def test_files_and_batches_are_listed_page_by_page_newest_first() -> None:
    with MockServer() as server:
        ids = [upload(server, {**LINE, "custom_id": "a"})["id"] for _ in range(3)]
        first = get(f"{server.base_url}/files?limit=2&purpose=batch")
        assert ([file["id"] for file in first["data"]], first["has_more"]) == ([ids[2], ids[1]], True)
        rest = get(f"{server.base_url}/files?limit=2&after={first['last_id']}")
        assert ([file["id"] for file in rest["data"]], rest["has_more"]) == ([ids[0]], False)
        batch = create(server, ids[0])[1]
        assert [item["id"] for item in get(f"{server.base_url}/batches")["data"]] == [batch["id"]]
        assert requests.delete(f"{server.base_url}/files/{ids[0]}", timeout=10).json()["deleted"]


def test_a_batch_can_be_cancelled() -> None:
    with MockServer(batch_ms=60_000) as server:
        batch = create(server, upload(server, {**LINE, "custom_id": "a"})["id"])[1]
        assert post(f"{server.base_url}/batches/{batch['id']}/cancel", {})[1]["status"] == "cancelling"
        server.batch_ms = 0
        batch = ended(server, batch)
        assert (batch["status"], server.stats.paid_lines) == ("cancelled", 0)
        (line,) = content(server, batch["error_file_id"])
        assert line["error"]["code"] == "batch_cancelled"


def test_a_wrong_batch_fault_is_an_error() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'expired'"):
        MockServer(batch_faults=["expire"])
    with pytest.raises(ConfigError, match="does not read as"):
        MockServer(batch_faults=["expired=2"])
