"""Lines of batch files: what is written, and what servers answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lm_eval.config.redact import Redactor
from lm_eval.models.batches.lines import read_keys, read_outcome, read_path, write_line

KEY = bytes(range(16))


def outcome(**line: Any) -> Any:
    raw = json.dumps({"id": "x", "custom_id": KEY.hex(), "response": None, "error": None, **line}).encode()
    return read_outcome(raw, "http://server", Redactor())


def test_a_line_is_one_line_with_the_same_body(tmp_path: Path) -> None:
    body = {"prompt": "a\u2028b\u2029c\u0085d\n\ud83d\ude42"}
    raw = json.dumps(body, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16").encode()
    line = write_line(KEY, "/completions", raw)
    assert len(line.decode().splitlines()) == 1
    assert json.loads(line)["body"] == {"prompt": "a\u2028b\u2029c\u0085d\n🙂"}
    file = tmp_path / "requests.jsonl"
    file.write_bytes(line + b"something else\n" + line[:20])
    assert (list(read_keys(file)), read_path(file)) == ([KEY], "/completions")
    file.write_bytes(b"")
    assert read_path(file) == ""


def test_an_answer_is_read() -> None:
    found = outcome(response={"status_code": 200, "body": {"choices": []}})
    assert (found.key, found.body, found.error) == (KEY, {"choices": []}, None)
    assert json.loads(found.raw) == {"choices": []}


@pytest.mark.parametrize(
    ("line", "kind", "retryable", "words"),
    [
        ({"response": {"status_code": 400, "body": {"error": {"message": "bad seed"}}}}, "rejected", False, "bad seed"),
        ({"response": {"status_code": 400, "body": None}, "error": "no such url"}, "rejected", False, "no such url"),
        ({"response": {"status_code": 400}, "error": {"error": {"message": "no"}}}, "rejected", False, "no"),
        ({"response": {"status_code": 429, "body": {"error": {"message": "slow"}}}}, "rate_limited", True, "slow"),
        ({"response": {"status_code": 500, "body": {}}}, "server_error", True, ""),
        ({"error": {"code": "batch_expired", "message": "too late"}}, "timeout", True, "too late"),
        ({"error": {"code": "odd", "message": "what"}}, "malformed", True, "what"),
        ({"response": {"status_code": 200, "body": {"error": {"message": "no"}}}}, "malformed", True, "no"),
        ({"response": {"status_code": 200, "body": []}}, "malformed", True, ""),
        ({}, "malformed", True, ""),
    ],
)
def test_a_failure_is_that_of_a_single_request(line: Any, kind: str, retryable: bool, words: str) -> None:
    error = outcome(**line).error
    assert (error.kind, error.retryable) == (kind, retryable)
    assert words in str(error)


def test_a_cancelled_line_is_not_done() -> None:
    found = outcome(error={"code": "batch_cancelled", "message": "x"})
    assert (found.done, found.error) == (False, None)


@pytest.mark.parametrize("line", [b"{", b"[]", b"1", b'{"custom_id": "zz"}', b'{"custom_id": 7}', b"\xff", b"{}"])
def test_other_lines_are_no_answers(line: bytes) -> None:
    assert read_outcome(line, "", Redactor()) is None


def test_secrets_of_a_server_s_message_are_masked() -> None:
    raw = json.dumps({"custom_id": KEY.hex(), "error": {"code": "x", "message": "key sk-secret-123 is wrong"}}).encode()
    found = read_outcome(raw, "", Redactor(["sk-secret-123"]))
    assert found is not None
    assert "sk-secret-123" not in str(found.error)
