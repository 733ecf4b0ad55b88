"""The languages that families of tasks name: ISO 639-3 codes with names, two-letter codes and regions."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lm_eval.errors import ConfigError, did_you_mean

__all__ = ["Language", "find_language", "languages"]

_TABLE = Path(__file__).with_suffix(".tsv")


@dataclass(frozen=True, slots=True)
class Language:
    """A language.

    Attributes:
        code: The ISO 639-3 code.
        two_letters: The ISO 639-1 code; empty if there is none.
        name: The English name.
        included_in: The code of the macrolanguage, such as ``ara`` for ``arz``; empty if there is none.
        region: Where it is spoken, as a word of the documentation's pages.
    """

    code: str
    two_letters: str
    name: str
    included_in: str
    region: str


@cache
def languages() -> dict[str, Language]:
    """Return the known languages by ISO 639-3 code."""
    with _TABLE.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter="\t")
        next(rows)
        return {row[0]: Language(*row) for row in rows}


def find_language(word: str) -> Language:
    """Find a language.

    Args:
        word: Its ISO 639-3 code, its ISO 639-1 code or its English name; case does not matter.

    Returns:
        The language.

    Raises:
        ConfigError: No known language has that code or name; the text has the nearest one.
    """
    known, low = languages(), word.strip().lower()
    if low in known:
        return known[low]
    by_word = {language.name.lower(): language for language in known.values()}
    by_word |= {language.two_letters: language for language in known.values() if language.two_letters}
    if low in by_word:
        return by_word[low]
    near = did_you_mean(low, [*known, *by_word])
    raise ConfigError(f"Unknown language {word!r}; use an ISO 639-3 code, such as kor, or an English name.{near}")
