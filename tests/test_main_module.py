from __future__ import annotations

import sys

import pytest

from lm_eval import __main__ as command


def test_every_option_of_the_parser_has_a_type() -> None:
    command.check_argument_types(command.setup_parser())  # type: ignore[attr-defined]


def test_words_are_read_as_in_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["script", "--tasks", "a,b", "--seed", "1,2,3", "--model_args", "model=m"])
    args = command.parse_eval_args(command.setup_parser())
    assert (args.tasks, args.seed, args.model_args, args.limit) == (["a", "b"], [1, 2, 3, 1234], {"model": "m"}, None)


def test_without_words_the_help_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["script"])
    with pytest.raises(SystemExit) as ended:
        command.parse_eval_args(command.setup_parser())
    assert (ended.value.code, "--tasks" in capsys.readouterr().out) == (1, True)
