"""Values survive the files of a shard with their types."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval.launch.exact import NotExact, dumps, loads

PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
KEYS = st.text() | st.integers() | st.tuples(st.text(), st.integers())
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner), max_leaves=12
)


@settings(deadline=None)
@given(VALUES)
def test_any_value_comes_back_equal_and_of_the_same_types(value: object) -> None:
    assert repr(loads(dumps(value))) == repr(value)


VALUES_THAT_GET_LOST = [10**5000, -(7**9000), math.nan, -0.0, "\ud800", {1, 2}, frozenset({"a"})]


@pytest.mark.parametrize("value", VALUES_THAT_GET_LOST, ids=range(len(VALUES_THAT_GET_LOST)))
def test_values_that_text_formats_lose_come_back(value: object) -> None:
    found = loads(dumps(value))
    assert type(found) is type(value)
    assert found == value or (value != value and found != found)


@pytest.mark.parametrize("value", [np.float32(0.1), np.float64(0.1), np.int64(3), np.bool_(True), np.str_("a")])
def test_a_numpy_scalar_keeps_its_type(value: np.generic) -> None:
    found = loads(dumps(value))
    assert (type(found), found) == (type(value), value)


def test_a_numpy_array_keeps_its_shape() -> None:
    found = loads(dumps(np.arange(6.0).reshape(2, 3)))
    assert found.shape == (2, 3)


@pytest.mark.parametrize("value", [object(), [1, {"a": object()}], np.array([object()])])
def test_an_object_of_another_class_is_refused(value: object) -> None:
    with pytest.raises(NotExact):
        dumps(value)


@pytest.mark.parametrize("text", ["[]", '["x", 1]', "[[1]]", "{"])
def test_what_was_not_written_here_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(text)
