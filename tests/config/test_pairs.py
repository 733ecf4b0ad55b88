from __future__ import annotations

from typing import Any

import pytest

from lm_eval.config.pairs import read_pairs
from lm_eval.errors import ConfigError


@pytest.mark.parametrize(
    ("written", "value"),
    [
        # What decides a request is read as the reference harness reads it on its command line.
        ("5", 5),
        ("-1", -1),
        ("+5", 5),
        ("0.5", 0.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("5e-2", 0.05),
        ("1e5", 100000.0),
        ("true", True),
        ("False", False),
        ("none", None),
        (r'"\n\n"', "\n\n"),
        (r"'\n'", "\n"),
        ('"\n\n"', "\n\n"),
        ("\n\n", "\n\n"),
        (r"\n", r"\n"),
        (r'"\d"', r"\d"),
        ('"a"b', '"a"b'),
        ("b=c", "b=c"),
        ("", ""),
        ("it's", "it's"),
        ('["a", "b"]', ["a", "b"]),
        (r'["\n\n"]', ["\n\n"]),
        ("['a', 'b']", ["a", "b"]),
        ("(1, 2)", [1, 2]),
        ('{"enable_thinking": false}', {"enable_thinking": False}),
        ("{'enable_thinking': False}", {"enable_thinking": False}),
        ('{"a": {"b": 1}, "c": "}"}', {"a": {"b": 1}, "c": "}"}),
        ('["a]", ", b"]', ["a]", ", b"]),
        (r'["\"]", "b"]', ['"]', "b"]),
        # What looks like a number and is none stays as it is written.
        ("007", "007"),
        ("2024_11_05", "2024_11_05"),
        ("0x10", "0x10"),
        ("inf", "inf"),
        ("nan", "nan"),
        ("٣", "٣"),
    ],
)
def test_values(written: str, value: Any) -> None:
    read = read_pairs("option", f"x={written},y=1")
    assert read == {"x": value, "y": 1}
    assert type(read["x"]) is type(value)


@pytest.mark.parametrize("key", ["model", "project", "name", "key", "id", "run_name", "until"])
@pytest.mark.parametrize("written", ["007", "1e5", "2024_11_05", "5", "1.50", "true", "[draft] 3"])
def test_names_and_keys_stay_as_they_are_written(key: str, written: str) -> None:
    assert read_pairs("option", f"{key}={written}") == {key: written}


def test_names_may_be_lists_or_nothing() -> None:
    assert read_pairs("option", "base_url=['http://a', 'http://b'],eos_string=none") == {
        "base_url": ["http://a", "http://b"],
        "eos_string": None,
    }


@pytest.mark.parametrize(
    "written", ["x=[a, b]", "x={'a': false}", "x=[1", "x={1, 2}", '{"x": 1', "[1]", "x=" + "[" * 50_000, "(1)", "x={}y"]
)
def test_brackets_that_hold_neither_json_nor_python_are_refused(written: str) -> None:
    with pytest.raises(ConfigError, match=r"^option") as caught:
        read_pairs("option", written)
    assert "\n" not in str(caught.value)


def test_a_refusal_shows_no_value() -> None:
    for written in (
        "header={'Authorization': sk-secret}",
        "{'header': sk-secret}",
        "=sk-secret",
        "auth_token=a,sk-secret",
    ):
        with pytest.raises(ConfigError) as caught:
            read_pairs("option", written)
        assert "sk-secret" not in str(caught.value)
