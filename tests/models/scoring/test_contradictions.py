"""Answers whose numbers contradict themselves are refused, and never become a value."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from typing import Any

import pytest

from lm_eval.models.scoring import ScoringSettings, make_scorer
from lm_eval.models.server.probe import probe_server
from lm_eval.models.work import Answer, Slot
from tests.models.in_process import InProcess
from tests.models.scoring.helpers import answers, document, pair

PAIRS = (
    ("The capital of France is", " Paris"),
    ("Question: which?\nA. one\nB. two\nAnswer:", " B"),
    ("The river was wide", " and slow, said Ann."),
    ("How are you", "?"),
)
TEXT = "The river was wide and slow, and the boats went down it."

Spoil = Callable[[dict[str, Any], dict[str, Any]], None]
"""Spoils the log-probabilities and the usage of an answer."""


def _reverse(*names: str) -> Spoil:
    def spoil(logprobs: dict[str, Any], usage: dict[str, Any]) -> None:
        for name in names:
            logprobs[name] = logprobs[name][::-1]

    return spoil


def _rotate(*names: str) -> Spoil:
    def spoil(logprobs: dict[str, Any], usage: dict[str, Any]) -> None:
        for name in names:
            logprobs[name] = logprobs[name][1:] + logprobs[name][:1]

    return spoil


def _usage(change: int) -> Spoil:
    def spoil(logprobs: dict[str, Any], usage: dict[str, Any]) -> None:
        usage["prompt_tokens"] += change

    return spoil


SPOILS = {
    "values in reverse order": _reverse("token_logprobs"),
    "alternatives in reverse order": _reverse("top_logprobs"),
    "both in reverse order": _reverse("token_logprobs", "top_logprobs"),
    "tokens in reverse order": _reverse("tokens", "text_offset"),
    "everything in reverse order": _reverse("tokens", "text_offset", "token_logprobs", "top_logprobs"),
    "values one place off": _rotate("token_logprobs"),
    "values and alternatives one place off": _rotate("token_logprobs", "top_logprobs"),
    "the generated token counted in the prompt": _usage(1),
    "one token too few counted": _usage(-1),
}


def _scored(profile: str, name: str, spoil: Spoil | None, spoiled_path: str = "/v1/completions") -> list[Any]:
    """Score with a good probe, and then with spoiled answers; return answers and errors."""
    server = InProcess(profile)
    settings = ScoringSettings(model="mock", scoring=name)
    scorer = make_scorer(asyncio.run(probe_server(server, settings)), settings)

    def change(path: str, fields: Any, body: Any) -> Any:
        body = copy.deepcopy(body)
        if path == spoiled_path and path == "/v1/completions" and spoil is not None:
            for choice in body["choices"]:
                spoil(choice["logprobs"], body["usage"])
        elif path == spoiled_path and spoil is not None:
            spoil(body, {})
        return body

    server.change = change
    slots = [pair(*texts) for texts in PAIRS]
    if scorer.refuses("loglikelihood_rolling") is None:
        slots.append(document(TEXT))
    found = answers(scorer, slots, server)
    assert len(found) == len(slots)
    return [(slot, item, _true(server, slot)) for slot, item in zip(slots, found, strict=True)]


def _true(server: InProcess, slot: Slot) -> Any:
    if slot.instance.request_type == "loglikelihood_rolling":
        return server.lm.rolling(TEXT)
    return server.lm.logprob(*slot.instance.args)


@pytest.mark.parametrize("name", ["echo_offsets", "echo_tokens", "echo_context", "token_ids"])
@pytest.mark.parametrize("profile", ["vllm", "openai", "sglang", "llamacpp-python"])
@pytest.mark.parametrize("spoiled", [None, *SPOILS])
def test_an_echo_that_contradicts_itself_is_no_value(profile: str, name: str, spoiled: str | None) -> None:
    if (profile, name) in {
        ("openai", "token_ids"), ("sglang", "echo_offsets"), ("llamacpp-python", "echo_offsets"),
        ("llamacpp-python", "token_ids"),
    }:  # fmt: skip
        return  # The server does not allow the strategy.
    found = _scored(profile, name, None if spoiled is None else SPOILS[spoiled])
    for slot, item, true in found:
        if isinstance(item, Answer):
            assert item.response == pytest.approx(true, abs=1e-6), (slot.instance.args, spoiled)
    if spoiled is None:
        assert all(isinstance(item, Answer) for _, item, _ in found)


def _ids(change: Callable[[list[Any]], list[Any]]) -> Spoil:
    def spoil(body: dict[str, Any], usage: dict[str, Any]) -> None:
        body["tokens"] = change(body["tokens"])

    return spoil


def _other(token: Any) -> Any:
    return {"id": 300, "piece": "zq"} if isinstance(token, dict) else 300


TOKENS = {
    "reversed": _ids(lambda tokens: tokens[::-1]),
    "the last one missing": _ids(lambda tokens: tokens[:-1]),
    "the first one doubled": _ids(lambda tokens: tokens[:1] + tokens),
    "another one in the middle": _ids(lambda tokens: [*tokens[:3], _other(tokens[0]), *tokens[4:]]),
    "another one at the end": _ids(lambda tokens: [*tokens[:-1], _other(tokens[0])]),
}


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        ("vllm", "token_ids"), ("vllm", "prompt_logprobs"), ("vllm", "echo_context"), ("sglang", "token_ids"),
        ("llamacpp", "forced_token"), ("llamacpp-python", "echo_context"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("spoiled", TOKENS)
def test_a_tokenizer_that_does_not_spell_the_text_gives_no_value(profile: str, name: str, spoiled: str) -> None:
    path = "/extras/tokenize" if profile == "llamacpp-python" else "/tokenize"
    for slot, item, true in _scored(profile, name, TOKENS[spoiled], path):
        if isinstance(item, Answer):
            assert item.response == pytest.approx(true, abs=1e-6), (slot.instance.args, spoiled)


@pytest.mark.parametrize("spoiled", [*TOKENS, "rotated"])
def test_a_text_of_several_windows_is_tokenized_again_where_its_tokens_are_wrong(spoiled: str) -> None:
    server = InProcess("vllm")
    settings = ScoringSettings(model="mock", scoring="token_ids", max_length=9)
    scorer = make_scorer(asyncio.run(probe_server(server, settings)), settings)
    spoil = TOKENS.get(spoiled) or _ids(lambda tokens: tokens[1:] + tokens[:1])
    slips = 0

    def change(path: str, fields: Any, body: Any) -> Any:
        nonlocal slips
        if path == "/tokenize" and not slips:
            slips += 1
            body = copy.deepcopy(body)
            spoil(body, {})
        return body

    (good,) = answers(scorer, [document(TEXT)], server)
    server.change = change
    (found,) = answers(scorer, [document(TEXT)], server)
    assert slips == 1
    # The unit that tokenizes again is run again by the dispatcher, which this test does without.
    assert not isinstance(found, Answer) or found.response == pytest.approx(good.response, abs=1e-6)
