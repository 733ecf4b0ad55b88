from __future__ import annotations

import logging
import random
import sys
from collections.abc import Callable
from typing import Any

import pytest

from lm_eval.api.metrics import bleu, bootstrap_stderr, chrf, chrfpp, ter
from lm_eval.errors import MissingPackageError
from lm_eval.statistics.corpus import corpus_resampler


def _translations() -> list[tuple[list[str], list[str]]]:
    rng = random.Random(3)
    words = ["the", "cat", "sat", "on", "a", "mat", "and", "then", "dog", "ran", "away", "fast"]
    items = []
    for _ in range(20):
        reference = [rng.choice(words) for _ in range(10)]
        items.append(
            ([" ".join(reference)], [" ".join(w if rng.random() < 0.8 else rng.choice(words) for w in reference)])
        )
    return items


@pytest.mark.parametrize(
    ("score", "expected"), [(bleu, 66.87403049764218), (chrf, 54.333333333333336), (chrfpp, 60.952380952), (ter, 20.0)]
)
def test_corpus_scores(score: Callable[[Any], float], expected: float) -> None:
    pytest.importorskip("sacrebleu")
    assert score([(["a b c d e"], ["a b c d f"])]) == pytest.approx(expected)
    assert score([("a b c d e", "a b c d f")]) == pytest.approx(expected)


@pytest.mark.parametrize("score", [bleu, chrf, chrfpp, ter])
def test_a_resample_scores_the_same_as_its_texts(score: Callable[[Any], float]) -> None:
    pytest.importorskip("sacrebleu")
    items = _translations()
    places = random.Random(0).choices(range(len(items)), k=len(items))
    resampled = corpus_resampler(score, items)
    assert resampled is not None
    assert resampled(places) == pytest.approx(score([items[i] for i in places]))


def test_the_bootstrap_is_deterministic() -> None:
    pytest.importorskip("sacrebleu")
    assert bootstrap_stderr(bleu, _translations(), 20) == bootstrap_stderr(bleu, _translations(), 20)


def test_docs_with_fewer_references_cause_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("sacrebleu")
    with caplog.at_level(logging.WARNING, logger="lm_eval"):
        ter([(["a b", "c d"], ["a b"]), (["a b"], ["a b"])])
    assert "first 1 count" in caplog.text


def test_several_predictions_for_a_doc_are_refused() -> None:
    pytest.importorskip("sacrebleu")
    with pytest.raises(ValueError, match="one prediction"):
        bleu([("a b", ["a", "b"])])


def test_without_sacrebleu_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    with pytest.raises(MissingPackageError, match=r"pip install \"lm-eval-api\[metrics\]\""):
        bleu([("a", "a")])
