from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from lm_eval.cli import exit_codes, main
from lm_eval.cli.main import COMMANDS
from lm_eval.errors import ConfigError
from lm_eval.mock_server import MockServer
from tests.fakes import write_tasks

Captured = pytest.CaptureFixture[str]
SECRET = "sk-abcdef123456"


def words(folder: Path, *more: str) -> list[str]:
    model = "model=m,base_url=http://127.0.0.1:9/v1,max_retries=0"
    write_tasks(folder)
    return ["run", "-M", "local-completions", "-a", model, "-t", "generate", "--include_path", str(folder), *more]


def test_a_dry_run_prints_a_plan_and_writes_nothing(tmp_path: Path, capsys: Captured) -> None:
    assert main(words(tmp_path, "--dry_run", "-o", str(tmp_path / "out"), "-L", "3")) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("Plan: local-completions")
    assert '"prompt": "What is 0 + 1?"' in printed
    assert not (tmp_path / "out").exists()


def test_a_saved_config_repeats_the_command(tmp_path: Path, capsys: Captured) -> None:
    file = str(tmp_path / "run.yaml")
    main(words(tmp_path, "--dry_run", "-L", "3", "--gen_kwargs", "max_gen_toks=7", "--save_config", file))
    first = capsys.readouterr().out
    assert main(["run", "--config", file, "--dry_run"]) == 0
    assert capsys.readouterr().out == first


def test_a_saved_config_holds_no_key(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "run.yaml"
    main(words(tmp_path, "--dry_run", "-a", f"auth_token={SECRET}", "--save_config", str(file)))
    assert SECRET not in file.read_text() + "".join(capsys.readouterr())
    assert "OPENAI_API_KEY" in file.read_text()


def test_an_output_path_that_cannot_be_written_is_a_mistake(tmp_path: Path, capsys: Captured) -> None:
    assert main(words(tmp_path, "--dry_run", "--save_config", str(tmp_path / "no" / "run.yaml"))) == 2
    assert "--save_config: cannot write" in capsys.readouterr().err


def test_faults_of_a_config_file_are_one_line_each(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("model: local-completions\nmodle: x\nmodel_args:\n  num_concurent: 3\n  timeout: soon\n")
    assert main(["run", "--config", str(file)]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"lm_eval: error: {file}:2: unknown option 'modle'. Did you mean 'model'?",
        f"lm_eval: error: {file}:4: Unknown model argument 'num_concurent'. Did you mean 'num_concurrent'?",
        f"lm_eval: error: {file}:5: timeout='soon' does not fit; timeout is a number.",
    ]


def test_a_model_of_another_package_takes_any_argument(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("model: my-own-model\nmodel_args: {anything: 1}\ntasks: generate\n")
    assert main(["run", "--config", str(file), "--include_path", str(write_tasks(tmp_path))]) == 2
    assert "Unknown model 'my-own-model'" in capsys.readouterr().err


def test_a_budget_in_money_is_not_an_additional_fault(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("model: local-completions\nmodel_args: {max_cost: 1, price_out: 2}\n")
    main(["run", "--config", str(file)])
    assert "No tasks given" in capsys.readouterr().err


def test_services_get_results_even_if_stdout_is_closed(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*arguments: Any) -> None:
        raise BrokenPipeError

    sent: list[Any] = []
    lossy = {"errors": {"exceeded": True}, "config": {}, "results": {}}
    monkeypatch.setattr("lm_eval.evaluator.run", lambda *given, **named: dict(lossy))
    monkeypatch.setattr("lm_eval.loggers.trackers.send", lambda services, results, *more, **named: sent.append(results))
    monkeypatch.setattr("lm_eval.cli.run._print", broken)
    monkeypatch.setattr(sys.modules["lm_eval.cli.main"], "discard_output", lambda: None)
    assert main(words(tmp_path)) == exit_codes.ERRORS
    assert sent == [lossy]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_fits_100_columns(name: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    with pytest.raises(SystemExit):
        main([name, "--help"])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 100


def test_the_options_of_run_are_in_groups(capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    printed = capsys.readouterr().out
    titles = [line for line in printed.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert titles[1:4] == ["model:", "tasks:", "prompts:"]
    assert "--model_args, -a KEY=VALUE" in printed


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        ([], "No answers are kept without --output_path or --use_cache; the same command starts over."),
        (["-o", "out"], "The answers so far are kept; the same command resumes."),
        (["-c", "answers"], "The answers so far are kept; the same command resumes."),
    ],
)
def test_an_interrupted_run_says_whether_it_resumes(
    more: list[str], kept: str, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*given: Any, **named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lm_eval.evaluator.run", interrupted)
    assert main(words(tmp_path, *more)) == exit_codes.INTERRUPTED
    assert capsys.readouterr().err.splitlines()[-1] == f"lm_eval: interrupted. {kept}"


@pytest.mark.parametrize(("more", "said"), [([], ", and an interrupted run starts over"), (["-c", "answers"], "")])
def test_a_run_that_saves_nothing_says_so_before_asking(
    more: list[str], said: str, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asks(*given: Any, **named: Any) -> None:
        named["before_asking"]()
        raise ConfigError(f"before asking: {capsys.readouterr().err.strip()[9:]}")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("lm_eval.evaluator.run", asks)
    main(words(tmp_path, *more))
    assert f"before asking: WARNING No output_path: results are not saved{said}." in capsys.readouterr().err


def test_the_other_tasks_run_on_demand_and_the_exit_code_says_so(tmp_path: Path, capsys: Captured) -> None:
    with MockServer() as server:
        model = f"model=mock,base_url={server.base_url}"
        assert main(words(tmp_path, "-a", model, "-t", "nonsense", "-L", "2", "--keep_going")) == exit_codes.ERRORS
        printed = capsys.readouterr()
        assert "Not run: nonsense. Unknown task 'nonsense'." in printed.out
        assert "|generate|" in printed.out
        assert main(words(tmp_path, "-a", model, "-t", "nonsense", "rubbish")) == exit_codes.MISTAKE
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("lm_eval: error: ")]
    assert [line[:40] for line in errors] == [
        "lm_eval: error: Unknown task 'nonsense'.",
        "lm_eval: error: Unknown task 'rubbish'. ",
    ]
