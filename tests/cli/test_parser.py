from __future__ import annotations

import pytest

from lm_eval.cli.parser import Parser
from lm_eval.errors import ConfigError


@pytest.fixture
def parser() -> Parser:
    parser = Parser(prog="lm_eval test")
    parser.add_argument("--model_args", nargs="+")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--dashed-name")
    return parser


@pytest.mark.parametrize("words", [["--model-args", "a=1"], ["--model_args", "a=1"], ["--model-args=a=1"]])
def test_dashes_and_underscores_are_the_same(parser: Parser, words: list[str]) -> None:
    assert parser.read(words).model_args == ["a=1"]


def test_a_value_with_dashes_is_unchanged(parser: Parser) -> None:
    assert parser.read(["--model_args", "a=x-y"]).model_args == ["a=x-y"]


@pytest.mark.parametrize("name", ["--dashed-name", "--dashed_name"])
def test_an_option_with_dashes_also_takes_underscores(parser: Parser, name: str) -> None:
    assert parser.read([name, "x"]).dashed_name == "x"


def test_an_unknown_option_names_the_nearest(parser: Parser) -> None:
    with pytest.raises(ConfigError, match=r"^Unknown option '--limt'. Did you mean '--limit'\?$"):
        parser.read(["--limt", "3"])


def test_a_stray_word_is_refused(parser: Parser) -> None:
    with pytest.raises(ConfigError, match="Unexpected argument 'stray'"):
        parser.read(["stray"])


def test_an_abbreviation_is_refused(parser: Parser) -> None:
    with pytest.raises(ConfigError, match="Unknown option '--lim'"):
        parser.read(["--lim", "3"])


def test_a_value_of_the_wrong_type_is_refused(parser: Parser) -> None:
    with pytest.raises(ConfigError, match=r"^Argument --limit: invalid int value: 'x'\.$"):
        parser.read(["--limit", "x"])
