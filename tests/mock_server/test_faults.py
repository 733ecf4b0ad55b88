from __future__ import annotations

from typing import Any

import pytest

from lm_eval.errors import ConfigError
from lm_eval.mock_server.broken_answers import BREAKERS
from lm_eval.mock_server.faults import KINDS, Fault, FaultPlan, parse_fault
from lm_eval.mock_server.stats import RequestRecord

from .helpers import chat_json, complete_json, echo, served_model


def record(number: int, body_hash: str = "", attempt: int = 0) -> RequestRecord:
    return RequestRecord(number, "POST", "/v1/completions", {}, None, body_hash or f"b{number}", attempt)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("429:0.1", Fault("429", 0.0, 0.1)),
        ("429-retry-after=0.2:0.5", Fault("429-retry-after", 0.2, 0.5)),
        ("slow=2", Fault("slow", 2.0, None)),
        ("drip:1", Fault("drip", 1.0, 1.0)),
        ("500-sticky:0.5", Fault("500", 0.0, 0.5, True)),
    ],
)
def test_parsing(text: str, expected: Fault) -> None:
    assert parse_fault(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [("truncate:0.1", "truncated"), ("500:x", "KIND"), ("500:2", "between 0 and 1"), ("slow=x:1", "KIND")],
)
def test_mistakes_are_one_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_fault(text)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_parses(kind: str) -> None:
    assert parse_fault(f"{kind}:0.5").kind == kind


def test_a_rate_is_the_fraction_of_failing_requests() -> None:
    plan = FaultPlan(["500:0.2"])
    faulty = sum(plan.pick(record(number)) is not None for number in range(2000))
    assert faulty == pytest.approx(400, abs=90)


def test_faults_depend_on_the_body_not_on_the_order() -> None:
    plan = FaultPlan(["500:0.5"])
    bodies = [f"body {number}" for number in range(50)]
    forwards = {body: plan.pick(record(number, body)) for number, body in enumerate(bodies)}
    backwards = {body: plan.pick(record(number, body)) for number, body in enumerate(reversed(bodies))}
    assert forwards == backwards


def test_a_retry_is_a_new_draw_unless_sticky() -> None:
    def outcomes(rule: str) -> set[bool]:
        plan = FaultPlan([rule])
        return {plan.pick(record(attempt, "body", attempt)) is None for attempt in range(40)}

    assert outcomes("500:0.5") == {True, False}
    assert len(outcomes("500-sticky:0.5")) == 1


def test_another_seed_selects_other_requests() -> None:
    def faulty(seed: int) -> list[bool]:
        plan = FaultPlan(["500:0.5"], seed)
        return [plan.pick(record(number)) is None for number in range(60)]

    assert faulty(0) == faulty(0) != faulty(1)


def test_a_script_follows_the_order_of_arrival() -> None:
    plan = FaultPlan([None, "429", "reset"])
    assert [fault and fault.kind for fault in map(plan.pick, map(record, range(5)))] == [
        None,
        "429",
        "reset",
        None,
        None,
    ]


def test_a_function_decides() -> None:
    plan = FaultPlan(lambda request: "503" if request.attempt == 0 else None)
    first, second = plan.pick(record(0)), plan.pick(record(1, attempt=1))
    assert first is not None
    assert (first.kind, second) == ("503", None)


def broken(kind: str, **fields: Any) -> dict[str, Any]:
    return BREAKERS[kind](complete_json("default", ["The", "A"], max_tokens=4, logprobs=1, **fields))


def test_broken_choices() -> None:
    assert [choice["index"] for choice in broken("duplicate-choice")["choices"]] == [0, 1, 0]
    assert [choice["index"] for choice in broken("missing-choice")["choices"]] == [0]
    assert [choice["index"] for choice in broken("wrong-index")["choices"]] == [1000, 1001]
    assert [choice["index"] for choice in broken("reversed-choices")["choices"]] == [1, 0]
    assert "choices" not in broken("error-body")


def test_broken_texts() -> None:
    assert {choice["text"] for choice in broken("null-content")["choices"]} == {None}
    assert {choice["text"] for choice in broken("empty")["choices"]} == {""}
    assert {choice["finish_reason"] for choice in broken("content-filter")["choices"]} == {"content_filter"}
    text = complete_json("default", "The", max_tokens=4)["choices"][0]["text"]
    assert broken("length-cut")["choices"][0]["text"] == text[: len(text) // 2]


@pytest.mark.parametrize(("kind", "content"), [("null-content", None), ("empty", ""), ("refusal", None)])
def test_broken_messages(kind: str, content: str | None) -> None:
    message = BREAKERS[kind](chat_json("default"))["choices"][0]["message"]
    assert message["content"] == content
    assert bool(message["refusal"]) == (kind == "refusal")


def test_broken_logprobs() -> None:
    assert broken("null-logprobs")["choices"][0]["logprobs"] is None
    assert broken("positive-logprobs")["choices"][0]["logprobs"]["token_logprobs"][-1] > 0
    scored = BREAKERS["nan-logprobs"]({"choices": [echo(served_model(), "The capital of France")]})
    assert [value != value for value in scored["choices"][0]["logprobs"]["token_logprobs"]][-2:] == [True, True]
    chat = BREAKERS["positive-logprobs"](chat_json("default", logprobs=True))
    assert chat["choices"][0]["logprobs"]["content"][-1]["logprob"] > 0
