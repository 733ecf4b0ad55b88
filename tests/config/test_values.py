from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lm_eval.config import values
from lm_eval.errors import ConfigError


@pytest.mark.parametrize(
    ("read", "given", "expected"),
    [
        (values.text, 7, "7"),
        (values.boolean, "Yes", True),
        (values.boolean, "off", False),
        (values.boolean, False, False),
        (values.integer, "5", 5),
        (values.integer, 0, 0),
        (values.limit, "50", 50),
        (values.limit, "0.25", 0.25),
        (values.limit, 3.0, 3),
        (values.max_errors, "0", 0),
        (values.sample_format, "parquet", "parquet"),
        (values.max_errors, 0.1, 0.1),
        (values.tasks, "a,b", ["a", "b"]),
        (values.tasks, ["a,b", "c,"], ["a", "b", "c"]),
        (values.tasks, [{"task": "a", "num_fewshot": 1}, "b"], [{"task": "a", "num_fewshot": 1}, "b"]),
        (values.seeds, "42", (42, 42, 42, 42)),
        (values.seeds, "1,None,3,4", (1, None, 3, 4)),
        (values.seeds, [1, None, 3, 4], (1, None, 3, 4)),
        (values.seeds, "1,2,3", (1, 2, 3, 1234)),
        (values.seeds, "none,2,None", (None, 2, None, 1234)),
        (values.seeds, "none", (None, None, None, None)),
        (values.chat_template, True, True),
        (values.chat_template, "short", "short"),
        (values.cache_requests, "refresh", "refresh"),
        (values.cache_requests, True, "true"),
        (values.batch_size, "8", 8),
        (values.batch_size, "auto:4", "auto:4"),
        (values.samples, '{"a": [0, 2]}', {"a": [0, 2]}),
        (values.samples, {"a": [1]}, {"a": [1]}),
    ],
)
def test_reads(read: Callable[[str, Any], Any], given: Any, expected: Any) -> None:
    assert read("option", given) == expected


@pytest.mark.parametrize(
    ("read", "given"),
    [
        (values.text, True),
        (values.text, ["a"]),
        (values.boolean, "perhaps"),
        (values.number, "many"),
        (values.number, True),
        (values.integer, "-1"),
        (values.integer, "1.5"),
        (values.integer, "nan"),
        (values.integer, "inf"),
        (values.limit, "inf"),
        (values.max_errors, "inf"),
        (values.limit, "0"),
        (values.limit, "-3"),
        (values.limit, "2.5"),
        (values.max_errors, "-1"),
        (values.sample_format, "csv"),
        (values.sample_format, ["jsonl"]),
        (values.tasks, 3),
        (values.tasks, [3]),
        (values.paths, 3),
        (values.paths, "no/such/folder"),
        (values.folder, "no/such/folder"),
        (values.folder, 3),
        (values.arguments, "justaword"),
        (values.arguments, 3),
        (values.arguments, "{not json"),
        (values.samples, "{not json"),
        (values.samples, "no/such/file.json"),
        (values.samples, "[1, 2]"),
        (values.samples, {"a": ["1"]}),
        (values.samples, {"a": [True]}),
        (values.seeds, "1,2"),
        (values.seeds, "99999999999999999999"),
        (values.seeds, "1,2,4294967296,4"),
        (values.seeds, "-1"),
        (values.batch_size, "inf"),
        (values.batch_size, "0"),
        (values.batch_size, "²"),
        (values.paths, "a" * 5000),
        (values.folder, "\0"),
        (values.samples, {"a": []}),
        (values.cache_requests, "sometimes"),
    ],
)
def test_refuses_in_one_line_that_names_the_option(read: Callable[[str, Any], Any], given: Any) -> None:
    with pytest.raises(ConfigError, match=r"^option") as caught:
        read("option", given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a=1,b=text", {"a": 1, "b": "text"}),
        (["a=1", "b=true,c=2.5"], {"a": 1, "b": True, "c": 2.5}),
        ('{"until": ["x", "y"], "n": 2}', {"until": ["x", "y"], "n": 2}),
        ("until=['a','b'],n=2", {"until": ["a", "b"], "n": 2}),
        ("base_url=http://[::1]:8000/v1", {"base_url": "http://[::1]:8000/v1"}),
        ("header={'X-Team': 'a,b'}", {"header": {"X-Team": "a,b"}}),
        ("id='007'", {"id": "007"}),
        ({"a": [1]}, {"a": [1]}),
    ],
)
def test_arguments_come_in_many_spellings(given: Any, expected: dict[str, Any]) -> None:
    assert values.arguments("option", given) == expected


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b", "~nobody-here/x"])
def test_a_name_that_cannot_be_a_path_is_a_name(name: str) -> None:
    assert values.tasks("option", name) == [name]


def test_paths_are_split_like_the_path_variable(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    assert values.paths("option", f"{one}{os.pathsep}{two}") == [str(one), str(two)]


def test_samples_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "ids.json"
    file.write_text('{"a": [3]}')
    assert values.samples("option", str(file)) == {"a": [3]}
