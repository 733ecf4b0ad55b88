"""What the command line prints and logs shows no key, and cannot control the terminal."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lm_eval.cli import main
from lm_eval.mock_server import MockServer
from lm_eval.utils import setup_logging

KEY = "q7Kx-secret-90"
HOSTILE = "\x1b]0;x\x07\x9b31m\u202e\u2028\r"
CONTROL = set("\x1b\x07\x9b\u202e\u2028\r")


@pytest.mark.parametrize(
    "words",
    [
        ["--model_args", f"header=Authorization: Token {KEY}"],
        ["--model_args", f"header={{'X-Api-Key': '{KEY}'}}"],
        ["--model_args", f'header=[["X-Own", "{KEY}"]]'],
        ["--model_args", f"header={KEY}"],
        ["--model_args", f'headr={{"X-Api-Key": "{KEY}"}}'],
        ["--model_args", f"auth_tokn={KEY}"],
        ["--model_args", f"auth_token={KEY},nonsense"],
        ["--model_args", f"base_url=http://user:{KEY}/x@127.0.0.1:9/v1"],
        ["--model_args", f"base_url=http://user:{KEY}#x@127.0.0.1:9/v1"],
        ["--model_args", f"base_url=http://user:12/{KEY}@127.0.0.1:9/v1"],
        ["--model_args", f"base_url=http://user:{KEY}%2Fx@127.0.0.1:9/v1"],
        ["--model_args", f"base_url=http://user:{KEY};x@127.0.0.1:9/v1"],
        ["--model_args", f"base_url=http://user:x,{KEY}@127.0.0.1:9/v1"],
        ["--model_args", f"base_url=http://user:x;{KEY}@127.0.0.1:9/v1"],
        ["--model_args", f"base_url=127.0.0.1:9/v1?api_key={KEY}"],
        ["--model_args", f"num_concurrent={KEY}", f"auth_token={KEY}"],
        ["--model_args", "base_url=http://127.0.0.1:9", "--auth_token", KEY],
        ["--model_args", "base_url=http://127.0.0.1:9", f"--api-key={KEY}"],
        ["--auth_token", KEY, "--verbosity", "DEBUG"],
    ],
)
def test_a_mistake_does_not_print_a_key(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    start = [] if words[0] == "--auth_token" else ["--model", "local-completions", "--tasks", "gsm8k", "--limit", "1"]
    if words[:1] == ["--model_args"]:
        words = [words[0], "model=m", *words[1:]]
    assert main(["run", *start, *words]) != 0
    shown = "".join(capsys.readouterr())
    assert shown
    assert KEY not in shown


@pytest.mark.parametrize(
    "text",
    [
        f"model_args:\n  header: 'Authorization: Token {KEY}'\n",
        f"model_args:\n  header: [{KEY}]\n",
        f"model_args:\n  headr:\n    X-Own: {KEY}\n",
        f"model_args: 'model=m,header={KEY}'\n",
        f"model_args: 'header={{X-Own {KEY}'\n",
        f"model_args:\n  auth_token: {KEY}\n  num_concurrent: {KEY}\n",
        f"model_args:\n  base_url: http://user:{KEY}/x@host/v1\n  timeout: x\n",
        f"auth_token: {KEY}\n",
        f"model_args: {{auth_token: {KEY}\n",
    ],
)
def test_a_mistake_in_a_file_does_not_print_a_key(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.yaml"
    path.write_text(f"model: local-completions\ntasks: [gsm8k]\n{text}")
    assert main(["run", "--config", str(path)]) == 2
    shown = "".join(capsys.readouterr())
    assert "run.yaml" in shown or "header" in shown or "base_url" in shown
    assert KEY not in shown


def test_the_process_hides_keys_in_its_own_arguments() -> None:
    program = "import sys\nfrom lm_eval.cli import main\ntry:\n    main()\nfinally:\n    print(sys.argv)"
    words = ["run", "--model", "x", "--model_args", f"auth_token={KEY},base_url=http://u:{KEY}%40@h/v1"]
    found = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=120)
    assert "auth_token=***,base_url=http://***@h/v1" in found.stdout
    assert KEY not in found.stdout + found.stderr


def test_a_server_cannot_forge_lines_of_the_probe(capsys: pytest.CaptureFixture[str]) -> None:
    with MockServer(faults=["400-terminal:1"]) as server:
        main(["probe", "--model_args", f"model=mock,base_url={server.base_url}"])
    shown = "".join(capsys.readouterr())
    assert "all is well" in shown
    assert not [
        line for line in shown.splitlines() if line.startswith(("lm_eval: all is well", "echo with logprobs  yes"))
    ]
    assert not CONTROL & set(shown)


def test_a_server_cannot_control_the_terminal_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.yaml").write_text(
        "task: own\ndataset_path: json\ndataset_kwargs: {data_files: {test: %s}}\ntest_split: test\n"
        "output_type: generate_until\ndoc_to_text: '{{q}}'\ndoc_to_target: '{{q}}'\n" % (tmp_path / "rows.jsonl")
    )
    (tmp_path / "rows.jsonl").write_text('{"q": "a"}\n{"q": "b"}\n')
    with MockServer(faults=["400-terminal:1"]) as server:
        words = ["--model", "local-completions", "--model_args", f"model=mock,base_url={server.base_url}"]
        main(["run", *words, "--tasks", "own", "--include_path", str(tmp_path)])
    shown = "".join(capsys.readouterr())
    assert "all is well" in shown
    assert not [line for line in shown.splitlines() if line.startswith("lm_eval: all is well")]
    assert not CONTROL & set(shown)


def test_names_of_tasks_and_models_cannot_control_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "own\\e[2J\\u202e\\n"
    (tmp_path / "own.yaml").write_text(
        f'task: "{name}"\ndataset_path: json\noutput_type: generate_until\ndoc_to_text: "\\e[31m{{{{q}}}}"\n'
    )
    for words in (["ls", "tasks"], ["ls", "tasks", "--long"], ["validate", "--tasks", "own*"]):
        main([*words, "--include_path", str(tmp_path)])
        shown = "".join(capsys.readouterr())
        assert not {"\x1b", "\u202e"} & set(shown), words
    main(["ls", "tasks", "--json", "--include_path", str(tmp_path)])
    listed = capsys.readouterr().out
    assert not {"\x1b", "\u202e"} & set(listed)
    assert "own\x1b[2J\u202e\n" in [item["name"] for item in json.loads(listed)]
    main(["probe", "--model_args", "model=\x1b[2J\u202e,base_url=http://127.0.0.1:9"])
    main(["run", "--model", "\x1b[2J\u202e", "--tasks", "\x1b[2J"])
    assert not {"\x1b", "\u202e"} & set("".join(capsys.readouterr()))


def test_log_lines_keep_their_lines_and_lose_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    setup_logging("INFO")
    logger = logging.getLogger("lm_eval")
    logger.warning("saw %s and %r in %s, %d%%", f"a{HOSTILE}\nb", "\x1b", ValueError(f"c{HOSTILE}\nd"), 5)
    logger.warning("one\ntwo")
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        logger.exception("failed")
    shown = capsys.readouterr().err
    assert not CONTROL & set(shown)
    assert r"a\x1b]0;x\x07\x9b31m\u202e\u2028\r\nb" in shown
    assert r"one\ntwo" in shown
    assert "Traceback (most recent call last):\n" in shown


@pytest.mark.skipif(os.name != "posix", reason="the name of a variable is case-sensitive")
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("env:LM_EVAL_NO_SUCH_KEY", "the environment variable 'LM_EVAL_NO_SUCH_KEY' is not set"),
        ("file:/no/such/key", "the file cannot be read: No such file or directory"),
    ],
)
def test_a_reference_to_a_key_that_is_not_there_is_told(
    given: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["probe", "--model_args", f"model=m,base_url=http://127.0.0.1:9,auth_token={given}"]) == 2
    assert said in capsys.readouterr().err
