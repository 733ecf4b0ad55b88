"""F1 over several classes."""

from __future__ import annotations

import pytest

from lm_eval.statistics.classification import macro_f1_score


@pytest.mark.parametrize(
    ("pairs", "score"),
    [
        ([(0, 1), (1, 1), (2, 2)], (0 + 2 / 3 + 1) / 3),
        # A class that is only predicted counts: F1 of 0 is 2/3, of 3 is 0.
        ([(0, 0), (0, 3)], 1 / 3),
        ([("yes", "yes")], 1.0),
        ([("yes", "no")], 0.0),
    ],
)
def test_macro_f1(pairs: list[tuple[str | int, str | int]], score: float) -> None:
    assert macro_f1_score(pairs) == pytest.approx(score)


def test_macro_f1_agrees_with_sklearn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    golds, guesses = list("aabbbccd"), list("abbbcccc")
    expected = metrics.f1_score(golds, guesses, average="macro")
    assert macro_f1_score(zip(golds, guesses, strict=True)) == pytest.approx(expected)
