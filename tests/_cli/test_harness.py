from __future__ import annotations

import sys
from typing import Any

import pytest

from lm_eval._cli import HarnessCLI
from lm_eval.cli import run
from lm_eval.tasks import TaskManager


def _parse(monkeypatch: pytest.MonkeyPatch, *words: str) -> Any:
    monkeypatch.setattr(sys, "argv", ["script.py", *words])
    return HarnessCLI().parse_args()


def test_options_have_the_types_of_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    args = _parse(
        monkeypatch,
        *("--model", "local-completions", "--tasks", "a,b", "c", "--limit", "5", "--seed", "1,2,3"),
        *("--model_args", "model=m,num_concurrent=4", "base_url=http://h", "--gen_kwargs", "temperature=0.5"),
        *("--cache_requests", "--samples", '{"a": [0]}', "--num_fewshot", "0", "--log_samples", "--batch_size", "auto"),
    )
    assert (args.command, args.model, args.tasks) == ("run", "local-completions", ["a", "b", "c"])
    assert args.model_args == {"model": "m", "num_concurrent": 4, "base_url": "http://h"}
    assert args.gen_kwargs == {"temperature": 0.5}
    assert (args.limit, args.seed, args.num_fewshot, args.batch_size) == (5.0, [1, 2, 3, 1234], 0, "auto")
    assert args.cache_requests["cache_requests"] is True
    assert (args.samples, args.log_samples, args.metadata, args.include_path) == ({"a": [0]}, True, None, None)
    assert not hasattr(args, "predict_only")


def test_a_run_gets_what_was_parsed_and_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def execute(settings: Any) -> int:
        seen.append(settings)
        return 0

    monkeypatch.setattr(run, "execute", execute)
    args = _parse(
        monkeypatch, "run", "--model", "m", "--tasks", "gsm8k", "--limit", "5", "--seed", "7", "--cache_requests"
    )
    args.limit = 10
    HarnessCLI().execute(args)
    settings = seen[0]
    assert (settings.model, settings.tasks, settings.limit, settings.seed) == ("m", ["gsm8k"], 10, (7, 7, 7, 7))
    assert settings.cache_requests == "true"


def test_a_failed_run_ends_the_script_with_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "execute", lambda settings: 3)
    cli = HarnessCLI()
    with pytest.raises(SystemExit) as ended:
        cli.execute(_parse(monkeypatch, "run", "--model", "m", "--tasks", "x"))
    assert ended.value.code == 3


def test_without_words_the_help_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    HarnessCLI().execute(_parse(monkeypatch))
    assert "validate" in capsys.readouterr().out


def test_run_alone_prints_its_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        _parse(monkeypatch, "run")
    assert ended.value.code == 0
    assert "--num_fewshot" in capsys.readouterr().out


def test_a_key_is_hidden_from_what_reads_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    args = _parse(monkeypatch, "run", "--model_args", "auth_token=sk-abcdefghijkl")
    assert args.model_args == {"auth_token": "sk-abcdefghijkl"}
    assert not any("sk-abcdefghijkl" in word for word in sys.argv)


def test_tables_are_listed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(TaskManager, "list_all_tasks", lambda self, **kinds: f"listed {kinds}")
    for what, kinds in {"tasks": {}, "groups": {"list_subtasks": False, "list_tags": False}}.items():
        HarnessCLI().execute(_parse(monkeypatch, "ls", what))
        assert capsys.readouterr().out == f"listed {kinds}\n"
    HarnessCLI().execute(_parse(monkeypatch, "ls", "--include_path", "."))
    assert "usage" in capsys.readouterr().out


def test_tasks_that_do_not_exist_are_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    HarnessCLI().execute(_parse(monkeypatch, "validate", "--tasks", "gsm8k,arc_easy"))
    assert capsys.readouterr().out.splitlines()[-1] == "All tasks found and valid"
    with pytest.raises(SystemExit) as ended:
        HarnessCLI().execute(_parse(monkeypatch, "validate", "--tasks", "gsm8k,nothing"))
    assert ended.value.code == 1
    assert capsys.readouterr().out.splitlines()[-1] == "Tasks not found: nothing"
