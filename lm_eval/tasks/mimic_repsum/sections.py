"""MIMIC-III radiology reports: the findings, and the impression that sums them up."""

from __future__ import annotations

import re
from typing import Any

_END = "     "
"""Five spaces separate the sections of a report."""


def _places(text: str) -> tuple[int, int]:
    """Return where the impression and the findings start; -1 for a section that is not there."""
    found = (re.search(head, text, re.IGNORECASE) for head in ("IMPRESSION", "FINDING"))
    impression, findings = (-1 if match is None else match.start() for match in found)
    return impression, findings


def doc_to_text(doc: dict[str, Any]) -> str:
    """Return the findings of a report with the instruction.

    Args:
        doc: A row with ``extractive_notes_summ``.
    """
    text = doc["extractive_notes_summ"]
    impression, findings = _places(text)
    shown = (text[findings:] if impression < findings else text[findings:impression]).split(_END)[0]
    if len(shown) < 5 < len(doc_to_target(doc)):
        shown = text[:impression]
    return f"Given the findings: {shown}.\nSummarize the findings."


def doc_to_target(doc: dict[str, Any]) -> str:
    """Return the impression of a report.

    Args:
        doc: A row with ``extractive_notes_summ``.
    """
    text: str = doc["extractive_notes_summ"]
    impression, findings = _places(text)
    return (text[impression:findings] if impression < findings else text[impression:]).split(_END)[0]
