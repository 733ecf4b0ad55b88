from __future__ import annotations

import json
from typing import Any

import pytest

from lm_eval.config.redact import Redactor
from lm_eval.errors import (
    APIError,
    AuthenticationError,
    ContextLengthExceeded,
    EndpointNotFound,
    MalformedResponse,
    RateLimited,
    RequestRejected,
    RequestTimeout,
    ServerError,
)
from lm_eval.models.http.choices import check_choices, choices_in_order, prompts_in
from lm_eval.models.http.replies import (
    error_for_body,
    error_for_status,
    retry_after,
)

VLLM = "This model's maximum context length is 1024 tokens. However, your prompt contains at least 1025 input tokens"
LLAMA = "request (6002 tokens) exceeds the available context size (2048 tokens), try increasing it"


@pytest.mark.parametrize(
    ("status", "body", "kind", "retryable"),
    [
        (302, "", EndpointNotFound, False),
        (400, "bad field", RequestRejected, False),
        (400, VLLM, ContextLengthExceeded, False),
        (400, LLAMA, ContextLengthExceeded, False),
        (401, "no", AuthenticationError, False),
        (403, "no", AuthenticationError, False),
        (404, "no", EndpointNotFound, False),
        (405, "no", EndpointNotFound, False),
        (408, "slow", RequestTimeout, True),
        (409, "conflict", ServerError, True),
        (413, "big", RequestRejected, False),
        (422, "bad", RequestRejected, False),
        (429, "slow down", RateLimited, True),
        (429, '{"error": {"message": "x", "code": "insufficient_quota"}}', RateLimited, False),
        (500, "oops", ServerError, True),
        (500, VLLM, ContextLengthExceeded, False),
        (503, "busy", ServerError, True),
    ],
)
def test_status_and_body_determine_the_error(status: int, body: str, kind: type[APIError], retryable: bool) -> None:
    error = error_for_status(status, {"Location": "http://x"}, body.encode(), "http://h/v1", Redactor())
    assert type(error) is kind
    assert error.retryable is retryable
    assert error.status == status
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    "body",
    [
        '{"error": {"message": "the reason", "type": "x"}}',
        '{"error": "the reason"}',
        '{"detail": "the reason"}',
        '{"object": "error", "message": "the reason"}',
        "the reason",
    ],
)
def test_the_message_is_found_in_every_shape(body: str) -> None:
    error = error_for_status(400, {}, body.encode(), "http://h/v1", Redactor())
    assert error.body == "the reason"


def test_a_key_in_the_body_is_hidden() -> None:
    error = error_for_status(401, {}, b"Incorrect API key provided: my-key-1", "http://h", Redactor(["my-key-1"]))
    assert "my-key-1" not in str(error)
    assert "OPENAI_API_KEY" in str(error)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429, "message": "slow"}, RateLimited),
        ({"code": "503", "message": "busy"}, ServerError),
        ({"message": "odd"}, MalformedResponse),
        ("odd", MalformedResponse),
        ({"message": VLLM}, ContextLengthExceeded),
    ],
)
def test_an_error_with_status_200_is_an_error(error: object, kind: type[APIError]) -> None:
    assert type(error_for_body(error, "http://h", Redactor())) is kind


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "Thu, 01 Jan 1970 00:01:40 GMT"}, 40.0),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:10 GMT"}, 0.0),
        ({"Retry-After-Ms": "250", "Retry-After": "1"}, 0.25),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "86400"}, 600.0),
    ],
)
def test_retry_after_in_every_spelling(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, now=60.0) == seconds


def test_a_long_body_is_cut() -> None:
    error = error_for_status(400, {}, json.dumps({"error": "x" * 5000}).encode(), "http://h", Redactor())
    assert len(str(error)) < 500


@pytest.mark.parametrize(
    ("payload", "count"),
    [
        ({"prompt": "a"}, 1),
        ({"prompt": ["a", "b"]}, 2),
        ({"prompt": [1, 2, 3]}, 1),
        ({"prompt": [[1, 2], [3]]}, 2),
        ({"prompt": []}, 1),
        ({"messages": [{}, {}]}, 1),
    ],
)
def test_prompts_are_counted(payload: dict[str, Any], count: int) -> None:
    assert prompts_in(payload) == count


def test_choices_are_in_the_order_of_the_prompts() -> None:
    body = {"choices": [{"index": 1, "text": "b"}, {"index": 0, "text": "a"}]}
    assert [choice["text"] for choice in choices_in_order(body, 2)] == ["a", "b"]


def test_a_single_choice_needs_no_index() -> None:
    assert choices_in_order({"choices": [{"text": "a"}]}, 1)[0]["text"] == "a"


@pytest.mark.parametrize(
    "choices",
    [
        [],
        [{"index": 0}],
        [{"index": 0}, {"index": 0}],
        [{"index": 1}, {"index": 2}],
        [{}, {}],
        [{"index": "0"}, 5],
        None,
    ],
)
def test_missing_doubled_or_wrong_choices_are_malformed(choices: Any) -> None:
    with pytest.raises(MalformedResponse) as caught:
        check_choices({"prompt": ["a", "b"]}, {"choices": choices})
    assert not caught.value.retryable


def test_one_prompt_may_be_asked_again() -> None:
    with pytest.raises(MalformedResponse) as caught:
        check_choices({"prompt": "a"}, {"choices": [{"index": 1000}]})
    assert caught.value.retryable


@pytest.mark.parametrize("choices", [[], None])
def test_an_answer_without_choices_is_an_answer_unless_tokens_were_generated(choices: Any) -> None:
    thought = {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 9}}
    for usage in (None, {"prompt_tokens": 3}, {"completion_tokens": 0}, thought):
        check_choices({"prompt": "a"}, {"choices": choices, "usage": usage})
    for payload, usage in (({}, {"completion_tokens": 4}), ({"echo": True}, None), ({"logprobs": 1}, None)):
        with pytest.raises(MalformedResponse):
            check_choices({"prompt": "a", **payload}, {"choices": choices, "usage": usage})


@pytest.mark.parametrize("index", [None, 0, 1, "0", 1.0])
def test_a_lone_choice_may_have_any_usual_index(index: Any) -> None:
    assert choices_in_order({"choices": [{"index": index, "text": "a"}]}, 1)[0]["text"] == "a"


def test_n_choices_are_expected_if_requested() -> None:
    check_choices({"messages": [], "n": 2}, {"choices": [{"index": 0}, {"index": 1}]})


@pytest.mark.parametrize(
    ("status", "endpoint", "text"),
    [
        (404, "http://h/v1", "It failed (HTTP 404 from http://h/v1): why - try this"),
        (404, "", "It failed (HTTP 404): why - try this"),
        (None, "http://h/v1", "It failed from http://h/v1: why - try this"),
        (None, "", "It failed: why - try this"),
    ],
)
def test_an_error_is_one_sentence(status: int | None, endpoint: str, text: str) -> None:
    assert str(APIError("It failed", status=status, endpoint=endpoint, body="why", advice="try this")) == text
