"""The values are those of the reference harness, but for the file of n-grams, which it does not fill."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lm_eval.decontamination.janitor import Janitor, form_ngrams, split_indices, word_ngrams, word_ngrams_indices

TEXT = "   ,, I'm a very !dirty,, ,,  dirty boy. Clean me daddy. \n\nhe he he hehe heh.  lastword  " * 2
DIRT = "dirty boy. Clean he he"


@pytest.mark.parametrize(
    ("n", "runs"),
    [(1, [(0,), (1,), (2,)]), (2, [(0, 1), (1, 2)]), (3, [(0, 1, 2)]), (4, [])],
)
def test_runs_of_items(n: int, runs: list[tuple[int, ...]]) -> None:
    assert list(form_ngrams(iter(range(3)), n)) == runs


@pytest.mark.parametrize(
    ("n", "runs"),
    [(2, ["Hello my", "my name", "name is", "is Bob"]), (4, ["Hello my name is", "my name is Bob"]), (9, [])],
)
def test_runs_of_words(n: int, runs: list[str]) -> None:
    assert list(word_ngrams(" Hello my  name is\nBob ", n)) == runs


def test_words_have_places() -> None:
    assert list(split_indices("  ab c\nde ")) == [("ab", (2, 3)), ("c", (5, 5)), ("de", (7, 8))]
    assert list(word_ngrams_indices("  ab c\nde f", 3)) == [("ab c de", (2, 8)), ("c de f", (5, 10))]


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ({"ngram_n": 3}, []),
        (
            {"ngram_n": 3, "window_to_remove": 0, "minimum_slice_length": 0},
            [
                "   ,, I'm a very !dirty,, ,,  ",
                "n me daddy. \n\nhe he he hehe heh.  lastword     ,, I'm a very !dirty,, ,,  ",
                " me daddy. \n\nhe he he hehe heh.  lastword  ",
            ],
        ),
        (
            {"ngram_n": 2, "window_to_remove": 2, "minimum_slice_length": 3},
            [
                "   ,, I'm a very !dirty,, ,,",
                "me daddy. ",
                "hehe heh.  lastword     ,, I'm a very !dirty,, ,,",
                "me daddy. ",
                "ehe heh.  lastword  ",
            ],
        ),
        (
            {"ngram_n": 3, "window_to_remove": 5, "minimum_slice_length": 5, "delete_chars": ""},
            [
                "   ,, I'm a very !dirty,,",
                "daddy. \n\nhe he he hehe heh.  lastword     ,, I'm a very !dirty,,",
                "addy. \n\nhe he he hehe heh.  lastword  ",
            ],
        ),
        ({"ngram_n": 2, "window_to_remove": 1, "minimum_slice_length": 1, "too_dirty_cutoff": 4}, []),
    ],
)
def test_what_is_left_of_a_text(options: dict[str, Any], kept: list[str]) -> None:
    janitor = Janitor(**options)
    janitor.register_contaminant(DIRT)
    assert janitor.clean(TEXT) == kept


@pytest.mark.parametrize(("cutoff", "left"), [(8, True), (7, False)])
def test_a_text_with_too_many_ngrams_is_not_kept(cutoff: int, left: bool) -> None:
    janitor = Janitor(ngram_n=2, window_to_remove=1, minimum_slice_length=1, too_dirty_cutoff=cutoff)
    janitor.register_contaminant(DIRT)
    assert bool(janitor.clean(TEXT)) is left


def test_a_clean_text_is_kept_whole() -> None:
    janitor = Janitor(ngram_n=2)
    janitor.register_contaminant(DIRT)
    assert janitor.dirt_ngrams == {"boy clean", "clean he", "dirty boy", "he he"}
    assert janitor.clean("nothing of it " * 30) == ["nothing of it " * 30]


def test_ngrams_are_kept_in_a_file(tmp_path: Path) -> None:
    janitor, another = Janitor(ngram_n=2), Janitor(ngram_n=2)
    janitor.register_contaminant(DIRT)
    janitor.save_contamination_ngrams(tmp_path / "dirt")
    another.load_contamination_ngrams(tmp_path / "dirt")
    assert another.dirt_ngrams == janitor.dirt_ngrams
