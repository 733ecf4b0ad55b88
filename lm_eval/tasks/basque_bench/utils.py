"""Basque bench: rows and prompts of tasks whose choices continue a sentence."""

from __future__ import annotations

from functools import partial
from typing import Any

from lm_eval.tasks.shared.statements import lower_first, paraphrase_pairs

_CONNECTORS = {"cause": " Izan ere,", "effect": " Beraz,"}

paws_process_docs = partial(paraphrase_pairs, detokenize=False)


def xcopa_doc_to_text(doc: dict[str, Any]) -> str:
    """Write the premise and "because" or "therefore".

    Args:
        doc: A row with ``premise`` and ``question``.
    """
    return f"{doc['premise'].strip()}{_CONNECTORS[doc['question']]}"


def xcopa_doc_to_choice(doc: dict[str, Any]) -> list[str]:
    """Let both choices go on with the sentence.

    Args:
        doc: A row with ``choice1`` and ``choice2``.
    """
    return [lower_first(doc["choice1"]), lower_first(doc["choice2"])]
