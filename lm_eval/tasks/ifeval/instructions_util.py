"""Words and sentences of responses, and the languages of the benchmark, under the names that task folders import."""

from __future__ import annotations

import random
import re

from lm_eval.tasks.ifeval.utils import sentences as split_into_sentences

__all__ = ["LANGUAGE_CODES", "count_sentences", "count_words", "generate_keywords", "split_into_sentences"]

_LANGUAGES = """
en English, es Spanish, pt Portuguese, ar Arabic, hi Hindi, fr French, ru Russian, de German, ja Japanese, it Italian,
bn Bengali, uk Ukrainian, th Thai, ur Urdu, ta Tamil, te Telugu, bg Bulgarian, ko Korean, pl Polish, he Hebrew,
fa Persian, vi Vietnamese, ne Nepali, sw Swahili, kn Kannada, mr Marathi, gu Gujarati, pa Punjabi, ml Malayalam,
fi Finnish
"""
LANGUAGE_CODES = {code: name for code, name in (pair.split() for pair in _LANGUAGES.split(","))}
_KEYWORDS = """
apple bridge candle desert engine forest garden harbour island journey kitchen letter mountain needle ocean painting
question river shadow theatre umbrella village window yellow
"""


def count_words(text: str) -> int:
    """Count the words of a text.

    Args:
        text: The text.
    """
    return len(re.findall(r"\w+", text))


def count_sentences(text: str) -> int:
    """Count the sentences of a text.

    Args:
        text: The text.
    """
    return len(split_into_sentences(text))


def generate_keywords(num_keywords: int) -> list[str]:
    """Draw different words.

    Args:
        num_keywords: How many, at most 24.
    """
    return random.sample(_KEYWORDS.split(), num_keywords)
