from __future__ import annotations

from typing import Any

import pytest

from lm_eval.statistics.tool_calls import GoldCall, calls_match, fits


@pytest.mark.parametrize(
    ("value", "accepted", "schema", "right"),
    [
        ("April 1, 2024", ["april 1 2024"], {"type": "string"}, True),
        ("it's", ['it"s'], {"type": "string"}, True),
        ("Rome", ["Roma"], {"type": "string"}, False),
        (5, [5.0], {"type": "number"}, True),
        (5.0, [5], {"type": "number"}, True),
        (5.0, [5], {"type": "integer"}, False),
        ("5", [5], {"type": "integer"}, False),
        (True, [1], {"type": "integer"}, False),
        (True, [True], {"type": "boolean"}, True),
        (1, [True], {"type": "boolean"}, False),
        # A value of another type than the described one must be equal to an accepted value.
        ("n", ["n"], {"type": "integer"}, True),
        ("N", ["n"], {"type": "integer"}, False),
        (["a B", 1], [["ab", 1]], {"type": "array"}, True),
        (["b", "a"], [["a", "b"]], {"type": "array", "items": {"type": "string"}}, False),
        ([1, 2], [[1.5, 2.0], [1, 2]], {"type": "array", "items": {"type": "integer"}}, True),
        (["1"], [[1]], {"type": "array", "items": {"type": "integer"}}, False),
        ({"a": "X"}, [{"a": ["x", "y"], "b": [1, ""]}], {"type": "object"}, True),
        ({"a": "x"}, [{"a": ["x"], "b": [1]}], {"type": "object"}, False),
        ({"a": "x", "c": 1}, [{"a": ["x"]}], {"type": "object"}, False),
        ([{"a": 1}], [[{"a": [1, 2]}]], {"type": "array", "items": {"type": "object"}}, True),
        ([{"a": 3}], [[{"a": [1, 2]}]], {"type": "array", "items": {"type": "object"}}, False),
        ([{"a": 1}, {"a": 2}], [[{"a": [1, 2]}]], {"type": "array", "items": {"type": "object"}}, False),
        ("x", ["x"], {}, True),
        (1, [], {}, False),
        (None, ["x"], {"type": "string"}, False),
        ("x", ["x"], {"type": ["string", "null"]}, True),
    ],
)
def test_a_value_fits_by_type_and_by_the_accepted_values(
    value: Any, accepted: list[Any], schema: dict[str, Any], right: bool
) -> None:
    assert fits(value, accepted, schema) is right


SCHEMAS = {
    "f": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["a"]},
    "g": {"type": "object", "properties": {}},
}


@pytest.mark.parametrize(
    ("calls", "gold", "right"),
    [
        ([("f", {"a": 1})], [{"name": "f", "arguments": {"a": 1}}], True),
        ([("f", {"a": 1})], [{"f": {"a": [1, 2], "b": ["x", ""]}}], True),
        ([("f", {"a": 1})], [{"f": {"a": [1], "b": ["x"]}}], False),
        ([("f", {"a": 2})], [{"name": "f", "arguments": {"a": 1}, "accepted": {"a": [2]}}], True),
        ([("f", {"a": 1})], [{"name": "f", "arguments": {"a": 1, "b": "x"}, "optional": ["b"]}], True),
        ([("f", {"a": 1})], [{"name": "f", "arguments": {"a": 1, "b": "x"}}], False),
        ([("f", {"b": "x"})], [{"f": {"a": [1, ""], "b": ["x"]}}], False),  # required, whatever the gold call says
        ([("f", {"a": 1, "c": 1})], [{"f": {"a": [1], "c": [1]}}], False),  # the function has no such parameter
        ([("f", {"a": 1, "b": "x"})], [{"f": {"a": [1]}}], False),
        ([("g", {})], [{"name": "g"}], True),
        ([("g", {})], [{"name": "f", "arguments": {"a": 1}}], False),
        ([("f", "a=1")], [{"f": {"a": [1]}}], False),
        ([("g", {}), ("g", {})], [{"name": "g"}], False),
        ([], [{"name": "g"}], False),
        ([], [], True),
    ],
)
def test_calls_match_by_name_and_arguments(calls: list[Any], gold: list[Any], right: bool) -> None:
    assert calls_match(calls, [GoldCall.of(call) for call in gold], SCHEMAS) is right


def test_order_counts_only_where_it_is_asked_for() -> None:
    gold = [GoldCall.of({"f": {"a": [1]}}), GoldCall.of({"f": {"a": [2]}})]
    turned = [("f", {"a": 2}), ("f", {"a": 1})]
    assert calls_match(turned, gold, SCHEMAS)
    assert not calls_match(turned, gold, SCHEMAS, ordered=True)
    assert calls_match(turned[::-1], gold, SCHEMAS, ordered=True)
    # Each call answers one that is asked for.
    assert not calls_match([turned[0], turned[0]], gold, SCHEMAS)


@pytest.mark.parametrize("written", ["f(1)", {"f": 1}, {"f": {"a": 1}}, {"f": {}, "g": {}}, 7])
def test_what_is_no_call_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="is not a call"):
        GoldCall.of(written)


def test_values_of_a_plain_call_that_are_mappings_are_exact() -> None:
    gold = GoldCall.of({"name": "h", "arguments": {"at": {"city": "Rome"}, "all": [{"x": 1}]}})
    assert calls_match([("h", {"at": {"city": "rome"}, "all": [{"x": 1}]})], [gold], {})
    assert not calls_match([("h", {"at": {"city": "Oslo"}, "all": [{"x": 1}]})], [gold], {})
    assert not calls_match([("h", {"at": {"city": "Rome"}, "all": [{"x": 2}]})], [gold], {})
