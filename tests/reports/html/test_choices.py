from __future__ import annotations

from typing import Any

import pytest

from lm_eval.reports.html.choices import gold
from lm_eval.reports.html.packing import finite
from lm_eval.results import LogLikelihood, Request


@pytest.mark.parametrize(
    ("value", "number"),
    [(1.0, 1), (0.25, 0.25), (True, 1), ("-3.5", -3.5), ("x", None), (float("nan"), None), ("-inf", None), ([], None)],
)
def test_numbers_are_read_and_other_values_are_none(value: Any, number: float | None) -> None:
    assert finite(value) == number


@pytest.mark.parametrize(
    ("responses", "pair"),
    [
        ([[-1.5, False]], (-1.5, False)),
        ([["-1.5", "True"]], (-1.5, True)),
        ([-20.25], (-20.25, None)),
        (["-1.5"], None),
        ([["a", "b"]], None),
        ([], None),
    ],
)
def test_log_likelihoods_are_distinguished_from_answers(responses: list[Any], pair: Any) -> None:
    assert Request((), responses).log_likelihood == (pair and LogLikelihood(*pair))


@pytest.mark.parametrize(
    ("target", "texts", "accuracy", "places"),
    [
        (1, ["a", "b"], 0, [1]),
        ("1", ["a", "b"], 0, [1]),
        (" b", ["a", "b"], 0, [1]),
        ([0, 2], ["a", "b", "c"], 0, [0, 2]),
        ("4", ["3", "4"], 0, [1]),
        (7, ["a", "b", "c"], 0, []),
        ("same", ["same", "same"], 1, [0]),
        ("same", ["same", "same"], 0, [1]),
        ("other", ["a", "b", "c"], 0, []),
        ("other", ["a", "b", "c"], 1, [0]),
        ("a", ["a"], 1, [0]),
    ],
)
def test_the_right_choice(target: Any, texts: list[str], accuracy: int, places: list[int]) -> None:
    assert gold(target, texts, 0, accuracy) == places
