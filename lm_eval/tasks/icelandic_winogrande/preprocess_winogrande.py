"""WinoGrande in Icelandic: the two halves of a sentence around its gap."""

from __future__ import annotations

from collections.abc import Mapping

from lm_eval.tasks.shared.winograd import doc_to_choice, doc_to_text

__all__ = ["doc_to_choice", "doc_to_target", "doc_to_text"]


def doc_to_target(doc: Mapping[str, str]) -> str:
    """Return what follows the gap, after a space unless it is only a full stop.

    Args:
        doc: A row whose ``sentence`` has a gap, ``_``.
    """
    rest = doc["sentence"].partition("_")[2].strip()
    return rest if rest == "." else f" {rest}"
