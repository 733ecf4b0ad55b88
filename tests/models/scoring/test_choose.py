from __future__ import annotations

import pytest

from lm_eval.errors import CapabilityError, ConfigError
from lm_eval.models.scoring import ScoringSettings, capability_table, make_scorer
from lm_eval.models.server.capabilities import Capabilities

DEAF = Capabilities(seen="echo was ignored: the answer's text is '.', without the prompt")
ECHO = Capabilities(echo=True, offsets="exact", texts="exact", top_logprobs=True)


def settings(scoring: str | None = None, chat: bool = False) -> ScoringSettings:
    return ScoringSettings(model="m", scoring=scoring, chat=chat)


def test_offsets_are_preferred() -> None:
    assert make_scorer(ECHO, settings()).name == "echo_offsets"


def test_wrong_offsets_fall_back_to_texts_and_wrong_texts_to_the_context() -> None:
    texts = Capabilities(echo=True, offsets="wrong", texts="spaceless", top_logprobs=True)
    assert make_scorer(texts, settings("echo")).name == "echo_tokens"
    neither = Capabilities(echo=True, offsets="none", texts="wrong", top_logprobs=True)
    assert make_scorer(neither, settings()).name == "echo_context"


def test_a_server_that_ignores_echo_is_refused_with_the_finding_and_the_fix() -> None:
    with pytest.raises(CapabilityError, match=r"echo was ignored.*Serve the model with vLLM"):
        make_scorer(DEAF, settings())
    with pytest.raises(CapabilityError, match=r"scoring=echo cannot be used here: echo was ignored"):
        make_scorer(DEAF, settings("echo"))


def test_inexact_strategies_are_only_suggested() -> None:
    listed = Capabilities(seen="echo was ignored", completion_logprobs=True)
    with pytest.raises(CapabilityError, match="scoring=first_token"):
        make_scorer(listed, settings())


def test_an_unknown_name_is_a_mistake_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'echo_offsets'"):
        make_scorer(ECHO, settings("echo_offset"))


def test_a_chat_endpoint_is_refused_unless_named() -> None:
    with pytest.raises(CapabilityError, match="chat_first_token"):
        make_scorer(Capabilities(chat_logprobs=True), settings(chat=True))
    assert make_scorer(Capabilities(chat_logprobs=True), settings("chat_first_token", chat=True)).name


def test_a_missing_switch_is_named() -> None:
    seen = "a request with echo and logprobs was answered with: logprobs is not supported with logits_all=False"
    with pytest.raises(CapabilityError, match="--logits_all true"):
        make_scorer(Capabilities(seen=seen), settings())


def test_the_table_shows_which_strategies_can_run() -> None:
    table = capability_table(ECHO)
    assert "echo_offsets           yes" in table
    assert "multiple_choice        yes" in table
    refused = capability_table(DEAF)
    assert "multiple_choice        no" in refused
    assert "echo was ignored" in refused


def test_rolling_is_refused_if_the_first_token_has_no_context() -> None:
    assert "custom_prefix_token_id" in str(make_scorer(ECHO, settings()).refuses("loglikelihood_rolling"))
    assert make_scorer(ECHO, settings()).refuses("loglikelihood") is None
    named = ScoringSettings(model="m", eos_string="</s>")
    assert make_scorer(ECHO, named).refuses("loglikelihood_rolling") is None
