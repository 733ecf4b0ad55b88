from __future__ import annotations

import pytest

from lm_eval.api.filter import ResponseFilter
from lm_eval.api.instance import Instance
from lm_eval.api.registry import FILTER_REGISTRY
from lm_eval.errors import UnknownNameError
from lm_eval.filters import build_filter_ensemble


def test_a_pipeline_applies_its_steps_in_order() -> None:
    pipeline = build_filter_ensemble("n", [("regex", {"regex_pattern": r"(\d)"}), ("take_first", None)])
    instance = Instance("generate_until", {}, ("prompt", {}), 0, resps=["x 1"])
    pipeline.apply([instance])
    assert instance.filtered_resps == {"n": "1"}


def test_a_step_may_be_a_class_without_options() -> None:
    pipeline = build_filter_ensemble("n", [[FILTER_REGISTRY["take_first"]]])
    instance = Instance("generate_until", {}, ("prompt", {}), 0, resps=["a"])
    pipeline.apply([instance])
    assert instance.filtered_resps == {"n": "a"}


def test_an_unknown_filter_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError, match="take_first"):
        build_filter_ensemble("n", [("take_frist", None)])


@pytest.mark.parametrize("name", list(FILTER_REGISTRY))
def test_every_registered_filter_can_be_imported(name: str) -> None:
    assert FILTER_REGISTRY[name].__name__.endswith("Filter")


def test_filter_of_single_responses_overrides_transform() -> None:
    class Shout(ResponseFilter):
        def transform(self, response: str) -> str:
            return response.upper()

    assert Shout().apply([["a", "b"], ["c"]], [{}, {}]) == [["A", "B"], ["C"]]
