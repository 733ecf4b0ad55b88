"""Failures that a reply with status 200 reports, answers without choices, and replies that nobody foresaw."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from lm_eval.api.instance import Instance
from lm_eval.api.model import RunContext
from lm_eval.config.redact import Redactor
from lm_eval.errors import APIError, MalformedResponse, RequestRejected, ServerError
from lm_eval.mock_server import MockServer
from lm_eval.models.http.finish import finish_reason, meaning_of
from lm_eval.models.http.replies import error_for_body, error_for_status, failure_inside
from lm_eval.models.http.usage import Accounting, usage_of
from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI
from tests.models.scripted import Handler, ScriptedServer, completion, message

FAILURES = [
    "finish-error", "finish-abort", "native-error", "choice-error", "error-and-choices", "error-body", "list-content",
    "object-content",
]  # fmt: skip


def questions(count: int) -> list[Instance]:
    return [
        Instance("generate_until", {}, (f"Question {number}?", {"until": ["\n"]}), 0, ("t", number, 1))
        for number in range(count)
    ]


def ask(
    url: str, count: int = 20, *, chat: bool = True, journal: Path | None = None, **arguments: Any
) -> tuple[list[Instance], LocalChatCompletion | LocalCompletionsAPI]:
    kind = LocalChatCompletion if chat else LocalCompletionsAPI
    lm = kind(model="mock", base_url=url, **{"num_concurrent": 4, **arguments})
    lm.harness_pool.session._policy.first_wait = 0.01
    lm.harness_pool.session.begin(RunContext(journal=journal))
    instances = questions(count)
    lm.harness_respond(instances)
    return instances, lm


def answered_by(handler: Handler, count: int = 3, **arguments: Any) -> list[Instance]:
    with ScriptedServer(handler) as server:
        return ask(server.url, count, **arguments)[0]


@pytest.mark.parametrize("chat", [True, False])
@pytest.mark.parametrize("fault", FAILURES)
def test_a_failure_inside_an_answer_is_retried(fault: str, chat: bool) -> None:
    with MockServer(answers=lambda prompt: "An answer.") as server:
        quiet, _ = ask(server.base_url, chat=chat)
    with MockServer(faults=[f"{fault}:0.4"], answers=lambda prompt: "An answer.") as server:
        instances, lm = ask(server.base_url, chat=chat, max_retries=12)
        assert sum(server.stats.faults.values()) > 0
    assert [instance.resps for instance in instances] == [instance.resps for instance in quiet]
    assert lm.harness_describe()["run"]["retries"] == sum(server.stats.faults.values())


@pytest.mark.parametrize("fault", FAILURES)
def test_a_failure_inside_an_answer_is_an_error_and_not_in_the_journal(fault: str, tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite"
    with MockServer(faults=[f"{fault}-sticky:0.4"], answers=lambda prompt: "An answer.") as server:
        instances, _ = ask(server.base_url, max_retries=1, journal=journal)
        port, faulty = server.port, {request.body_hash for request in server.requests if request.fault}
    lost = [instance for instance in instances if instance.error is not None]
    assert len(lost) == len(faulty) > 0
    assert {instance.error.kind for instance in lost if instance.error} <= {"server_error", "malformed"}
    with MockServer(port=port, answers=lambda prompt: "An answer.") as server:
        instances, _ = ask(server.base_url, journal=journal)
        assert server.stats.asked == len(faulty)
    assert [instance.resps for instance in instances] == [["An answer."]] * 20


@pytest.mark.parametrize("fault", ["finish-abort", "choice-error", "list-content"])
def test_in_a_batch_only_the_prompt_that_fails_is_lost(fault: str) -> None:
    def handler(request: web.Request, body: Any) -> web.Response:
        prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
        choices: list[dict[str, Any]] = [
            {"index": place, "text": text, "finish_reason": "stop"} for place, text in enumerate(prompts)
        ]
        for choice in choices:
            if "Question 2?" in choice["text"]:
                more: dict[str, dict[str, Any]] = {
                    "finish-abort": {"finish_reason": "abort"},
                    "choice-error": {"error": {"message": "no"}},
                    "list-content": {"text": ["A"]},
                }
                choice |= more[fault]
        return web.json_response({"choices": choices})

    instances = answered_by(handler, 8, chat=False, batch_size=4, max_retries=1)
    assert [instance.doc_id for instance in instances if instance.error is not None] == [2]
    assert all(instance.resps == [instance.args[0]] for instance in instances if instance.error is None)


@pytest.mark.parametrize(
    ("reason", "meaning"),
    [
        (None, "complete"), ("", "complete"), ("stop", "complete"), ("STOP", "complete"), ("eos_token", "complete"),
        ("COMPLETE", "complete"), ("FinishReason.STOP", "complete"), ("tool_calls", "complete"),
        ("length", "length"), ("MAX_TOKENS", "length"), ("model_length", "length"), ("ERROR_LIMIT", "length"),
        ("content_filter", "filtered"), ("content-filter", "filtered"), ("SAFETY", "filtered"),
        ("sensitive", "filtered"), ("ERROR_TOXIC", "filtered"),
        ("error", "failed"), ("abort", "failed"), ("aborted", "failed"), ("network_error", "failed"),
        ("ERROR", "failed"), ("engine-error", "failed"), ("cancelled", "failed"), ("timeout", "failed"),
        ("internal_server_error", "failed"), ("insufficient_system_resource", "failed"), ("failure", "failed"),
        ({"type": "abort", "message": "x"}, "failed"), ("load", "failed"),
        ("tuesday", "unknown"), (7, "unknown"), (["x"], "unknown"), ("terror", "unknown"),
    ],
)  # fmt: skip
def test_what_a_finish_reason_means(reason: object, meaning: str) -> None:
    assert meaning_of(finish_reason({"finish_reason": reason})) == meaning


def test_unknown_finish_reasons_are_counted_and_kept() -> None:
    with MockServer(faults=["unknown-finish:0.4"], answers=lambda prompt: "An answer.") as server:
        instances, _ = ask(server.base_url)
        faulty = sum(server.stats.faults.values())
    infos = [instance.info[0] for instance in instances]
    assert Counter(info.outcome for info in infos) == {"ok": 20 - faulty, "unknown_finish": faulty}
    assert {info.finish_reason for info in infos} == {"stop", "tuesday"}
    assert all(instance.resps == ["An answer."] for instance in instances)


@pytest.mark.parametrize(("reason", "outcome"), [("MAX_TOKENS", "length"), ("SAFETY", "filtered"), ("stop", "ok")])
def test_other_words_for_a_limit_and_a_filter(reason: str, outcome: str) -> None:
    instances = answered_by(lambda request, body: message("Some text", finish=reason))
    assert {instance.info[0].outcome for instance in instances} == {outcome}


@pytest.mark.parametrize("error", [None, {}, "", False, {"message": None, "code": 0}])
def test_an_empty_error_is_none(error: object) -> None:
    choice = {"message": {"content": "x", "error": error}, "error": error, "finish_reason": "stop"}
    assert failure_inside({"error": error, "choices": [choice]}, "http://h", Redactor()) is None


@pytest.mark.parametrize("fault", ["no-choices", "null-choices"])
@pytest.mark.parametrize("chat", [True, False])
def test_an_answer_without_choices_is_an_empty_answer(fault: str, chat: bool) -> None:
    with MockServer(faults=[f"{fault}-sticky:0.4"], answers=lambda prompt: "An answer.") as server:
        instances, lm = ask(server.base_url, chat=chat)
        faulty = sum(server.stats.faults.values())
        assert server.stats.asked == 20
    assert Counter(instance.info[0].outcome for instance in instances)["empty"] == faulty > 0
    assert all(instance.error is None for instance in instances)
    assert sum(instance.resps == [""] for instance in instances) == faulty
    assert lm.harness_describe()["run"]["retries"] == 0


@pytest.mark.parametrize(
    "more",
    [
        {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": True}}}]},
        {"promptFeedback": {"blockReason": "SAFETY"}},
    ],
)
def test_an_answer_that_a_filter_took_is_filtered(more: dict[str, Any]) -> None:
    instances = answered_by(lambda request, body: web.json_response({"choices": [], **more}))
    assert {instance.info[0].outcome for instance in instances} == {"filtered"}


@pytest.mark.parametrize("fault", ["null-index", "from-one"])
def test_a_lone_choice_needs_no_usual_index(fault: str) -> None:
    with MockServer(faults=[f"{fault}:1"], answers=lambda prompt: "An answer.") as server:
        instances, lm = ask(server.base_url)
    assert all(instance.resps == ["An answer."] for instance in instances)
    assert lm.harness_describe()["run"]["retries"] == 0


def test_wrong_choices_are_described_in_plain_words() -> None:
    instances = answered_by(lambda request, body: completion("a", "b"), 1, chat=False, max_retries=0)
    assert instances[0].error is not None
    assert "One choice should come back, and the indexes [0, 1] did" in instances[0].error.message


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "A"}, {"type": "text", "text": "3"}], "A3"),
        ([{"text": "A3"}], "A3"),
        ([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "A3"}], "A3"),
        ([{"type": "reasoning", "text": "hm"}, {"type": "output_text", "text": "A3"}], "A3"),
        ([], ""),
        (None, ""),
    ],
)
def test_text_in_parts_is_text(content: Any, text: str) -> None:
    assert [instance.resps for instance in answered_by(lambda request, body: message(content), 1)] == [[text]]


@pytest.mark.parametrize(
    "content",
    [["A3"], [1], [None], [["A3"]], {"text": "A3"}, 3, True, [{"type": "text", "text": 3}], [{"text": ["A"]}]],
)
def test_what_is_no_text_is_an_error(content: Any) -> None:
    (instance,) = answered_by(lambda request, body: message(content), 1, max_retries=1)
    assert instance.error is not None
    assert instance.error.kind == "malformed"
    assert instance.resps == []


BOTH = "`temperature` and `top_p` cannot both be specified for this model. Please use only one."


@pytest.mark.parametrize(
    ("status", "words", "flag"),
    [
        (400, BOTH, "--gen_kwargs temperature=none"),
        (500, "does not support parameters: {'seed': 1234}, for model=x", "seed=none"),
        (500, "got an unexpected keyword argument 'seed'", "seed=none"),
        (422, '{"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}', "seed=none"),
        (400, "Unsupported parameter: 'max_tokens' is not supported with this model.", "openai-chat-completions"),
        (400, "Unsupported parameter: 'stop' is not supported with this model.", "extra_body"),
        (
            400,
            "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) value is "
            "supported.",
            "temperature=none",
        ),
        (400, "`temperature` has to be a strictly positive float", "temperature=0.01"),
        (400, "System role not supported", "--system_instruction"),
        (500, "Jinja Exception: System role not supported", "--system_instruction"),
        (400, "Conversation roles must alternate user/assistant/user/assistant/...", "--apply_chat_template"),
        (400, "default chat template is no longer allowed, so you must provide a chat template", "local-completions"),
        (404, "This is not a chat model and thus not supported in the v1/chat/completions endpoint.", "completions"),
        (404, "This is a chat model and not supported in the v1/completions endpoint.", "local-chat-completions"),
        (400, "Unrecognized request argument supplied: repetition_penalty", "--gen_kwargs NAME=none"),
        (400, "max_tokens is too large: 9000. This model supports at most 4096 completion tokens", "max_gen_toks=N"),
        (402, "Insufficient Balance", "billing"),
    ],
)
def test_known_wordings_come_with_a_flag(status: int, words: str, flag: str) -> None:
    for body in (words, json.dumps({"error": {"message": words}}), json.dumps({"message": words})):
        error = error_for_status(status, {}, body.encode(), "http://h/v1", Redactor())
        assert flag in error.advice
        assert not error.retryable
        assert error.advice in str(error)
    assert status == 404 or isinstance(error, RequestRejected)


@pytest.mark.parametrize(
    "words", ["oops", "CUDA error: device-side assert", "upstream connect error", "Internal Server Error"]
)
def test_other_failures_of_the_server_are_retried(words: str) -> None:
    error = error_for_status(500, {}, words.encode(), "http://h/v1", Redactor())
    assert type(error) is ServerError
    assert error.retryable


def test_the_words_of_the_server_behind_a_gateway_are_shown() -> None:
    raw = {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": BOTH}}}
    error = error_for_status(400, {}, json.dumps(raw).encode(), "http://h/v1", Redactor())
    assert BOTH in str(error)
    assert "temperature=none" in error.advice


def test_an_unsupported_parameter_is_asked_once_with_and_once_without_it() -> None:
    with MockServer(faults=["500-parameter:1"]) as server:
        instances, _ = ask(server.base_url, 3)
        assert server.stats.asked == 6
        bodies = [request.body for request in server.requests if request.body is not None]
    assert sum("seed" in body for body in bodies) == 3
    assert {instance.error.kind for instance in instances if instance.error} == {"rejected"}
    assert all("seed=none" in instance.error.message for instance in instances if instance.error)


DEEP: Any = "[" * 100_000 + "]" * 100_000
ODD_BODIES = [
    DEEP,
    '{"error": ' + DEEP + "}",
    '{"error": {"code": ' + "9" * 5000 + "}}",
    '{"error": {"code": "²", "message": "x"}}',
    '{"error": {"code": "' + "9" * 5000 + '"}}',
    '{"error": {"code": 1e999}}',
    '{"error": {"message": ' + "[" * 900 + "]" * 900 + "}}",
    '{"choices": [{"index": 0, "error": {"code": "²"}}]}',
    '{"choices": ' + "[" * 900 + "]" * 900 + "}",
    '{"choices": [{"index": ' + "[" * 900 + "]" * 900 + ', "message": {"content": "x"}}]}',
    '{"choices": [{"index": 0, "message": {"content": ' + "[" * 900 + "]" * 900 + "}}]}",
    "\x00",
    "nul",
    "5",
    "[]",
    '"text"',
]


@pytest.mark.parametrize("status", [200, 400, 404, 429, 500, 302])
@pytest.mark.parametrize("body", ODD_BODIES, ids=range(len(ODD_BODIES)))
def test_no_answer_ends_a_run(body: str, status: int) -> None:
    def handler(request: web.Request, asked: Any) -> web.Response:
        if "Question 1?" in json.dumps(asked):
            return web.Response(text=body, status=status, content_type="application/json")
        return message("fine")

    instances = answered_by(handler, 3, max_retries=1, retry_time=0.5, num_concurrent=1)
    assert [instance.doc_id for instance in instances if instance.error is not None] == [1]
    assert [instance.resps for instance in instances if instance.error is None] == [["fine"]] * 2


@pytest.mark.parametrize("count", ["1e999", "-1e999", "NaN", "1" + "0" * 400, "true", '"7"', "[]", "{}", "1e300"])
def test_odd_token_counts_do_not_end_a_run(count: str) -> None:
    text = '{"choices": [{"index": 0, "message": {"content": "fine"}}], "usage": {"prompt_tokens": COUNT, '
    text += '"completion_tokens": COUNT, "prompt_tokens_details": {"cached_tokens": COUNT}}}'
    instances = answered_by(
        lambda request, body: web.Response(text=text.replace("COUNT", count), content_type="application/json"),
        price_in=1.0,
        max_cost=50.0,
    )
    assert [instance.resps for instance in instances] == [["fine"]] * 3


def test_a_token_count_that_cannot_be_right_is_left_out_of_the_cost() -> None:
    accounting = Accounting(price_in=1.0)
    accounting.answered(usage_of({"usage": {"prompt_tokens": 10**400, "completion_tokens": 5}}), cached=False)
    assert accounting.cost == 0.0
    assert accounting.usage.completion == 5


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "9" * 400},
        {"Retry-After": "Thu, 01 Jan 99999 00:00:00 GMT"},
        {"Retry-After-Ms": "-1e999"},
        {"x-ratelimit-remaining-requests": "1e999", "x-ratelimit-reset-requests": "inf"},
        {"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "nan"},
        {"x-ratelimit-remaining-tokens": "²", "x-ratelimit-reset-tokens": "²"},
    ],
)
def test_odd_headers_do_not_end_a_run(headers: dict[str, str]) -> None:
    def handler(request: web.Request, body: Any) -> web.Response:
        response = message("fine")
        response.headers.update(headers)
        return response

    began = time.monotonic()
    assert [instance.resps for instance in answered_by(handler)] == [["fine"]] * 3
    assert time.monotonic() - began < 5


def test_an_exception_of_a_reader_loses_one_document() -> None:
    class Reader(LocalChatCompletion):
        @staticmethod
        def parse_generations(outputs: object, **kwargs: object) -> list[str]:
            texts = LocalChatCompletion.parse_generations(outputs, **kwargs)
            if texts == ["bad"]:
                raise RuntimeError("a reader gave up")
            return texts

    with ScriptedServer(
        lambda request, body: message("bad" if "1?" in body["messages"][0]["content"] else "fine")
    ) as server:
        lm = Reader(model="mock", base_url=server.url)
        instances = questions(3)
        lm.harness_respond(instances)
    assert [instance.error is None for instance in instances] == [True, False, True]
    assert instances[1].error is not None
    assert "a reader gave up" in instances[1].error.message


def test_an_error_body_keeps_its_kind() -> None:
    kinds: list[type[APIError]] = [type(error_for_body({"code": code}, "http://h", Redactor())) for code in (502, "²")]
    assert kinds == [ServerError, MalformedResponse]
