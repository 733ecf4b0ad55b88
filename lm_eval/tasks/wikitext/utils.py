"""WikiText: undo the tokenization of the corpus, and count the words and bytes of the original text."""

from __future__ import annotations

import re
from typing import Any

from lm_eval.tasks.shared.perplexities import perplexities

# Applied in order, each rule to the result of the rules before it.
_RULES: tuple[tuple[str, str], ...] = (
    ("s '", "s'"),
    (r"/' [0-9]/", "/'[0-9]/"),
    # Separators inside numbers and compounds.
    (" @-@ ", "-"),
    (" @,@ ", ","),
    (r" @\.@ ", "."),
    # No space before punctuation.
    (" : ", ": "),
    (" ; ", "; "),
    (r" \. ", ". "),
    (" ! ", "! "),
    (r" \? ", "? "),
    (" , ", ", "),
    # No white space just inside brackets and quotation marks.
    (r"\(\s*([^\)]*?)\s*\)", r"(\1)"),
    (r"\[\s*([^\]]*?)\s*\]", r"[\1]"),
    (r"{\s*([^}]*?)\s*}", r"{\1}"),
    (r'"\s*([^"]*?)\s*"', r'"\1"'),
    (r"'\s*([^']*?)\s*'", r"'\1'"),
    # Headings, degrees, line ends, the placeholder for numbers, genitives.
    ("= = = =", "===="),
    ("= = =", "==="),
    ("= =", "=="),
    (" ° ", "°"),
    (" \n", "\n"),
    ("\n ", "\n"),
    (" N ", " 1 "),
    (" 's", "'s"),
)
_COMPILED = tuple((re.compile(pattern), replacement) for pattern, replacement in _RULES)


def detokenize(doc: dict[str, Any]) -> str:
    """Write a page as normal text, without the spaces that the corpus has around tokens.

    Args:
        doc: A row with the tokenized ``page``.

    Returns:
        The text that is scored.
    """
    text: str = doc["page"]
    for pattern, replacement in _COMPILED:
        text = pattern.sub(replacement, text)
    return text


def process_results(doc: dict[str, Any], results: list[float]) -> dict[str, tuple[float, int]]:
    """Return the log-likelihood and the length of a page.

    Words and bytes are those of the page as stored, before detokenizing, so that
    perplexities are comparable with those published for the tokenized corpus.

    Args:
        doc: A row with the tokenized ``page``.
        results: The one log-likelihood of the page, in nats.

    Returns:
        For each metric the log-likelihood and the number of words or bytes.
    """
    return perplexities(results, doc["page"])
