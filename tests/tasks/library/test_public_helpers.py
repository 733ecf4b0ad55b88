"""The helpers that task folders import from ``lm_eval.tasks.FAMILY`` return what the reference harness's return."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .public_helpers import RECORDED, Call, calls

EXPECTED: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
CALLS = list(calls())


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.module}:{call.name}")
def test_a_helper_returns_what_that_of_the_reference_does(call: Call) -> None:
    expected = EXPECTED[str(call)]
    found = call.result()
    assert found == (pytest.approx(expected) if isinstance(expected, (float, dict)) and _flat(expected) else expected)


def _flat(value: object) -> bool:
    """Whether a value is a number, or has numbers only."""
    return isinstance(value, float) or (isinstance(value, dict) and all(isinstance(v, float) for v in value.values()))


def test_every_recorded_call_is_made() -> None:
    assert set(EXPECTED) == {str(call) for call in CALLS}
