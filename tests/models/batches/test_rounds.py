"""Complete runs in batches, with what goes wrong on the way: the same answers, and no line paid twice."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lm_eval.api.instance import Instance
from lm_eval.errors import APIError, BatchesPending, ConfigError, EndpointNotFound, RequestRejected, RunStopped
from lm_eval.mock_server import MockServer
from lm_eval.mock_server.profiles import PROFILES
from lm_eval.mock_server.stats import RequestRecord
from lm_eval.models.batches.opening import Batches
from tests.models.batches.batch_runs import LINES, batch_run, online_run, paid

HOLD = 60_000
"""Milliseconds that no test waits: it sets ``batch_ms`` to 0 when the batches may end."""


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[object]:
    """The answers of a run that asks one by one."""
    with MockServer() as server:
        return online_run(server, tmp_path_factory.mktemp("online"))


@pytest.fixture
def server() -> Iterator[MockServer]:
    with MockServer() as server:
        yield server


def notes(folder: Path) -> list[Path]:
    return sorted(folder.glob("run.batches/*/batch-*.json"))


def only_on(path: str, *faults: str | None) -> object:
    """Faults for the first requests to one path."""
    left = list(faults)

    def pick(record: RequestRecord) -> str | None:
        return left.pop(0) if record.path == path and record.headers and left else None

    return pick


def test_the_answers_are_those_of_single_requests(server: MockServer, tmp_path: Path, expected: object) -> None:
    found, lm = batch_run(server, tmp_path, lines=10)
    assert found == expected
    assert len(paid(server)) == len(set(paid(server))) == LINES
    described = lm.harness_describe()["run"]
    assert described["batches"] == {"requests": LINES, "replies": LINES, "files": 5}
    assert not (tmp_path / "run.batches").exists()


def test_a_second_run_of_the_same_command_asks_nothing(server: MockServer, tmp_path: Path) -> None:
    batch_run(server, tmp_path)
    batch_run(server, tmp_path)
    assert len(paid(server)) == LINES


def test_errors_that_may_pass_are_asked_again_in_the_next_round(tmp_path: Path, expected: object) -> None:
    with MockServer(faults=lambda record: "500" if record.attempt == 0 and not record.headers else None) as server:
        found, _ = batch_run(server, tmp_path)
        assert found == expected
        assert len(paid(server)) == LINES


def test_a_line_that_fails_every_time_is_lost_with_the_words_of_the_server(tmp_path: Path) -> None:
    with MockServer(faults=lambda record: "500" if "Question 3" in str(record.body) else None) as server:
        found, _ = batch_run(server, tmp_path)
        assert [kind for _, kind in found].count("server_error") == 1
        assert max(record.attempt for record in server.requests if not record.headers) == 2


def test_a_line_that_is_rejected_is_final(tmp_path: Path) -> None:
    with MockServer(faults=lambda record: "400" if "Question 3" in str(record.body) else None) as server:
        found, lm = batch_run(server, tmp_path)
        assert [kind for _, kind in found].count("rejected") == 1
        assert max(record.attempt for record in server.requests if not record.headers) == 0
        assert lm.harness_describe()["run"]["failed_calls"] == 2


@pytest.mark.parametrize("fault", ["expired=0.5", "truncated", "unknown-ids", "duplicate-ids", "without-answers=0.4"])
def test_what_came_is_kept_and_the_rest_is_asked_again(fault: str, tmp_path: Path, expected: object) -> None:
    with MockServer(batch_faults=[fault]) as server:
        found, _ = batch_run(server, tmp_path)
        assert found == expected
        again = {"truncated": 1, "without-answers=0.4": int(0.4 * LINES)}.get(fault, 0)
        assert len(paid(server)) == LINES + again


def test_a_cancelled_batch_keeps_what_came_and_is_not_submitted_again_by_itself(
    tmp_path: Path, expected: object
) -> None:
    with MockServer(batch_faults=["cancelled=0.5"]) as server:
        with pytest.raises(RunStopped, match="was cancelled"):
            batch_run(server, tmp_path)
        assert len(paid(server)) == LINES // 2
        found, _ = batch_run(server, tmp_path)
        assert found == expected
        assert len(paid(server)) == LINES


def test_a_batch_that_fails_the_validation_ends_the_run_and_can_be_submitted_again(
    tmp_path: Path, expected: object
) -> None:
    with MockServer(batch_faults=["failed"]) as server:
        with pytest.raises(RequestRejected, match="not parseable"):
            batch_run(server, tmp_path)
        assert batch_run(server, tmp_path)[0] == expected


def test_a_full_queue_is_waited_for_while_other_batches_run(tmp_path: Path, expected: object) -> None:
    with MockServer(batch_ms=1, batch_faults=["slow=1000000", "token-limit"]) as server:

        def release() -> None:
            while not any('"code": "token_limit_exceeded"' in note.read_text() for note in notes(tmp_path)):
                time.sleep(0.005)
            server.batch_ms = 0

        threading.Thread(target=release, daemon=True).start()
        assert batch_run(server, tmp_path, lines=30)[0] == expected
        assert server.stats.requests["/v1/batches"] == 3
        assert len(paid(server)) == LINES


def test_a_full_queue_of_others_ends_the_run(tmp_path: Path) -> None:
    with (
        MockServer(batch_faults=["token-limit"]) as server,
        pytest.raises(RunStopped, match=r"Enqueued token limit.*--batch_lines\. Answers are kept"),
    ):
        batch_run(server, tmp_path)


def test_a_run_that_does_not_wait_is_collected_later(tmp_path: Path, expected: object) -> None:
    with MockServer(batch_ms=HOLD) as server:
        with pytest.raises(BatchesPending, match="under way: batch_000001"):
            batch_run(server, tmp_path, wait=0)
        with pytest.raises(BatchesPending):
            batch_run(server, tmp_path, wait=0)
        server.batch_ms = 0
        assert batch_run(server, tmp_path)[0] == expected
        assert server.stats.requests["/v1/batches"] == 1
        assert len(paid(server)) == LINES


def test_a_reply_that_is_lost_after_the_batch_was_created_creates_no_second_one(
    tmp_path: Path, expected: object
) -> None:
    with MockServer(faults=only_on("/v1/batches", "reset")) as server:  # type: ignore[arg-type]
        assert batch_run(server, tmp_path)[0] == expected
        assert len(paid(server)) == LINES


def test_without_a_list_of_batches_a_second_one_is_not_risked(tmp_path: Path) -> None:
    profile = replace(PROFILES["default"], name="no-list", lists_batches=False)
    with MockServer(profile, faults=only_on("/v1/batches", "reset")) as server:  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match=r"lists no batches.*write its id as batch_id into"):
            batch_run(server, tmp_path)
        with pytest.raises(ConfigError, match="lists no batches"):
            batch_run(server, tmp_path)
        assert server.stats.requests["/v1/batches"] == 1
        (note,) = notes(tmp_path)
        note.write_text(json.dumps({**json.loads(note.read_text()), "batch_id": "batch_000001"}))
        batch_run(server, tmp_path)
        assert len(paid(server)) == LINES


@pytest.mark.parametrize("path", ["/v1/files", "/v1/batches"])
@pytest.mark.parametrize("fault", ["429", "503", "close", "truncated"])
def test_refusals_and_broken_connections_are_tried_again(
    path: str, fault: str, tmp_path: Path, expected: object
) -> None:
    with MockServer(faults=only_on(path, fault, fault)) as server:  # type: ignore[arg-type]
        assert batch_run(server, tmp_path)[0] == expected
        assert len(paid(server)) == LINES


def test_a_process_that_ended_before_it_noted_an_id_finds_file_and_batch(tmp_path: Path, expected: object) -> None:
    with MockServer(batch_ms=HOLD) as server:
        with pytest.raises(BatchesPending):
            batch_run(server, tmp_path, wait=0)
        (note,) = notes(tmp_path)
        known = json.loads(note.read_text())
        note.write_text(json.dumps({**known, "batch_id": "", "submitting": True}))
        with pytest.raises(BatchesPending):
            batch_run(server, tmp_path, wait=0)
        assert json.loads(note.read_text())["batch_id"] == known["batch_id"]
        note.write_text(json.dumps({**known, "batch_id": "", "file_id": "", "submitting": True}))
        server.batch_ms = 0
        assert batch_run(server, tmp_path)[0] == expected
        posts = [record.path for record in server.requests if record.method == "POST" and record.headers]
        assert (posts.count("/v1/files"), posts.count("/v1/batches")) == (1, 1)


def test_a_process_that_ended_before_it_submitted_submits_once(tmp_path: Path, expected: object) -> None:
    with MockServer(faults=only_on("/v1/files", "close")) as server:  # type: ignore[arg-type]
        with pytest.raises(RunStopped, match="does not answer"):
            batch_run(server, tmp_path, max_retries=0)
        (folder,) = tmp_path.glob("run.batches/*")
        (folder / "requests-0002.jsonl.part").write_bytes(b'{"custom_id":')
        assert batch_run(server, tmp_path)[0] == expected
        assert len(paid(server)) == LINES


def test_replies_that_are_on_disk_but_not_in_the_journal_are_read(
    server: MockServer, tmp_path: Path, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Batches, "finish", lambda batches: None)
        batch_run(server, tmp_path, lines=30)
    for file in tmp_path.glob("run.sqlite*"):
        file.unlink()
    found, _ = batch_run(server, tmp_path, lines=30)
    assert found == expected
    assert len(paid(server)) == LINES
    assert not (tmp_path / "run.batches").exists()


@pytest.mark.parametrize(
    "budget", [{"max_tokens_total": 2000}, {"max_cost": 0.001, "price_in": 1.0}], ids=["tokens", "cost"]
)
def test_batches_that_may_not_fit_the_budget_are_not_submitted(
    tmp_path: Path, budget: dict[str, Any], expected: object
) -> None:
    with MockServer() as server:
        with pytest.raises(RunStopped, match="No further batch is submitted"):
            batch_run(server, tmp_path, lines=30, **budget)
        assert server.stats.paid_lines == 0
        assert batch_run(server, tmp_path, lines=30)[0] == expected
        assert len(paid(server)) == LINES


def test_batches_are_cheaper_by_the_discount(tmp_path: Path) -> None:
    with MockServer() as server:
        _, lm = batch_run(server, tmp_path, price_in=1e6, price_out=0, batch_discount=0.5)
        run = lm.harness_describe()["run"]
        in_batches = lm.harness_pool.session.accounting.batch_usage.prompt
        assert run["cost"] == run["prompt_tokens"] - 0.5 * in_batches


def test_fresh_leaves_out_the_batches_of_an_earlier_process(tmp_path: Path, expected: object) -> None:
    with MockServer(batch_ms=HOLD) as server:
        with pytest.raises(BatchesPending):
            batch_run(server, tmp_path, wait=0)
        server.batch_ms = 0
        assert batch_run(server, tmp_path, fresh=True)[0] == expected
        assert server.stats.requests["/v1/batches"] == 2


def test_a_server_without_a_batch_api_is_named(tmp_path: Path) -> None:
    with MockServer("vllm") as server, pytest.raises(EndpointNotFound, match=r"no Batch API.*--batch file:DIR"):
        batch_run(server, tmp_path)


def test_a_damaged_note_is_an_error_that_names_it(tmp_path: Path) -> None:
    with MockServer(batch_ms=HOLD) as server:
        with pytest.raises(BatchesPending):
            batch_run(server, tmp_path, wait=0)
        (note,) = notes(tmp_path)
        note.write_text("{")
        with pytest.raises(ConfigError, match=r"batch-0001\.json is damaged"):
            batch_run(server, tmp_path)


def test_a_batch_that_the_server_has_forgotten_is_not_submitted_again_by_itself(tmp_path: Path) -> None:
    with MockServer(batch_ms=HOLD) as server:
        with pytest.raises(BatchesPending):
            batch_run(server, tmp_path, wait=0)
        (note,) = notes(tmp_path)
        note.write_text(json.dumps({**json.loads(note.read_text()), "batch_id": "batch_999999"}))
        with pytest.raises(ConfigError, match="does not know the batch batch_999999"):
            batch_run(server, tmp_path)


def test_windows_of_a_long_text_follow_in_the_next_round(tmp_path: Path) -> None:
    def texts() -> list[Instance]:
        return [Instance("loglikelihood_rolling", {}, ("word and word " * 60,), 0, ("long", 0, 1))]

    with MockServer(max_model_len=64) as server:
        lm_instances, batch_instances = texts(), texts()
        from lm_eval.api.model import RunContext
        from tests.models.complete_runs import answers, model

        lm = model(server.base_url)
        lm.harness_prepare(RunContext(request_types=frozenset({"loglikelihood_rolling"})))
        lm.harness_respond(lm_instances)
        found, _ = batch_run(server, tmp_path, instances=batch_instances)
        assert found == answers(lm_instances)
        assert found[0][1] is None


def test_a_call_that_no_server_answers_is_not_kept_as_answered(tmp_path: Path) -> None:
    with MockServer(faults=lambda record: "null-logprobs" if "Doc 3" in str(record.body) else None) as server:
        found, _ = batch_run(server, tmp_path)
        assert [kind for _, kind in found].count("malformed") + [kind for _, kind in found].count("check_failed") == 2
        assert max(record.attempt for record in server.requests if not record.headers) == 2


def test_what_goes_to_the_server_needs_one_server_and_a_journal(server: MockServer, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="several"):
        batch_run(server, tmp_path, url=f"{server.base_url};{server.base_url}")
    with pytest.raises(ConfigError, match="secret"):
        batch_run(server, tmp_path, extra_body={"api_key": "sk-0123456789abcdef"})


def test_no_key_is_in_any_file(tmp_path: Path) -> None:
    with MockServer(api_key="sk-very-secret-0123", batch_ms=HOLD) as server:
        with pytest.raises(BatchesPending):
            batch_run(server, tmp_path, wait=0, auth_token="sk-very-secret-0123")
        files = [file for file in tmp_path.rglob("*") if file.is_file()]
        assert any("requests" in file.name for file in files)
        assert not any(b"very-secret" in file.read_bytes() for file in files)


def test_an_outage_while_batches_run_keeps_them(tmp_path: Path, expected: object) -> None:
    with MockServer(batch_ms=HOLD) as server:
        with pytest.raises(BatchesPending):
            batch_run(server, tmp_path, wait=0)
        (note,) = notes(tmp_path)
        before = note.read_text()
        with pytest.raises((RunStopped, APIError)):
            batch_run(server, tmp_path, url="http://127.0.0.1:9/v1", retry_time=0, max_retries=0)
        assert note.read_text() == before
        server.batch_ms = 0
        assert batch_run(server, tmp_path)[0] == expected


def test_two_processes_do_not_wait_for_the_same_batches(tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    with MockServer(batch_ms=HOLD) as server:
        with pytest.raises(BatchesPending):
            batch_run(server, tmp_path, wait=0)
        (folder,) = tmp_path.glob("run.batches/*")
        with (folder / "batches.lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            with pytest.raises(ConfigError, match="Another process waits"):
                batch_run(server, tmp_path)


def test_fresh_names_the_batches_that_it_leaves_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with MockServer(batch_ms=HOLD) as server:
        for fresh in (False, True):
            with pytest.raises(BatchesPending):
                batch_run(server, tmp_path, wait=0, fresh=fresh)
        assert "Batch batch_000001 of an earlier process is left out" in caplog.text


def test_a_run_that_ends_while_batches_run_says_that_they_are_paid(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with MockServer(batch_ms=HOLD) as server, pytest.raises(RunStopped):
        batch_run(server, tmp_path, lines=20, max_time=0.5)
    said = "Under way at the server, and to be paid: 3 batches. The same command collects the answers."
    assert said in caplog.messages
