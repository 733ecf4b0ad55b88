"""Runs of the command line with the mock server as judge: killed, stopped, resumed, judged again."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lm_eval.cli.main import main
from lm_eval.mock_server import MockServer
from tests.e2e.conftest import environment

TASK = """\
task: lands
dataset_path: json
dataset_kwargs: {{data_files: {data}}}
test_split: train
doc_to_text: "{{{{question}}}}"
generation_kwargs: {{until: [], max_gen_toks: 8}}
scorer:
  type: ai_judge
  prompt: |
    Question: {{{{question}}}}
    Right answer: {{{{capital}}}}
    {{{{answer}}}}
    GRADE: C or GRADE: I
  verdict: {{C: 1.0, I: 0.0}}
  generation_kwargs: {{max_gen_toks: 64}}
"""
DOCS = 40


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [{"question": f"The capital of land {n}?", "capital": f"City {n}"} for n in range(DOCS)]
    data = tmp_path / "lands.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "lands.yaml").write_text(TASK.format(data=data))
    return tmp_path


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer() as running:
        yield running


@pytest.fixture(scope="module")
def judge() -> Iterator[MockServer]:
    with MockServer(judge="accuracy=0.7,unreadable=0.2") as running:
        yield running


def words(folder: Path, server: MockServer, judge_url: str, out: str, more: str = "") -> list[str]:
    return [
        *("run", "--model", "local-chat-completions", "--model_args", f"model=mock,base_url={server.base_url}"),
        *("--apply_chat_template", "--include_path", str(folder), "--tasks", "lands", "--log_samples"),
        *("--judge_model_args", f"model=mock,base_url={judge_url}{more}", "--output_path", str(folder / out)),
    ]


def samples(out: Path) -> list[dict[str, Any]]:
    path = max(out.rglob("samples_*.jsonl"), key=lambda found: found.name)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    # The server's prefix cache makes token counts differ.
    return [{key: value for key, value in line.items() if key != "response_info"} for line in lines]


def results(out: Path) -> dict[str, Any]:
    path = max(out.rglob("results_*.json"), key=lambda found: found.name)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def journals(out: Path) -> list[Path]:
    return list((out / ".journal").glob("*.sqlite"))


def test_verdicts_are_read_and_counted(folder: Path, server: MockServer, judge: MockServer) -> None:
    assert main(words(folder, server, judge.base_url, "out")) == 0
    entry = results(folder / "out")["judging"]["lands"]
    assert entry["documents"] == DOCS
    assert entry["judged"] + entry["unjudged"] == DOCS
    assert 0 < entry["asked_again"] <= entry["verdicts"]
    assert journals(folder / "out") == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_killed_run_resumes_with_the_same_verdicts(folder: Path, server: MockServer) -> None:
    with MockServer(judge="accuracy=0.7,unreadable=0.2", latency_ms=30) as slow:
        command = words(folder, server, slow.base_url, "killed", ",num_concurrent=2")
        process = subprocess.Popen(
            [sys.executable, "-m", "lm_eval", *command], env=environment(), stderr=subprocess.PIPE
        )
        deadline = time.monotonic() + 60
        while len(slow.requests) < DOCS // 2 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
        process.communicate()
        assert len(journals(folder / "killed")) == 2
        asked = len(slow.requests)
        assert main(command) == 0
        again = len(slow.requests) - asked
        assert main(words(folder, server, slow.base_url, "whole", ",num_concurrent=8")) == 0
        whole = len(slow.requests) - asked - again
    assert again < whole
    assert samples(folder / "killed") == samples(folder / "whole")


def test_a_spent_budget_of_the_judge_keeps_all_answers(folder: Path, server: MockServer, judge: MockServer) -> None:
    assert main(words(folder, server, judge.base_url, "budget", ",max_tokens_total=2000")) == 3
    first = results(folder / "budget")
    entry = first["judging"]["lands"]
    assert 0 < entry["judge_failed"] < DOCS
    assert "max_tokens_total" in entry["stopped"]["mock"]
    assert first["errors"]["unjudged"] == entry["judge_failed"]
    assert len(journals(folder / "budget")) == 2
    assert main(words(folder, server, judge.base_url, "budget")) == 0
    assert main(words(folder, server, judge.base_url, "whole")) == 0
    assert samples(folder / "budget") == samples(folder / "whole")


def test_the_command_for_a_judge_that_was_down_judges_the_saved_answers(
    folder: Path, server: MockServer, judge: MockServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(folder, server, judge.base_url, "down", ",max_tokens_total=2000,auth_token=a-long-secret")) == 3
    said = capsys.readouterr().err
    command = shlex.split(next(line for line in said.splitlines() if "to judge them: " in line).partition("them: ")[2])
    files = [path for path in (folder / "down").rglob("*") if path.is_file()]
    assert "a-long-secret" not in said
    assert not [path for path in files if b"a-long-secret" in path.read_bytes()]
    command.remove("max_tokens_total=2000")
    asked = len(server.requests)
    assert main(command[1:]) == 0
    assert len(server.requests) == asked
    assert main(words(folder, server, judge.base_url, "whole")) == 0
    assert [line.get("judge_score") for line in samples(folder / "down")] == [
        line.get("judge_score") for line in samples(folder / "whole")
    ]


def test_a_judge_that_cannot_be_reached_at_the_start_costs_nothing(folder: Path, server: MockServer) -> None:
    asked = len([record for record in server.requests if "land" in str(record.body)])
    assert main(words(folder, server, "http://127.0.0.1:9/v1", "out", ",max_retries=0")) != 0
    assert len([record for record in server.requests if "land" in str(record.body)]) == asked


def test_json_is_asked_for_where_the_server_writes_it(folder: Path, server: MockServer) -> None:
    with MockServer("llamacpp", judge="exact") as judge:
        assert main(words(folder, server, judge.base_url, "json")) == 0
    entry = results(folder / "json")["judging"]["lands"]
    assert (entry["read"], entry["coverage"]) == ({"mock": "json"}, 1.0)
    assert "reasoning" in samples(folder / "json")[0]["judge"]["verdicts"][0]
