from __future__ import annotations

import argparse

import pytest

from lm_eval._cli import utils


def _merged(*words: str) -> object:
    parser = argparse.ArgumentParser(exit_on_error=False)
    parser.add_argument("--args", nargs="*", action=utils.MergeDictAction)
    return parser.parse_args(words).args


@pytest.mark.parametrize(
    ("words", "merged"),
    [
        (["--args", "a=1,b=x"], {"a": 1, "b": "x"}),
        (["--args", "a=1", "b=true"], {"a": 1, "b": True}),
        (["--args", '{"a": {"b": 2}}'], {"a": {"b": 2}}),
        (["--args", "a=[1,2],b=0.5"], {"a": [1, 2], "b": 0.5}),
        (["--args", "a=1", "--args", "b=2"], {"a": 1, "b": 2}),
        (["--args", "a=1", "--args", "a=2"], {"a": 2}),
        (["--args"], None),
    ],
)
def test_pairs_are_merged(words: list[str], merged: object) -> None:
    assert _merged(*words) == merged


def test_what_is_no_pair_ends_the_parsing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises((SystemExit, argparse.ArgumentError)):
        _merged("--args", "tokenizer")


def test_names_are_split_at_commas() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", nargs="*", action=utils.SplitArgs)
    assert parser.parse_args(["--tasks", "a,b", "c", "--tasks", "d"]).tasks == ["a", "b", "c", "d"]
    with pytest.raises(SystemExit):
        parser.parse_args(["--tasks"])


@pytest.mark.parametrize(
    ("word", "flags"),
    [("true", (True, False, False)), ("refresh", (True, True, False)), ("delete", (False, False, True))],
)
def test_caching_of_requests(word: str, flags: tuple[bool, ...]) -> None:
    keys = ("cache_requests", "rewrite_requests_cache", "delete_requests_cache")
    assert utils.request_caching_arg_to_dict(word) == dict(zip(keys, flags, strict=True))


def test_other_words_for_caching() -> None:
    assert utils.request_caching_arg_to_dict(None) == {}
    with pytest.raises(argparse.ArgumentTypeError, match="bogus"):
        utils.request_caching_arg_to_dict("bogus")


def test_json_is_tried() -> None:
    given = {"a": 1}
    assert utils.try_parse_json(given) is given
    assert [utils.try_parse_json(text) for text in (None, '{"a": 1}', "a=1")] == [None, {"a": 1}, "a=1"]
    with pytest.raises(ValueError, match="double quotes"):
        utils.try_parse_json("{'a': 1}")


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("42", [42] * 4),
        ("none", [None] * 4),
        ("1,2,3", [1, 2, 3, 1234]),
        ("0,None,5,none", [0, None, 5, None]),
    ],
)
def test_seeds(text: str, seeds: list[int | None]) -> None:
    assert utils._int_or_none_list_arg_type(3, 4, "0,1234,1234,1234", text) == seeds


@pytest.mark.parametrize("text", ["1,2", "1,2,3,4,5", "1,x,3,4"])
def test_seeds_that_cannot_be_used(text: str) -> None:
    with pytest.raises(ValueError):
        utils._int_or_none_list_arg_type(3, 4, "0,1234,1234,1234", text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("5", 5), ("0.5", 0.5), ("[1, 2]", [1, 2]), ("x", "x"), ("[x", "[x")],
)
def test_values(text: str, value: object) -> None:
    assert utils.handle_cli_value_string(text) == value


def test_pairs_of_one_text() -> None:
    assert utils.key_val_to_dict("a=1,b=[2,3]") == {"a": 1, "b": [2, 3]}
    assert utils.split_top_level("a=1,b=[2,3],,c='x,y'") == ["a=1", "b=[2,3]", "c='x,y'"]
    with pytest.raises(ValueError):
        utils.key_val_to_dict("a")


def test_an_option_without_a_type_is_found() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--typed", type=str)
    parser.add_argument("--flag", action="store_const", const=True)
    utils.check_argument_types(parser)
    parser.add_argument("--untyped")
    with pytest.raises(ValueError, match="untyped"):
        utils.check_argument_types(parser)
