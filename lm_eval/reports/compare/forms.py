"""Write a comparison as text, Markdown or JSON."""

from __future__ import annotations

from math import isfinite
from typing import Literal

from lm_eval.reports.compare.markdown import to_markdown
from lm_eval.reports.compare.text import to_text
from lm_eval.reports.compare.types import Comparison
from lm_eval.results.atomic import to_json

__all__ = ["render"]


def render(comparison: Comparison, form: Literal["text", "markdown", "json"] = "text", flips: int | None = None) -> str:
    """Format a comparison.

    Args:
        comparison: The comparison.
        form: The output format; JSON holds everything.
        flips: Number of changed documents to show per score, with both answers. None lists only their ids, 0 nothing.
            JSON always has all of them.

    Returns:
        The text; it ends with a line break.
    """
    if form == "json":
        return to_json(_finite(comparison.to_dict()), indent=2) + "\n"
    return to_markdown(comparison, flips) if form == "markdown" else to_text(comparison, flips)


def _finite(value: object) -> object:
    """Replace infinite numbers and NaN by None, as JSON cannot hold them."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not isfinite(value) else value
