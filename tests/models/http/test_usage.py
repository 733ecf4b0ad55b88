from __future__ import annotations

from typing import Any

import pytest

from lm_eval.api.instance import Usage
from lm_eval.errors import RunStopped
from lm_eval.models.http.usage import Accounting, usage_of


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"usage": {"prompt_tokens": 3, "completion_tokens": 2}}, Usage(3, 2)),
        (
            {
                "usage": {
                    "prompt_tokens": 3,
                    "completion_tokens": 2,
                    "prompt_tokens_details": {"cached_tokens": 1},
                    "completion_tokens_details": {"reasoning_tokens": 2},
                }
            },
            Usage(3, 2, 1, 2),
        ),
        ({"usage": {"prompt_tokens": None, "prompt_tokens_details": None}}, Usage()),
        ({"usage": None}, None),
        ({}, None),
        ([], None),
    ],
)
def test_usage_is_read(body: Any, expected: Usage | None) -> None:
    assert usage_of(body) == expected


def body(prompt: int, completion: int) -> dict[str, Any]:
    return {"usage": {"prompt_tokens": prompt, "completion_tokens": completion}}


def test_cost_counts_paid_tokens() -> None:
    accounting = Accounting(price_in=2.0, price_out=10.0)
    accounting.answered(usage_of(body(1_000_000, 100_000)), cached=False)
    accounting.answered(usage_of(body(1_000_000, 100_000)), cached=True)
    assert accounting.cost == pytest.approx(3.0)
    assert accounting.describe()["cached_answers"] == 1


def test_without_prices_there_is_no_cost() -> None:
    assert Accounting().cost is None


@pytest.mark.parametrize(
    ("accounting", "message"),
    [
        (Accounting(price_in=1.0, max_cost=1.0), "max_cost=1"),
        (Accounting(max_tokens_total=1_000_000), "max_tokens_total=1000000"),
        (Accounting(max_time=10.0, clock=iter([0.0, 11.0]).__next__), "max_time=10 seconds"),
    ],
)
def test_a_spent_budget_ends_the_run(accounting: Accounting, message: str) -> None:
    accounting.start()
    accounting.answered(usage_of(body(1_000_000, 0)), cached=False)
    with pytest.raises(RunStopped, match=message):
        accounting.check()


def test_a_budget_counts_what_was_paid_for_before_at_its_price() -> None:
    found = Accounting(price_in=1e6, price_out=2e6, max_cost=100.0)
    found.earlier, found.earlier_discount = Usage(prompt=80, completion=20), 0.5
    found.answered(Usage(prompt=10, completion=10), cached=False)
    assert found.budgets() == {"cost": (90.0, 100.0)}
    assert found.cost == 30.0
    found.answered(Usage(prompt=10), cached=False)
    with pytest.raises(RunStopped, match="after 2 requests, and 100 tokens of the answers that were there"):
        found.check()


def test_an_unspent_budget_does_not_stop_the_run() -> None:
    accounting = Accounting(max_tokens_total=10)
    accounting.answered(usage_of(body(4, 5)), cached=False)
    accounting.check()
    assert accounting.has_budget
