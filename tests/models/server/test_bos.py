"""Whether a BOS token precedes prompts: found out, decided and carried out on every kind of server."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

import pytest

from lm_eval.api.instance import Instance
from lm_eval.api.model import RunContext
from lm_eval.errors import ConfigError
from lm_eval.mock_server.profiles import PROFILES
from lm_eval.mock_server.server import MockServer
from lm_eval.mock_server.truth import LanguageModel
from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI
from lm_eval.models.scoring import ScoringSettings
from lm_eval.models.server.bos import ADDED, NOT_ADDED, SERVERS, BosUse, find_bos
from tests.models.scoring.helpers import Http

CONTEXT, CONTINUATION = "The cap", "ital of Spain"
"""A pair whose value depends on whether BOS precedes it."""


async def found(server: MockServer, **settings: Any) -> BosUse:
    async with Http(server.base_url) as ask:
        return await find_bos(ask, ScoringSettings(**{"model": "mock", **settings}))


def use(profile: str, **settings: Any) -> BosUse:
    with MockServer(profile=profile) as server:
        return asyncio.run(found(server, **settings))


@pytest.mark.parametrize(
    ("profile", "state", "field"),
    [
        ("default", NOT_ADDED, False),
        ("vllm", NOT_ADDED, False),
        ("vllm-nobos", NOT_ADDED, None),
        ("openai", NOT_ADDED, None),
        ("llamacpp", SERVERS, None),
        ("llamacpp-python", SERVERS, None),
        ("transformers", SERVERS, None),
        ("sglang", SERVERS, None),
        ("tgi", SERVERS, None),
    ],
)
def test_the_default_on_each_kind_of_server(profile: str, state: str, field: bool | None) -> None:
    bos = use(profile)
    assert (bos.state, bos.field, bos.by_ids) == (state, field, False)


@pytest.mark.parametrize("name", ["google/gemma-3-270m", "my-Gemma"])
def test_gemma_gets_bos_where_that_can_be_chosen(name: str) -> None:
    with MockServer(profile="vllm", model=name) as server:
        bos = asyncio.run(found(server, model=name))
    assert (bos.state, bos.field) == (ADDED, True)


@pytest.mark.parametrize(
    ("profile", "wanted", "state", "by_ids"),
    [
        ("vllm", True, ADDED, False),
        ("vllm", False, NOT_ADDED, False),
        ("vllm-nobos", False, NOT_ADDED, False),
        ("vllm-nobos", True, NOT_ADDED, False),
        ("openai", False, NOT_ADDED, False),
        ("llamacpp", False, NOT_ADDED, True),
        ("llamacpp", True, ADDED, True),
        ("llamacpp-python", True, ADDED, False),
        ("sglang", False, NOT_ADDED, True),
        ("sglang", True, ADDED, False),
    ],
)
def test_what_the_user_asks_for_is_carried_out(profile: str, wanted: bool, state: str, by_ids: bool) -> None:
    bos = use(profile, add_bos_token=wanted)
    assert (bos.state, bos.by_ids) == (state, by_ids)


@pytest.mark.parametrize(("profile", "wanted"), [("openai", True), ("llamacpp-python", False), ("tgi", False)])
def test_what_cannot_be_carried_out_is_refused(profile: str, wanted: bool) -> None:
    with pytest.raises(ConfigError, match=r"cannot be carried out.*Leave add_bos_token out"):
        use(profile, add_bos_token=wanted)


def score(server: MockServer, profile: str, *pairs: tuple[str, str], **arguments: Any) -> tuple[list[Any], Any]:
    lm = LocalCompletionsAPI(**{"model": "mock", "base_url": server.base_url, **arguments})
    lm.harness_prepare(RunContext(request_types=frozenset({"loglikelihood", "generate_until"})))
    instances = [Instance("loglikelihood", {}, pair, 0) for pair in pairs]
    lm.harness_respond(instances)
    assert [instance.error for instance in instances] == [None] * len(pairs)
    return [instance.resps[0] for instance in instances], lm


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("wanted", [None, False, True])
@pytest.mark.parametrize("profile", ["default", "vllm", "llamacpp", "sglang"])
def test_values_are_those_with_or_without_bos(profile: str, wanted: bool | None, batch_size: int) -> None:
    adds = PROFILES[profile].adds_bos and not PROFILES[profile].chooses_bos if wanted is None else wanted
    pairs = [(CONTEXT, CONTINUATION), ("", "The cat"), ("one  ", " two"), ("a", "\n")]
    with MockServer(profile=profile) as server:
        lm = LanguageModel(server._app.served, adds)
        arguments = {} if wanted is None else {"add_bos_token": wanted}
        values, model = score(server, profile, *pairs, batch_size=batch_size, **arguments)
        expected = [lm.logprob(*pair) for pair in pairs]
    assert [value for value, _ in values] == pytest.approx([value for value, _ in expected], abs=1e-6)
    state = {True: ADDED, False: NOT_ADDED, None: NOT_ADDED if PROFILES[profile].chooses_bos else SERVERS}[wanted]
    assert model.harness_describe()["bos"] == state


def test_a_pair_of_the_test_depends_on_bos() -> None:
    with MockServer(profile="vllm") as server:
        values = [LanguageModel(server._app.served, adds).logprob(CONTEXT, CONTINUATION) for adds in (True, False)]
    assert abs(values[0][0] - values[1][0]) > 0.1


@pytest.mark.parametrize("wanted", [None, False, True])
def test_perplexity_has_bos_as_its_first_context_in_any_case(wanted: bool | None) -> None:
    text = "The river was wide and slow, and the boats went down it."
    arguments: dict[str, Any] = {} if wanted is None else {"add_bos_token": wanted}
    for profile in ("default", "vllm", "sglang"):
        with MockServer(profile=profile) as server:
            lm = LocalCompletionsAPI(model="mock", base_url=server.base_url, **arguments)
            lm.harness_prepare(RunContext(request_types=frozenset({"loglikelihood_rolling"})))
            assert lm.harness_refuses("loglikelihood_rolling") is None
            (value,) = lm.loglikelihood_rolling([Instance("loglikelihood_rolling", {}, (text,), 0)])
            assert value == pytest.approx(server.lm.rolling(text), abs=1e-6)


def prompts_of(profile: str, prompts: list[str], **arguments: Any) -> tuple[list[Any], list[str], Any]:
    """Return the prompts and ``add_special_tokens`` that a generation sends, the answers, and the model."""
    with MockServer(profile=profile) as server:
        lm = LocalCompletionsAPI(**{"model": "mock", "base_url": server.base_url, **arguments})
        lm.harness_prepare(RunContext(request_types=frozenset({"generate_until"})))
        instances = [Instance("generate_until", {}, (text, {"max_gen_toks": 4}), 0) for text in prompts]
        payloads = [
            lm.harness_pool.requests.generation_payload([instance], {"max_gen_toks": 4}) for instance in instances
        ]
        sent = [payload.get("add_special_tokens") for payload in payloads]
        lm.harness_respond(instances)
        assert [instance.error for instance in instances] == [None] * len(prompts)
        return sent, [str(instance.resps[0]) for instance in instances], lm


@pytest.mark.parametrize(
    ("profile", "wanted", "sent"),
    [("vllm", None, False), ("vllm", True, True), ("llamacpp", None, None), ("openai", None, None)],
)
def test_generation_says_the_same_as_scoring(profile: str, wanted: bool | None, sent: bool | None) -> None:
    arguments = {} if wanted is None else {"add_bos_token": wanted}
    fields, _, lm = prompts_of(profile, ["The capital of France is"], **arguments)
    assert fields == [sent]
    assert lm.harness_describe()["bos"] == {None: SERVERS, False: NOT_ADDED, True: ADDED}[sent] or profile == "openai"


def test_a_bos_token_in_the_prompt_counts_once() -> None:
    fields, _, _ = prompts_of("vllm", ["<s>The capital", "The capital"], add_bos_token=True, batch_size=4)
    assert fields == [False, True]


def test_generation_by_token_ids_where_the_server_would_add_bos() -> None:
    with MockServer(profile="llamacpp") as server:
        without = LanguageModel(server._app.served, False).greedy("The", 6)
        lm = LocalCompletionsAPI(model="mock", base_url=server.base_url, add_bos_token=False)
        lm.harness_prepare(RunContext(request_types=frozenset({"generate_until"})))
        assert lm.generate_until([Instance("generate_until", {}, ("The", {"max_gen_toks": 6}), 0)]) == [without]
        assert lm.harness_describe()["bos"] == NOT_ADDED


def test_messages_have_the_bos_token_of_the_template(caplog: pytest.LogCaptureFixture) -> None:
    with MockServer(profile="vllm") as server, caplog.at_level(logging.WARNING, "lm_eval"):
        lm = LocalChatCompletion(model="mock", base_url=server.base_url, add_bos_token=True)
        lm.harness_prepare(RunContext(request_types=frozenset({"generate_until"})))
        assert lm.harness_describe()["bos"] == SERVERS
    assert "add_bos_token has no effect on messages" in caplog.text


def test_a_model_that_needs_bos_is_named_with_the_flag() -> None:
    bos = BosUse(NOT_ADDED, False, loss=4.2)
    assert bos.advice is not None and "loses 4.2 nats per token" in bos.advice and "add_bos_token=true" in bos.advice
    for other in (replace(bos, loss=0.2), replace(bos, state=ADDED), replace(bos, loss=None)):
        assert other.advice is None


def test_auto_is_the_default() -> None:
    assert LocalCompletionsAPI(model="m", base_url="http://h/v1", add_bos_token="auto").args.add_bos_token is None
