from __future__ import annotations

import math
import random

import pytest

from lm_eval.mock_server.ngram import Context, NGramModel, default_model
from lm_eval.mock_server.tokenizer import default_tokenizer

MODEL = default_model()
TOKENIZER = default_tokenizer()
TEXTS = ["", "The", "The capital of France is", "Question: Tom has 5", "日本", "zq xv", "</s>", "\n\n"]


def contexts() -> list[Context]:
    rng = random.Random(5)
    sequences = [TOKENIZER.encode(text, add_bos=bos) for text in TEXTS for bos in (False, True)]
    sequences += [[rng.randrange(MODEL.vocab_size) for _ in range(3)] for _ in range(20)]
    return [MODEL.context(ids) for ids in sequences]


def test_every_context_of_the_model_sums_to_one() -> None:
    small = NGramModel([[0, 3, 1, 3, 2], [0, 3, 1, 1, 2]], vocab_size=6)
    for context in small._contexts.values():
        assert math.fsum(context.distribution()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("context", contexts())
def test_probabilities_sum_to_one_and_are_positive(context: Context) -> None:
    distribution = context.distribution()
    assert math.fsum(distribution) == pytest.approx(1, abs=1e-9)
    assert min(distribution) > 0


@pytest.mark.parametrize("context", contexts())
def test_single_lookups_agree_with_the_distribution(context: Context) -> None:
    assert [context.p(token) for token in range(MODEL.vocab_size)] == pytest.approx(context.distribution(), rel=1e-12)


@pytest.mark.parametrize("context", contexts())
def test_best_top_and_rank_agree_with_the_distribution(context: Context) -> None:
    values = [context.p(token) for token in range(MODEL.vocab_size)]
    order = sorted(range(MODEL.vocab_size), key=lambda token: (-values[token], token))
    assert context.best() == order[0]
    assert [token for token, _ in context.top(30)] == order[:30]
    for token in order[:50:7] + order[50::301]:
        above = sum(value > values[token] * (1 + 1e-12) for value in values)
        assert context.rank(token) == above + 1


def test_a_hand_computed_interpolation() -> None:
    model = NGramModel([[0, 1]], vocab_size=2, order=2)
    # Unigrams: each token once, two kinds: (1 + 2 * 1/2) / (2 + 2). After 0: 1 seen once: (1 + 1 * 1/2) / (1 + 1).
    assert model.root.distribution() == [0.5, 0.5]
    assert model.context([0]).distribution() == [0.25, 0.75]


def test_walking_finds_the_same_contexts_as_looking_them_up() -> None:
    rng = random.Random(1)
    ids = TOKENIZER.encode(" ".join(TEXTS), add_bos=True) + [rng.randrange(MODEL.vocab_size) for _ in range(200)]
    walked = MODEL.walk(ids)
    assert len(walked) == len(ids) + 1
    assert all(walked[place] is MODEL.context(ids[:place]) for place in range(len(ids) + 1))


def test_only_the_last_three_tokens_matter() -> None:
    assert MODEL.context([5, 9, 300, 301, 302]) is MODEL.context([300, 301, 302])


def test_the_model_has_learnt_something() -> None:
    context = MODEL.context(TOKENIZER.encode("The capital of France is", add_bos=True))
    assert TOKENIZER.decode([context.best()]) == " Paris"


def test_an_unknown_id_is_an_error() -> None:
    with pytest.raises(KeyError, match="vocabulary"):
        MODEL.root.p(MODEL.vocab_size)
