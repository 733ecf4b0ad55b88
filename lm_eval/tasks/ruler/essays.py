"""The haystack of essays: Paul Graham's, as the dataset ``baber/paul_graham_essays`` holds them."""

from __future__ import annotations

import re
from functools import cache, lru_cache

import nltk

from lm_eval.api.current_run import current_run
from lm_eval.api.task_parts.documents import load_task_dataset
from lm_eval.errors import DatasetError

__all__ = ["haystack_words", "sentences"]

_DATASET = "baber/paul_graham_essays"


@cache
def haystack_words() -> list[str]:
    """Return the words of all essays.

    Raises:
        DatasetError: The dataset is neither in the data folder nor can it be loaded.
    """
    splits = load_task_dataset("ruler", _DATASET, data_dir=current_run().data_dir)
    text = " ".join(row["text"] for row in splits["train"])
    return re.sub(r"\s+", " ", text).split(" ")


@lru_cache(maxsize=64)
def sentences(words: int) -> list[str]:
    """Split the first words of the essays into sentences, as nltk's Punkt does.

    Args:
        words: The number of words.

    Returns:
        The sentences.

    Raises:
        DatasetError: The data of Punkt are missing.
    """
    text = " ".join(haystack_words()[:words]).strip()
    try:
        found: list[str] = nltk.sent_tokenize(text)
    except LookupError:
        nltk.download("punkt_tab", quiet=True)
        try:
            found = nltk.sent_tokenize(text)
        except LookupError:
            what = "ruler splits essays with nltk's punkt_tab, which is not there: python -m nltk.downloader punkt_tab"
            raise DatasetError(what) from None
    return found
