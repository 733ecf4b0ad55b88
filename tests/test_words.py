"""The project's words: phrases that a reader has to decode must not come back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PLACES = ("lm_eval", "tests", "benchmarks", "examples", "docs", "README.md", "CONTRIBUTING.md", "SECURITY.md")

# Phrase to what is written instead; see "Words" in CONTRIBUTING.md.
PHRASES = {
    r"\ba (?:row|place|window|doc|prompt|sample|line|request|pair|text|repeat|choice) an? \w+": "one X per Y",
    r"put up with": "at most n … may",
    r"\bcan(?:not)? be had\b": "can be loaded, is available",
    r"\bTold\b": "RateLimitHeaders, or a sentence with a subject",
    r"what is gone": "what is used",
    r"take[sn]? .{0,20}for the one": "consider",
    r"See the base class\.": "a sentence that says what the method does",
    r"\bso many\b": "n, or the number itself",
    r"\bin place of\b": "instead of",
    r"\bnothing_to_collect\b": "frozen_gc",
    r"\bmost_(?!common)\w+": "max_…",
    r"\bwhole_at\b": "reset_at",
    r"Accepted(?: for compatibility)?[;.,]": "Ignored; kept for compatibility with the reference harness.",
}


def _files() -> list[Path]:
    found: list[Path] = []
    for place in PLACES:
        path = ROOT / place
        found += [path] if path.is_file() else [*path.rglob("*.py"), *path.rglob("*.md"), *path.rglob("*.js")]
    return [file for file in found if file != Path(__file__) and "__pycache__" not in file.parts]


@pytest.mark.parametrize("phrase", PHRASES)
def test_phrases_that_need_decoding_stay_away(phrase: str) -> None:
    rule = re.compile(phrase)
    lines = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in _files()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if rule.search(line)
    ]
    assert lines == [], f"write instead: {PHRASES[phrase]}"
