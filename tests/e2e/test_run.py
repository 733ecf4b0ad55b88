"""``lm_eval run`` on the mock server, as a user would call it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from lm_eval.mock_server import MockServer
from tests.e2e.conftest import TASKS, Command, Ran, environment, run_words
from tests.models.http.test_transport import closed_port

DEMO = ["--tasks", "demo_choices,demo_numbers", "demo_prose"]


@pytest.fixture(scope="module")
def finished(server: MockServer, tmp_path_factory: pytest.TempPathFactory) -> tuple[Ran, Path]:
    """A complete run and its output folder."""
    folder = tmp_path_factory.mktemp("run")
    words = run_words(server.base_url, *DEMO, "--output_path", "out", "--log_samples", "--limit", "5")
    ran = subprocess.run(
        [sys.executable, "-m", "lm_eval", *words],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        env=environment(),
    )
    return Ran(ran.returncode, ran.stdout, ran.stderr), folder / "out" / "mock"


def test_it_ends_well(finished: tuple[Ran, Path]) -> None:
    assert finished[0].code == 0, finished[0].err


def test_the_header_line_comes_first(finished: tuple[Ran, Path]) -> None:
    header = finished[0].out.splitlines()[0]
    assert header.startswith("local-completions")
    assert "limit: 5" in header


@pytest.mark.parametrize(
    "row",
    [
        "demo_choices | acc",
        "demo_choices | acc_norm",
        "demo_numbers | exact_match",
        "demo_prose | word_perplexity",
        "demo_prose | bits_per_byte",
    ],
)
def test_the_table_has_every_metric(finished: tuple[Ran, Path], row: str) -> None:
    task, metric = row.split(" | ")
    found, current = set(), ""
    for line in finished[0].out.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 5:
            current = cells[1] or current
            found.add((current, cells[5]))
    assert (task, metric) in found


def test_the_results_file_holds_the_scores(finished: tuple[Ran, Path]) -> None:
    (file,) = finished[1].glob("results_*.json")
    results = json.loads(file.read_text())["results"]
    assert set(results) == {"demo_choices", "demo_numbers", "demo_prose"}


@pytest.mark.parametrize("task", ["demo_choices", "demo_numbers", "demo_prose"])
def test_every_task_has_a_samples_file(finished: tuple[Ran, Path], task: str) -> None:
    (file,) = finished[1].glob(f"samples_{task}_*.jsonl")
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row["doc_id"] for row in rows] == [0, 1, 2, 3, 4]


def test_a_config_file_is_the_same_run(server: MockServer, command: Command, tmp_path: Path) -> None:
    config = {
        "model": "local-completions",
        "model_args": {"model": "mock", "base_url": server.base_url},
        "tasks": ["demo_prose"],
        "include_path": TASKS,
        "limit": 7,
    }
    (tmp_path / "run.yaml").write_text(json.dumps(config))
    ran = command("run", "--config", "run.yaml", "--limit", "2")
    assert (ran.code, "limit: 2" in ran.out) == (0, True), ran.err


def test_a_chat_model_refuses_tasks_it_cannot_score(server: MockServer, command: Command) -> None:
    words = run_words(server.base_url, *DEMO, "--apply_chat_template", "--limit", "2", model="local-chat-completions")
    ran = command(*words)
    assert ran.code == 3, ran.err
    assert "|demo_numbers" in ran.out
    assert "|demo_choices" not in ran.out
    refused = ran.out.partition("! Not run: demo_choices")[2]
    assert "local-completions" in refused


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tasks", "demo_choicse"], "Unknown task 'demo_choicse'. Did you mean 'demo_choices'"),
        (["--tasks", "demo_prose", "--limt", "3"], "Unknown option '--limt'. Did you mean '--limit'"),
        (["--tasks", "demo_prose", "--model", "local-completion"], "Unknown model 'local-completion'. Did you mean"),
        (["--tasks", "demo_prose", "--model", "hf"], "Models run behind an API here"),
        (["--tasks", "demo_prose", "--data_dir", "absent"], "there is no folder 'absent'"),
        (["--tasks", "demo_prose", "--model_args", "modle=x"], "Unknown model argument 'modle'. Did you mean 'model'"),
        (["--tasks", "demo_prose", "--limit", "none"], "limit takes"),
        (["--tasks", "demo_prose", "--log_samples"], "--output_path"),
    ],
)
def test_a_mistake_prints_one_line_and_exits_with_2(
    server: MockServer, command: Command, words: list[str], said: str
) -> None:
    ran = command(*run_words(server.base_url, *words))
    assert (ran.code, ran.out) == (2, "")
    line = _only_line(ran.err)
    assert line.startswith("lm_eval: error: ")
    assert said in line


def test_no_server_prints_one_line_and_exits_with_2(command: Command) -> None:
    with MockServer() as gone:
        base_url = gone.base_url
    ran = command(*run_words(base_url, "--tasks", "demo_prose"))
    assert (ran.code, ran.out) == (2, "")
    assert base_url.removesuffix("/v1") in _only_line(ran.err)


def test_a_missing_key_prints_one_line_and_exits_with_2(command: Command) -> None:
    with MockServer(api_key="secret") as server:
        ran = command(*run_words(server.base_url, "--tasks", "demo_prose"))
    assert (ran.code, ran.out) == (2, "")
    assert "OPENAI_API_KEY" in _only_line(ran.err)


def test_an_unknown_model_name_prints_one_line_and_exits_with_2(command: Command) -> None:
    with MockServer(profile="vllm") as server:
        ran = command(*run_words(server.base_url, "--tasks", "demo_prose", name="other"))
    assert (ran.code, ran.out) == (2, "")
    assert "404" in _only_line(ran.err)


def test_lost_docs_exit_with_3_after_everything_is_saved(command: Command, tmp_path: Path) -> None:
    with MockServer(faults=lambda request: "400" if "30 + 12" in str(request.body) else None) as server:
        ran = command(*run_words(server.base_url, "--tasks", "demo_numbers", "--output_path", "out"))
    assert ran.code == 3, ran.err
    (file,) = (tmp_path / "out" / "mock").glob("results_*.json")
    results = json.loads(file.read_text())
    assert results["errors"]["lost"] == 1
    (said,) = results["results"]["demo_numbers"]["error_messages"]
    assert (said["kind"], said["count"]) == ("rejected", 1)
    shown = f"1 document: {said['message']}"
    assert "HTTP 400" in shown
    assert (f"! {shown}"[:60] in ran.out, shown in ran.err) == (True, True)


def test_a_hint_after_the_run_says_where_its_results_are(command: Command, tmp_path: Path) -> None:
    with MockServer() as server:
        ran = command(*run_words(server.base_url, "--tasks", "demo_numbers", "--output_path", "my out"))
    (file,) = (tmp_path / "my out" / "mock").glob("results_*.json")
    hint = ran.err.splitlines()[-2:]
    assert hint[0] == f"Results: my out/mock/{file.name}"
    assert hint[1].startswith("To look at them in a browser: lm_eval report 'my out'  (")
    assert command("report", "my out").code == 0


def test_no_hint_without_an_output_path(command: Command) -> None:
    with MockServer() as server:
        ran = command(*run_words(server.base_url, "--tasks", "demo_numbers"))
    assert "browser" not in ran.err


@pytest.mark.parametrize(("more", "code"), [((), 2), (("--shard", "0/2"), 4)], ids=["run", "shard"])
def test_a_server_that_is_away_is_a_mistake_of_the_user_but_not_of_a_shard_in_a_queue(
    command: Command, more: tuple[str, ...], code: int
) -> None:
    words = run_words(f"http://127.0.0.1:{closed_port()}/v1", "--tasks", "demo_numbers", "--output_path", "out", *more)
    ran = command(*words)
    assert ran.code == code
    assert "No connection" in _only_line(ran.err)
    assert ("tries again" in ran.err) is bool(more)


def test_accepted_lost_docs_exit_with_0(command: Command) -> None:
    with MockServer(faults=lambda request: "400" if "30 + 12" in str(request.body) else None) as server:
        ran = command(*run_words(server.base_url, "--tasks", "demo_numbers", "--max_errors", "0.1"))
    assert ran.code == 0, ran.err
    assert "1 of 12 documents were lost" in ran.err


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_command_that_is_ended_keeps_the_answers_and_the_same_command_resumes(
    tmp_path: Path, sign: signal.Signals, code: int
) -> None:
    with MockServer(latency_ms=50) as server:
        words = run_words(server.base_url, "--tasks", "demo_numbers", "--output_path", "out")
        words += ["--model_args", "num_concurrent=1"]
        line = [sys.executable, "-m", "lm_eval", *words]
        process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment())
        until = time.monotonic() + 60
        while server.stats.statuses[200] < 6 and process.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        process.send_signal(sign)
        _, err = process.communicate(timeout=60)
        assert process.returncode == code, err
        assert "the same command resumes" in err.splitlines()[-1]
        assert (sign.name in err.splitlines()[-1]) is (sign != signal.SIGINT)

        ran = subprocess.run(line, capture_output=True, text=True, timeout=60, cwd=tmp_path, env=environment())
        assert ran.returncode == 0, ran.stderr
        prompts = [str(request.body) for request in server.requests if "30 + 12" not in str(request.body)]
        asked = Counter(prompt for prompt in prompts if "+" in prompt)
        assert len(asked) == 11
        assert sum(asked.values()) <= 12  # the request that Ctrl-C cancelled may be sent again


def _only_line(text: str) -> str:
    (line,) = text.splitlines()
    return line
