"""Fields that a server refuses are learnt once."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from lm_eval.api.instance import Instance
from lm_eval.api.model import RunContext
from lm_eval.errors import RequestRejected
from lm_eval.mock_server import MockServer
from lm_eval.mock_server.refused_fields import WORDINGS
from lm_eval.models.api_models import TemplateAPI
from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI, OpenAIChatCompletion
from lm_eval.models.refused import RefusedFields

GENERATES = frozenset({"generate_until"})
SETTINGS: Mapping[str, Any] = {"max_gen_toks": 20, "until": ["\n\n", "Q:"]}


def answer(lm: TemplateAPI, prompts: int = 3, **settings: Any) -> list[str]:
    """Run a few documents as an evaluation does: the check first, then the answers."""
    given = {**SETTINGS, **settings}
    lm.harness_prepare(RunContext(request_types=GENERATES, generation=[given]))
    instances = [
        Instance("generate_until", {}, (f"Question {number}?", dict(given)), 0, ("task", number, 1))
        for number in range(prompts)
    ]
    lm.harness_respond(instances)
    assert all(instance.error is None for instance in instances)
    return [str(instance.resps[0]) for instance in instances]


@pytest.mark.parametrize("wording", WORDINGS)
@pytest.mark.parametrize("kind", [LocalChatCompletion, LocalCompletionsAPI])
def test_every_wording_is_understood_and_told_once(
    wording: str, kind: type[TemplateAPI], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "lm_eval")
    with MockServer(refuses=[f"seed:{wording}", f"stop:{wording}"], answers={"": "one\n\ntwo"}) as server:
        assert answer(kind(model="mock", base_url=server.base_url)) == ["one"] * 3
        with_seed = [bool(request.body and "seed" in request.body) for request in server.requests]
    assert sum(with_seed) <= 2  # one more if the server names `stop` first
    assert not any(with_seed[2:])
    lines = [record.getMessage() for record in caplog.records]
    assert sum("refuses 'seed'; it is left out" in line for line in lines) == 1
    assert sum("refuses 'stop'; it is left out" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("kind", "refused", "sent"),
    [
        (LocalChatCompletion, "max_tokens", "max_completion_tokens"),
        (OpenAIChatCompletion, "max_completion_tokens", "max_tokens"),
    ],
)
def test_the_limit_gets_its_other_name(kind: type[TemplateAPI], refused: str, sent: str) -> None:
    with MockServer(refuses=[f"{refused}:openai"], answers={"": "one"}) as server:
        lm = kind(model="mock", base_url=server.base_url, auth_token="key-of-a-test")
        assert answer(lm, max_gen_toks=7) == ["one"] * 3
        bodies = [request.body or {} for request in server.requests]
    assert [refused in body for body in bodies] == [True, False, False, False, False]
    assert {body.get(sent) for body in bodies[1:]} == {7}
    assert lm.harness_describe()["refused_fields"] == {"renamed": {refused: sent}}


def test_a_limit_that_is_refused_under_both_names_ends_the_run() -> None:
    rules = ["max_tokens:openai", "max_completion_tokens:openai"]
    with MockServer(refuses=rules) as server, pytest.raises(RequestRejected, match="max_completion_tokens"):
        answer(LocalChatCompletion(model="mock", base_url=server.base_url))


@pytest.mark.parametrize(
    ("name", "settings", "flag"),
    [
        ("temperature", {}, "--gen_kwargs temperature=none"),
        ("top_p", {"top_p": 0.9}, "--gen_kwargs top_p=none"),
        ("top_k", {"top_k": 5}, "--gen_kwargs NAME=none"),
    ],
)
def test_what_changes_the_scores_ends_the_run_with_the_flag_to_allow_it(
    name: str, settings: dict[str, Any], flag: str
) -> None:
    with MockServer(refuses=[f"{name}:openai"], answers={"": "one"}) as server:
        lm = LocalChatCompletion(model="mock", base_url=server.base_url)
        with pytest.raises(RequestRejected) as caught:
            answer(lm, **settings)
        assert flag in str(caught.value)
        without: dict[str, Any] = {name: None}
        assert answer(lm, **without) == ["one"] * 3


def test_a_temperature_that_is_the_default_may_be_left_out() -> None:
    with MockServer(refuses=["temperature:property"], answers={"": "one"}) as server:
        assert answer(LocalChatCompletion(model="mock", base_url=server.base_url), temperature=1) == ["one"] * 3


def test_a_field_of_the_user_is_sent_as_it_is() -> None:
    with MockServer(refuses=["seed:openai"]) as server, pytest.raises(RequestRejected, match="seed"):
        answer(LocalChatCompletion(model="mock", base_url=server.base_url, extra_body={"seed": 5}))


def test_a_refusal_in_the_middle_of_a_run_costs_no_answer() -> None:
    with MockServer(refuses=["seed:gateway"], answers={"": "one"}) as server:
        lm = LocalChatCompletion(model="mock", base_url=server.base_url)
        requests = [Instance("generate_until", {}, (f"{number}?", {}), 0, ("t", number, 1)) for number in range(9)]
        assert lm.generate_until(requests) == ["one"] * 9


def test_words_about_another_field_teach_nothing() -> None:
    fields = RefusedFields()
    error = RequestRejected("no", body="'logit_bias' is not supported with this model")
    assert not fields.learn(error, {"seed": 1, "stop": ["x"]})
    assert fields.applied({"seed": 1}) == {"seed": 1}
    assert fields.describe() == {}


def test_log_likelihoods_are_asked_without_a_seed_where_it_is_refused() -> None:
    request = Instance("loglikelihood", {}, ("The capital of France is", " Paris"), 0, ("task", 0, 1))
    with MockServer(profile="vllm", refuses=["seed:pydantic"]) as server:
        lm = LocalCompletionsAPI(model="mock", base_url=server.base_url)
        lm.harness_prepare(RunContext(request_types=frozenset({"loglikelihood"})))
        ((value, _),) = lm.loglikelihood([request])
        assert value == pytest.approx(server.lm.logprob("The capital of France is", " Paris")[0], abs=1e-6)
        assert sum(bool(request.body and "seed" in request.body) for request in server.requests) == 1
