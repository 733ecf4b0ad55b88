from __future__ import annotations

import asyncio
import contextlib
import copy
import json
from typing import Any

import pytest

from lm_eval.errors import AuthenticationError, EndpointUnreachable, RequestRejected, ServerError
from lm_eval.mock_server.server import MockServer
from lm_eval.models.scoring import ScoringSettings, capability_table
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.probe import PROBE_TEXT, probe_server
from lm_eval.models.work import Call, Reply
from tests.models.in_process import InProcess
from tests.models.scoring.helpers import Fake, Http, legacy_choice


def findings(fake: Fake, **settings: Any) -> Capabilities:
    return asyncio.run(probe_server(fake, ScoringSettings(model="m", **settings)))


async def of_profile(profile: str) -> Capabilities:
    with MockServer(profile=profile) as server:
        async with Http(server.base_url) as ask:
            return await probe_server(ask, ScoringSettings(model="mock"))


def echo(lead: list[str], values: list[float | None], tokens: list[str] | None = None, **usage: int) -> Any:
    texts = tokens or [PROBE_TEXT[place : place + 3] for place in range(0, len(PROBE_TEXT), 3)]
    every = [*lead, *texts, "!"]
    logprobs = [*values, *[-1.0] * (len(every) - len(values))][: len(every)]
    body = {"choices": [legacy_choice(every, logprobs, PROBE_TEXT + "!")], "usage": usage}
    return lambda payload: body


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("vllm", {"echo": True, "offsets": "shifted", "bos": "shown", "bos_text": "<s>", "first_scored": True}),
        ("vllm-nobos", {"echo": True, "offsets": "exact", "bos": "absent", "first_scored": False, "bos_id": None}),
        ("llamacpp", {"echo": False, "logprobs": "content", "forced": True, "bos_text": "<s>"}),
        ("llamacpp-python", {"echo": True, "bos": "hidden", "first_scored": False, "token_ids": False}),
        ("transformers", {"echo": False, "logprobs": "none", "tokenizer": None}),
        ("openai", {"echo": True, "texts": "tail", "tokenizer": None, "batch": True}),
        ("sglang", {"echo": True, "offsets": "wrong", "bos": "shown", "max_length": 8192}),
    ],
)
def test_findings_of_each_kind_of_server(profile: str, expected: dict[str, Any]) -> None:
    found = asyncio.run(of_profile(profile))
    assert {name: getattr(found, name) for name in expected} == expected
    assert found.model_known
    assert found.requests <= 4


def test_findings_are_data_and_a_table() -> None:
    found = asyncio.run(of_profile("vllm"))
    assert json.loads(json.dumps(found.to_dict()))["tokenizer"] == "vllm"
    assert "context length         8192 (/models max_model_len)" in capability_table(found)


def test_a_bos_token_that_is_only_counted_is_found() -> None:
    count = len(PROBE_TEXT) // 3 + (len(PROBE_TEXT) % 3 > 0)
    found = findings(Fake(completions=echo([], [None], prompt_tokens=count + 1, completion_tokens=1)))
    assert (found.echo, found.bos, found.first_scored) == (True, "hidden", False)


def test_zero_values_are_not_an_echo() -> None:
    found = findings(Fake(completions=echo([], [0.0] * 99)))
    assert not found.echo
    assert "all zero" in found.seen


def test_a_wrong_count_of_tokens_is_not_an_echo() -> None:
    found = findings(Fake(completions=echo([], [None], prompt_tokens=40, completion_tokens=1)))
    assert not found.echo
    assert "usage counts 40" in found.seen


@pytest.mark.parametrize("error", [RequestRejected("no echo with logprobs", status=400), ServerError("logits_all")])
def test_a_refused_echo_is_a_finding(error: Exception) -> None:
    def refuse(payload: dict[str, Any]) -> Any:
        if payload.get("echo"):
            raise error
        return {"choices": [{"text": "x", "logprobs": {"tokens": ["x"], "token_logprobs": [-1.0],
                                                       "top_logprobs": [{"x": -1.0, "y": -2.0}]}}]}  # fmt: skip

    found = findings(Fake(completions=refuse))
    assert not found.echo
    assert str(error) in found.seen
    assert found.completion_logprobs
    assert found.max_logprobs == 2
    assert found.requests <= 4


@pytest.mark.parametrize("error", [AuthenticationError("no key", status=401), EndpointUnreachable("refused")])
def test_an_endpoint_that_cannot_be_used_ends_the_probe(error: Exception) -> None:
    async def ask(call: Call) -> Reply:
        raise error

    with pytest.raises(type(error)):
        asyncio.run(probe_server(ask, ScoringSettings(model="m")))


def test_an_unknown_model_is_a_finding() -> None:
    fake = Fake(completions=echo([], [None]), models=lambda payload: None)
    fake.routes["/models"] = lambda payload: {"data": [{"id": "other", "max_model_len": 128}]}
    found = findings(fake)
    assert (found.model_known, found.models, found.max_length) == (False, ("other",), 128)


def test_the_number_of_alternatives_is_found_by_trying() -> None:
    def strict(payload: dict[str, Any]) -> Any:
        if payload["logprobs"] > 5:
            raise RequestRejected("at most 5", status=400)
        return {"choices": [{"text": "x", "logprobs": {"tokens": ["x"], "token_logprobs": [-1.0],
                "top_logprobs": [{str(place): -3.0 for place in range(payload["logprobs"])}]}}]}  # fmt: skip

    assert findings(Fake(completions=strict), scoring="first_token").max_logprobs == 5


def _wrong_values(body: Any) -> None:
    body["choices"][0]["logprobs"]["token_logprobs"][5] = 0.5


def _no_tops(body: Any) -> None:
    body["choices"][0]["logprobs"]["top_logprobs"][3] = None


def _no_echo(body: Any) -> None:
    body["choices"][0]["text"] = "!"


def _no_logprobs(body: Any) -> None:
    body["choices"][0]["logprobs"] = None


def _short_lists(body: Any) -> None:
    del body["choices"][0]["logprobs"]["tokens"][-1]


def _one_more(body: Any) -> None:
    body["usage"]["prompt_tokens"] += 1


def _no_choices(body: Any) -> None:
    body["choices"] = []


def _no_tokens(body: Any) -> None:
    body["tokens"] = "none"


@pytest.mark.parametrize("profile", ["vllm", "openai", "sglang", "default", "llamacpp-python", "llamacpp"])
@pytest.mark.parametrize(
    ("slip", "place"),
    [*((slip, 1) for slip in (_wrong_values, _no_tops, _no_echo, _no_logprobs, _short_lists, _one_more, _no_choices)),
     (_no_tokens, 1)],
)  # fmt: skip
def test_one_slip_of_the_server_changes_no_finding(profile: str, slip: Any, place: int) -> None:
    server = InProcess(profile)
    settings = ScoringSettings(model="mock")
    good = asyncio.run(probe_server(server, settings))
    count = 0

    def change(path: str, fields: Any, body: Any) -> Any:
        nonlocal count
        wanted = "tokenize" if slip is _no_tokens else "completions"
        count += wanted in path
        if wanted in path and count == place:
            body = copy.deepcopy(body)
            with contextlib.suppress(LookupError, TypeError):
                slip(body)
        return body

    server.change = change
    found = asyncio.run(probe_server(server, settings))
    same = {**found.to_dict(), "requests": 0, "seen": ""}
    assert same == {**good.to_dict(), "requests": 0, "seen": ""}
    assert found.requests <= 5
