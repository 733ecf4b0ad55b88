from __future__ import annotations

import argparse
import sys
from types import ModuleType

import pytest

from lm_eval.cli import main as entry
from lm_eval.cli.main import COMMANDS
from lm_eval.errors import AuthenticationError, ConfigError, RunStopped


def command(monkeypatch: pytest.MonkeyPatch, outcome: int | BaseException) -> None:
    """Replace ``run`` by a function that ends in ``outcome``."""

    def run(namespace: argparse.Namespace) -> int:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    module = ModuleType("lm_eval.cli.run")
    module.run = run  # type: ignore[attr-defined]
    module.add_arguments = lambda parser: parser.add_argument("--verbosity", "-v")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lm_eval.cli.run", module)


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (0, 0),
        (3, 3),
        (ConfigError("wrong"), 2),
        (AuthenticationError("no key", status=401), 2),
        (RunStopped("The budget is spent."), 4),
        (KeyboardInterrupt(), 130),
        (BrokenPipeError(), 0),
    ],
)
def test_the_outcome_of_a_command_becomes_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, outcome: int | BaseException, code: int
) -> None:
    command(monkeypatch, outcome)
    monkeypatch.setattr("os.dup2", lambda *_: None)
    monkeypatch.setattr(sys.stdout, "fileno", lambda: 1, raising=False)
    assert entry(["run"]) == code


def test_a_mistake_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    command(monkeypatch, ConfigError("first\nsecond"))
    entry(["run"])
    assert capsys.readouterr() == ("", "lm_eval: error: first second\n")


@pytest.mark.parametrize("words", [["-v", "DEBUG"], ["--verbosity", "debug"], ["--verbosity=DEBUG"]])
def test_debug_shows_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    monkeypatch.delenv("LMEVAL_LOG_LEVEL", raising=False)
    command(monkeypatch, ConfigError("wrong"))
    entry(["run", *words])
    assert "Traceback" in capsys.readouterr().err


def test_an_internal_error_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    command(monkeypatch, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        entry(["run"])


def test_options_without_a_command_are_those_of_run(monkeypatch: pytest.MonkeyPatch) -> None:
    command(monkeypatch, 3)
    assert entry(["-v", "INFO"]) == 3


def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(["validat"]) == 2
    assert capsys.readouterr().err == "lm_eval: error: Unknown command 'validat'. Did you mean 'validate'?\n"


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_the_overview_lists_every_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(words) == 0
    printed = capsys.readouterr().out
    assert [name for name in COMMANDS if f"  {name} " not in printed] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        entry([name, "--help"])
    assert capsys.readouterr().out.startswith(f"usage: lm_eval {name}")


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry(["--version"]) == 0
    assert capsys.readouterr().out.startswith("lm_eval ")
