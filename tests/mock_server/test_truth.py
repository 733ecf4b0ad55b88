from __future__ import annotations

import math

import pytest

from lm_eval.mock_server.profiles import get_profile

from .helpers import echo, served_model, truth

PAIRS = [
    ("The capital of France is", " Paris"),
    ("Question: Which gas do plants take in from the air?\nAnswer:", " carbon dioxide"),
    ("The naïve tourist", " asked for a café 日本語 🙂𓀀"),
    ("The cap", "ital of Spain"),
    ("one  ", " two"),
    ("Answer: ", "B"),
]


def from_echo(profile: str, context: str, continuation: str) -> tuple[float, bool]:
    """Score by the offsets of an echo, as a careful client would."""
    moved = len(context) - len(context.rstrip())
    seam = len(context) - moved + (3 if get_profile(profile).shows_bos else 0)
    logprobs = echo(profile, context + continuation)["logprobs"]
    ends = [*logprobs["text_offset"][1:], logprobs["text_offset"][-1]]
    start = next(place for place, end in enumerate(ends) if end > seam)
    values = logprobs["token_logprobs"][start:-1]
    greedy = all(
        max(top.values()) == value for value, top in zip(values, logprobs["top_logprobs"][start:-1], strict=True)
    )
    return math.fsum(values), greedy


@pytest.mark.parametrize("profile", ["default", "openai", "vllm", "vllm-nobos"])
@pytest.mark.parametrize(("context", "continuation"), PAIRS)
def test_echo_gives_the_exact_value(profile: str, context: str, continuation: str) -> None:
    value, greedy = from_echo(profile, context, continuation)
    expected, expected_greedy = truth(profile, get_profile(profile).adds_bos).logprob(context, continuation)
    assert value == pytest.approx(expected, abs=1e-9)
    assert greedy == expected_greedy


def test_the_seam_token_belongs_to_the_continuation() -> None:
    lm = truth()
    assert lm.logprob("The cap", "ital") == lm.logprob("The", " capital")


def test_trailing_white_space_moves_to_the_continuation() -> None:
    lm = truth()
    assert lm.logprob("Answer: ", "B") == lm.logprob("Answer:", " B")


def test_an_empty_context_is_conditioned_on_the_prefix_token() -> None:
    lm, nobos = truth(), truth("vllm-nobos")
    first = lm.encode("Paris")
    assert lm.logprob("", "Paris") == lm.score_ids([lm.tokenizer.bos_id], first)
    after_eos = nobos.model.walk([nobos.tokenizer.eos_id, *first])[1:-1]
    expected = math.fsum(context.logprob(token) for context, token in zip(after_eos, first, strict=True))
    assert nobos.logprob("", "Paris")[0] == pytest.approx(expected)


def test_rolling_over_one_window_covers_the_complete_text() -> None:
    lm, text = truth(), "The old ferry crossed the river twice a day."
    assert lm.rolling(text) == pytest.approx(lm.logprob("", text)[0])
    assert lm.rolling(text, 8192) == lm.rolling(text)


def test_rolling_windows_start_on_the_token_before_them() -> None:
    lm, text = truth(), "The old ferry crossed the river twice a day"
    ids = lm.encode(text)
    assert len(ids) > 6
    expected = lm.score_ids([], ids[:3])[0]
    for start in range(3, len(ids), 3):
        end = min(start + 3, len(ids))
        # The last window starts early enough to be full.
        first = end - 4
        walked = lm.model.walk(ids[first:end])[start - first : -1]
        expected += math.fsum(context.logprob(token) for context, token in zip(walked, ids[start:end], strict=True))
    assert lm.rolling(text, 4) == pytest.approx(expected)


def test_greedy_is_the_answer_of_completions() -> None:
    served = served_model()
    assert truth().greedy("The capital of France is", 2) == " Paris."
    assert echo(served, "The capital of France is", max_tokens=2)["text"].endswith(" Paris.")
