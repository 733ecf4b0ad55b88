"""A comparison as text, Markdown or JSON."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Any, Literal

from lm_eval.errors import ConfigError
from lm_eval.reports.compare.markdown import to_markdown
from lm_eval.reports.compare.text import to_text
from lm_eval.reports.compare.types import Comparison

__all__ = ["render", "save"]


def render(comparison: Comparison, form: Literal["text", "markdown", "json"] = "text", flips: int | None = None) -> str:
    """Lay a comparison out.

    Args:
        comparison: The comparison.
        form: Which form; JSON holds everything.
        flips: Changed docs to show of each score, with answers; None names their ids only, 0 none. JSON has them all.

    Returns:
        The text, with a line break at its end.
    """
    if form == "json":
        from lm_eval.results.atomic import to_json

        return to_json(_finite(comparison.to_dict()), indent=2) + "\n"
    return to_markdown(comparison, flips) if form == "markdown" else to_text(comparison, flips)


def _finite(value: Any) -> Any:
    """Make null of what JSON has no word for: a score that is infinite or not a number."""
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def save(text: str, path: Path) -> None:
    """Write a form to a file, whole or not at all.

    Args:
        text: The form.
        path: The file.

    Raises:
        ConfigError: It cannot be written.
    """
    from lm_eval.results.atomic import write_atomically

    try:
        write_atomically(path, [text])
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error
