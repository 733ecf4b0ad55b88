"""Runs through files that another program answers, with and without a server to ask before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lm_eval.api.instance import Instance
from lm_eval.api.model import RunContext
from lm_eval.config.batch import NO_SERVER, BatchSettings
from lm_eval.errors import BatchesPending, ConfigError
from lm_eval.mock_server import MockServer
from lm_eval.models.openai_completions import LocalChatCompletion
from tests.models.batches.batch_runs import LINES, batch_run, replies_of, run_batch
from tests.models.complete_runs import ALL, answers, model, work


@pytest.fixture(scope="module", params=["vllm", "vllm-nobos"])
def server(request: pytest.FixtureRequest) -> Iterator[MockServer]:
    with MockServer(request.param) as server:
        yield server


def texts() -> list[Instance]:
    rolling = [Instance("loglikelihood_rolling", {}, ("A text, and its end.",), 0, ("text", 0, 1))]
    alone = [Instance("loglikelihood", {}, ("", " Paris is"), 0, ("alone", 0, 1))]
    return [*work(4), *rolling, *alone]


def online(server: MockServer, **arguments: Any) -> tuple[list[Any], dict[str, Any]]:
    lm, asked = model(server.base_url, eos_string="</s>", **arguments), texts()
    lm.harness_prepare(RunContext(request_types=ALL))
    lm.harness_respond(asked)
    return answers(asked), lm.harness_describe()


def ask(server: MockServer, folder: Path, url: str, **arguments: Any) -> list[Any]:
    given = {"eos_string": "</s>", **arguments}
    return batch_run(server, folder, files=folder / "files", url=url, instances=texts(), **given)[0]


def to_the_end(server: MockServer, folder: Path, url: str, **arguments: Any) -> tuple[list[Any], int]:
    """Run, answer the files and run again, until nothing is missing; return the answers and the number of rounds."""
    for rounds in range(10):
        try:
            found = ask(server, folder, url, **arguments)
        except BatchesPending as pending:
            assert len(pending.commands) == run_batch(server, folder / "files") > 0
        else:
            return found, rounds
    raise AssertionError("The run does not end.")


def test_the_answers_are_those_of_a_server_that_is_asked(server: MockServer, tmp_path: Path) -> None:
    expected, _ = online(server)
    found, rounds = to_the_end(server, tmp_path, NO_SERVER)
    assert found == expected
    # A model without BOS needs another request for a text without context, which only its replies show.
    assert rounds == (1 if server.active_profile.adds_bos else 2)


def test_replies_in_files_count_as_new_ones_and_once(server: MockServer, tmp_path: Path) -> None:
    with pytest.raises(BatchesPending):
        batch_run(server, tmp_path, files=tmp_path / "files", url=NO_SERVER)
    run_batch(server, tmp_path / "files")
    lines = [json.loads(line) for line in (tmp_path / "files" / "replies-0001.jsonl").read_text().splitlines()]
    _, lm = batch_run(server, tmp_path, files=tmp_path / "files", url=NO_SERVER)
    counted = lm.harness_describe()["run"]
    assert LINES <= counted["requests"] == len(lines)
    assert counted["prompt_tokens"] == sum(line["response"]["body"]["usage"]["prompt_tokens"] for line in lines)
    assert (counted["batches"]["files"], counted["batches"]["replies"]) == (1, len(lines))
    assert counted["cached_answers"] < 5  # questions about the server, looked at twice


def test_a_server_that_is_there_is_asked_before(server: MockServer, tmp_path: Path) -> None:
    expected, _ = online(server)
    assert to_the_end(server, tmp_path, server.base_url) == (expected, 1)


def test_the_start_of_an_answer_is_continued_as_vllm_does(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "Which?"}, {"role": "assistant", "content": "The best answer is"}]
    lm = LocalChatCompletion(model="mock", base_url=NO_SERVER)
    asked = [Instance("generate_until", {}, (messages, {}), 0, ("t", 0, 1))]
    kinds, settings = frozenset({"generate_until"}), BatchSettings(folder=tmp_path / "files")
    context = RunContext(kinds, chat=True, journal=tmp_path / "j", continues=True, batch=settings)
    lm.harness_prepare(context)
    with pytest.raises(BatchesPending):
        lm.harness_respond(asked)
    (line,) = (tmp_path / "files" / "requests-0001.jsonl").read_text().splitlines()
    assert '"continue_final_message":true' in line and '"add_generation_prompt":false' in line
    assert lm.harness_describe()["gen_prefix"] == {"continued": "continue_final_message", "assumed": True}
    assert lm.harness_not_continued() is None


def test_the_commands_are_those_of_vllm(server: MockServer, tmp_path: Path) -> None:
    with pytest.raises(BatchesPending, match="2 files with") as pending:
        batch_run(server, tmp_path, files=tmp_path / "a folder", url=NO_SERVER, instances=texts(), lines=20)
    assert pending.value.commands[0] == (
        f"vllm run-batch -i '{tmp_path}/a folder/requests-0001.jsonl' -o '{tmp_path}/a folder/replies-0001.jsonl' "
        "--model mock"
    )


def test_nothing_is_read_before_the_questions_about_the_server_are_answered(server: MockServer, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    with pytest.raises(BatchesPending) as first:
        ask(server, tmp_path, NO_SERVER, lines=8)
    run_batch(server, folder)
    replies = folder / "replies-0001.jsonl"
    kept = replies.read_bytes()
    replies.unlink()
    with pytest.raises(BatchesPending) as second:
        ask(server, tmp_path, NO_SERVER, lines=8)
    assert second.value.commands == first.value.commands[:1]
    replies.write_bytes(kept)
    try:
        found = ask(server, tmp_path, NO_SERVER, lines=8)
    except BatchesPending:
        run_batch(server, folder)
        found = ask(server, tmp_path, NO_SERVER, lines=8)
    assert found == online(server)[0]


def test_replies_that_are_cut_are_asked_for_again(server: MockServer, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    with pytest.raises(BatchesPending):
        ask(server, tmp_path, server.base_url)
    run_batch(server, folder)
    (requests,) = folder.glob("requests-*.jsonl")
    raw = replies_of(requests).read_bytes()
    replies_of(requests).write_bytes(raw[: len(raw) // 2])
    assert to_the_end(server, tmp_path, server.base_url) == (online(server)[0], 1)


def test_lines_of_other_requests_are_counted_once(
    server: MockServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "files"
    with pytest.raises(BatchesPending):
        batch_run(server, tmp_path, files=folder, url=NO_SERVER)
    run_batch(server, folder)
    with (folder / "replies-0001.jsonl").open("a") as replies:
        replies.write('{"custom_id"\n{"id": "x"}\n' + json.dumps({"custom_id": "0" * 32, "response": {}}) + "\n")
    batch_run(server, tmp_path, files=folder, url=NO_SERVER)
    assert [message for message in caplog.messages if "left out" in message] == [
        "replies-0001.jsonl: 2 lines left out, cut or without an id of lm_eval.",
        "replies-0001.jsonl: 1 line left out, with an id of another file.",
    ]


def test_a_server_without_echo_is_refused_by_its_replies(tmp_path: Path) -> None:
    with MockServer("llamacpp") as server:
        with pytest.raises(BatchesPending):
            batch_run(server, tmp_path, files=tmp_path / "files", url=NO_SERVER, instances=texts())
        run_batch(server, tmp_path / "files")
        lm = model(NO_SERVER)
        from lm_eval.config.batch import BatchSettings

        settings = BatchSettings(folder=tmp_path / "files")
        lm.harness_prepare(RunContext(request_types=ALL, journal=tmp_path / "run.sqlite", batch=settings))
        assert "echo" in str(lm.harness_refuses("loglikelihood"))
        assert lm.harness_refuses("generate_until") is None


def test_a_strategy_that_needs_a_tokenizer_is_refused(tmp_path: Path, server: MockServer) -> None:
    from lm_eval.config.batch import BatchSettings

    lm = model(NO_SERVER, scoring="token_ids")
    settings = BatchSettings(folder=tmp_path / "files")
    lm.harness_prepare(RunContext(request_types=ALL, journal=tmp_path / "run.sqlite", batch=settings))
    assert "tokenizer" in str(lm.harness_refuses("loglikelihood"))


def test_files_of_another_model_and_a_fresh_start_are_refused(server: MockServer, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    with pytest.raises(BatchesPending):
        batch_run(server, tmp_path, files=folder, url=NO_SERVER)
    with pytest.raises(ConfigError, match=r"another model or server.*: name another folder\.|before; name another"):
        batch_run(server, tmp_path, files=folder, url=server.base_url)
    with pytest.raises(ConfigError, match="name another folder"):
        batch_run(server, tmp_path, files=folder, url=NO_SERVER, fresh=True)
