from __future__ import annotations

from typing import Any

import pytest

from lm_eval.errors import ConfigError
from lm_eval.filters.transformation import LowercaseFilter, MapFilter, SPANFilter, UppercaseFilter


def test_case() -> None:
    assert LowercaseFilter().apply([["AbC", "É"]], [{}]) == [["abc", "é"]]
    assert UppercaseFilter().apply([["aß"]], [{}]) == [["ASS"]]


def test_map_falls_back_to_its_default() -> None:
    assert MapFilter({"a": 1}, "z").apply([["a", "b"]], [{}]) == [[1, "z"]]


def test_map_refuses_other_types() -> None:
    table: Any = [1]
    with pytest.raises(ConfigError, match="mapping_dict"):
        MapFilter(table)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("PER: Bob $$ LOC: Paris", "per: bob $ loc: paris"),
        ("person: a\nlocation : b", "per: a $ loc: b"),
        ("ORG: u, v $ DATE: 1999", "org: u $ org: v $ date: 1999"),
        ("paper: a", ""),
        ("per: $ loc:", "per: "),
        ("org: $", ""),
        ("none", ""),
    ],
)
def test_spans(response: str, expected: str) -> None:
    assert SPANFilter().apply([[response]], [{}]) == [[expected]]
