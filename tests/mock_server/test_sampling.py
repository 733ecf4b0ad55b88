from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from lm_eval.mock_server.ngram import Context, default_model
from lm_eval.mock_server.sampling import Generated, SamplingSettings, generate
from lm_eval.mock_server.tokenizer import default_tokenizer

MODEL, TOKENIZER = default_model(), default_tokenizer()


def context(text: str) -> Context:
    return MODEL.context(TOKENIZER.encode(text, add_bos=True))


def run(text: str = "The", max_tokens: int = 12, **options: Any) -> Generated:
    return generate(MODEL, TOKENIZER, context(text), SamplingSettings(max_tokens, **options))


def test_greedy_always_takes_the_best_token() -> None:
    result = run("The capital of France is", 2)
    assert result.text == " Paris."
    assert result.ids == [place.best() for place in result.contexts]
    assert result.finish_reason == "length"


def test_the_same_seed_gives_the_same_tokens() -> None:
    first, second, other = (run(max_tokens=30, temperature=0.9, seed=seed) for seed in "aab")
    assert first.ids == second.ids
    assert first.ids != other.ids


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.5, 1.0), (0.2, 1.0), (1.4, 1.0), (1.0, 0.5)])
def test_samples_follow_the_distribution(temperature: float, top_p: float) -> None:
    place = context("Question:")
    weights = [value ** (1 / temperature) for value in place.distribution()]
    total = sum(weights)
    order = sorted(range(len(weights)), key=lambda token: -weights[token])
    kept, mass = set[int](), 0.0
    for token in order:
        if mass >= top_p:
            break
        kept.add(token)
        mass += weights[token] / total
    draws = 400
    seen = Counter(
        generate(MODEL, TOKENIZER, place, SamplingSettings(1, temperature, top_p, seed=str(number))).ids[0]
        for number in range(draws)
    )
    assert set(seen) <= kept
    for token in order[:5]:
        share = weights[token] / total / mass if token in kept else 0.0
        # Five standard deviations of a binomial proportion.
        assert seen[token] / draws == pytest.approx(share, abs=5 * (share * (1 - share) / draws) ** 0.5 + 1e-9)


def test_a_bias_forces_a_token_but_not_its_logprob() -> None:
    token = TOKENIZER.encode(" Rome")[0]
    result = run("The capital of France is", 1, logit_bias={token: 1000.0})
    assert result.ids == [token]
    assert result.contexts[0].logprob(token) < -1


def test_a_negative_bias_bans_the_best_token() -> None:
    best = context("The").best()
    assert run("The", 1, logit_bias={best: -100.0}).ids == [context("The").top(2)[1][0]]


@pytest.mark.parametrize("temperature", [0.7, 1.5])
def test_a_bias_works_when_sampling(temperature: float) -> None:
    token = TOKENIZER.encode(" Rome")[0]
    assert run("The", 1, temperature=temperature, logit_bias={token: 1000.0}).ids == [token]


def test_stop_text_ends_and_is_cut_off() -> None:
    result = run("The capital of France", 20, stop=[" Paris"])
    assert (result.text, result.finish_reason, result.stop_reason) == (" is", "stop", " Paris")


def test_stop_text_can_be_kept() -> None:
    assert run("The capital of France", 20, stop=["ris"], keep_stop=True).text == " is Paris"


def test_stop_text_over_several_tokens_is_found() -> None:
    assert run("The capital of France", 20, stop=["is Par"]).text == " "


def test_forced_tokens_end_the_answer() -> None:
    forced = [*TOKENIZER.encode("naïve 🙂𓀀"), TOKENIZER.eos_id]
    result = run("x", 100, forced=forced, stop_ids=frozenset({TOKENIZER.eos_id}))
    assert (result.text, result.ids, result.finish_reason) == ("naïve 🙂𓀀", forced, "stop")


def test_an_answer_cut_inside_a_character_ends_with_a_replacement() -> None:
    forced = TOKENIZER.encode("𓀀")
    assert run("x", 1, forced=forced).text == "\ufffd"


def test_zero_tokens_is_an_empty_answer() -> None:
    assert run("x", 0) == Generated([], [], "", "length", None)
