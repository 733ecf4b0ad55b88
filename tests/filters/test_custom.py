from __future__ import annotations

import pytest

from lm_eval.errors import ConfigError
from lm_eval.filters.custom import CustomFilter


def test_the_function_sees_responses_and_docs() -> None:
    kept = CustomFilter(filter_fn=lambda resps, docs: [(r[0], d["z"]) for r, d in zip(resps, docs, strict=True)])
    assert kept.apply([["a"]], [{"z": 1}]) == [("a", 1)]


def test_a_function_is_needed() -> None:
    with pytest.raises(ConfigError, match="filter_fn"):
        CustomFilter()
