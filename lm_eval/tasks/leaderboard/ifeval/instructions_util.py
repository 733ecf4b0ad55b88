"""The leaderboard's path to the words and sentences of responses; kept for compatibility."""

from lm_eval.tasks.ifeval.instructions_util import (
    LANGUAGE_CODES,
    count_sentences,
    count_words,
    generate_keywords,
    split_into_sentences,
)

__all__ = [
    "LANGUAGE_CODES",
    "count_sentences",
    "count_words",
    "generate_keywords",
    "split_into_sentences",
]
