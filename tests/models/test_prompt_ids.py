"""Prompts of generation that are cut on the left with ``truncate=true``."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from lm_eval.api.instance import Instance
from lm_eval.api.model import RunContext
from lm_eval.mock_server.server import MockServer
from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI

LONG = "The river was wide and slow, and the boats went down it. " * 12 + "The capital of France is"
SHORT = "The capital of Spain is"
WINDOW, TO_GENERATE = 64, 8


def generate(
    server: MockServer, prompts: list[str], limit: int = TO_GENERATE, **arguments: Any
) -> tuple[list[Instance], LocalCompletionsAPI]:
    lm = LocalCompletionsAPI(**{"model": "mock", "base_url": server.base_url, **arguments})
    lm.harness_prepare(RunContext(request_types=frozenset({"generate_until"})))
    instances = [Instance("generate_until", {}, (text, {"max_gen_toks": limit}), 0) for text in prompts]
    lm.harness_respond(instances)
    return instances, lm


def tail_of(server: MockServer, text: str, room: int) -> str:
    """Return what is left of a prompt: its last ``room`` tokens, as text."""
    ids = server.lm.encode(text)
    return server.lm.tokenizer.decode(ids[-room:])


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("profile", ["vllm", "default"])
def test_the_left_end_is_cut_so_that_the_response_fits(
    profile: str, batch_size: int, caplog: pytest.LogCaptureFixture
) -> None:
    with MockServer(profile=profile, max_model_len=WINDOW) as server, caplog.at_level(logging.WARNING, "lm_eval"):
        instances, lm = generate(server, [LONG, SHORT, LONG + " not"], truncate=True, batch_size=batch_size)
        room = WINDOW - 1 - TO_GENERATE
        expected = [server.lm.greedy(tail_of(server, text, room), TO_GENERATE) for text in (LONG, SHORT, LONG + " not")]
        cut = sum(len(server.lm.encode(text)) - room for text in (LONG, LONG + " not"))
    assert [instance.error for instance in instances] == [None] * 3
    assert [instance.resps[0] for instance in instances] == expected
    assert lm.harness_describe()["truncated_prompts"] == 2
    assert f"2 prompts did not fit the window: cut on the left, by {cut:,} tokens in all" in caplog.text


def test_the_limit_of_the_user_is_the_window() -> None:
    with MockServer(profile="vllm") as server:
        (instance,), lm = generate(server, [LONG], truncate=True, max_length=40)
        assert instance.resps == [server.lm.greedy(tail_of(server, LONG, 40 - 1 - TO_GENERATE), TO_GENERATE)]
    assert lm.harness_describe()["truncated_prompts"] == 1


def test_without_truncate_a_prompt_that_is_too_long_is_an_error() -> None:
    with MockServer(profile="vllm", max_model_len=WINDOW) as server:
        (instance, short), lm = generate(server, [LONG, SHORT])
    assert instance.error is not None
    assert instance.error.kind == "context_length"
    assert short.error is None
    assert "truncated_prompts" not in lm.harness_describe()


@pytest.mark.parametrize("profile", ["vllm", "llamacpp"])
def test_by_default_a_prompt_that_fits_is_cut_to_make_room_for_the_response(
    profile: str, caplog: pytest.LogCaptureFixture
) -> None:
    with MockServer(profile=profile, max_model_len=WINDOW) as server, caplog.at_level(logging.WARNING, "lm_eval"):
        text = tail_of(server, LONG, WINDOW - 4)
        (instance,), lm = generate(server, [text])
        assert instance.resps == [server.lm.greedy(tail_of(server, text, WINDOW - 1 - TO_GENERATE), TO_GENERATE)]
    assert lm.harness_describe()["truncated_prompts"] == 1
    assert "1 prompt left no room for max_gen_toks in the window: cut on the left" in caplog.text
    assert "(truncate=false cuts none)" in caplog.text


def test_truncate_false_cuts_nothing() -> None:
    with MockServer(profile="vllm", max_model_len=WINDOW) as server:
        (instance,), lm = generate(server, [tail_of(server, LONG, WINDOW - 4)], truncate=False)
    assert instance.error is not None
    assert "truncated_prompts" not in lm.harness_describe()


def test_prompts_that_fit_go_out_as_text_and_are_not_tokenized() -> None:
    with MockServer(profile="vllm") as server:
        before, _ = generate(server, [SHORT])
        counted = server.stats.requests["/tokenize"]
        (instance,), lm = generate(server, [SHORT], truncate=True)
        assert server.stats.requests["/tokenize"] <= counted + 2
    assert instance.resps == before[0].resps
    assert lm.harness_describe()["truncated_prompts"] == 0


def test_a_limit_that_fills_the_window_is_an_error() -> None:
    with MockServer(profile="vllm", max_model_len=WINDOW) as server:
        (instance,), _ = generate(server, [SHORT], limit=WINDOW, truncate=True)
    assert instance.error is not None
    assert "leaves no room for a prompt" in instance.error.message


def test_bos_that_was_asked_for_is_cut_with_the_left_end() -> None:
    with MockServer(profile="vllm", max_model_len=WINDOW) as server:
        (instance,), _ = generate(server, [LONG], truncate=True, add_bos_token=True)
        assert instance.resps == [server.lm.greedy(tail_of(server, LONG, WINDOW - 1 - TO_GENERATE), TO_GENERATE)]


def test_a_server_without_tokenizer_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with MockServer(profile="openai", max_model_len=WINDOW) as server, caplog.at_level(logging.WARNING, "lm_eval"):
        (instance,), _ = generate(server, [LONG], truncate=True)
    assert instance.error is not None
    assert "truncate=true: the server has no /tokenize or takes no token ids" in caplog.text


def test_messages_cannot_be_cut(caplog: pytest.LogCaptureFixture) -> None:
    with MockServer(profile="vllm") as server, caplog.at_level(logging.WARNING, "lm_eval"):
        lm = LocalChatCompletion(model="mock", base_url=server.base_url, truncate=True)
        lm.harness_prepare(RunContext(request_types=frozenset({"generate_until"})))
    assert "truncate=true has no effect on messages" in caplog.text


def test_a_resumed_run_counts_the_same_cuts(tmp_path: Any) -> None:
    context = RunContext(request_types=frozenset({"generate_until"}), journal=tmp_path / "journal.sqlite")
    with MockServer(profile="vllm", max_model_len=WINDOW) as server:
        for _ in range(2):
            lm = LocalCompletionsAPI(model="mock", base_url=server.base_url, truncate=True)
            lm.harness_prepare(context)
            lm.harness_respond([Instance("generate_until", {}, (LONG, {"max_gen_toks": TO_GENERATE}), 0)])
            assert lm.harness_describe()["truncated_prompts"] == 1


@pytest.mark.parametrize("profile", ["vllm", "llamacpp", "sglang"])
def test_scored_prompts_that_are_cut_are_counted_too(profile: str, caplog: pytest.LogCaptureFixture) -> None:
    with MockServer(profile=profile, max_model_len=WINDOW) as server, caplog.at_level(logging.WARNING, "lm_eval"):
        lm = LocalCompletionsAPI(model="mock", base_url=server.base_url, truncate=True)
        lm.harness_prepare(RunContext(request_types=frozenset({"loglikelihood"})))
        pairs = [(LONG, " Paris"), (LONG, " London"), (SHORT, " Madrid")]
        found = lm.loglikelihood([Instance("loglikelihood", {}, pair, 0) for pair in pairs])
        room = WINDOW - 1
        expected = []
        for context, continuation in pairs:
            ids, end = server.lm.encode(context + continuation), server.lm.encode(continuation)
            expected.append(server.lm.score_ids(ids[-room : -len(end)], end))
        # A cut leaves no BOS token in front, and the n-gram model does not see so far back.
        assert [value for value, _ in found] == pytest.approx([value for value, _ in expected], abs=1e-6)
    assert lm.harness_describe()["truncated_prompts"] == 2
    assert "2 prompts did not fit" in caplog.text
