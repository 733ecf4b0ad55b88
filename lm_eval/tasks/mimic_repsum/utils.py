"""MIMIC-III: how similar a summary is to the impression of the report."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Any

from lm_eval.tasks.mimic_repsum.sections import doc_to_target
from lm_eval.tasks.shared.neural import NotComputed, radgraph_f1
from lm_eval.tasks.shared.similarity import similarity_of_long

_SHORTEST = 5


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float | NotComputed]:
    """Compare the response with the impression of the report.

    Args:
        doc: A row with ``extractive_notes_summ``.
        results: The one response.

    Returns:
        BLEU, ROUGE, BLEURT, BERTScore and RadGraph F1; nan where a text has fewer than 5 characters.
    """
    answer, reference = results[0], doc_to_target(doc)
    scores = similarity_of_long(answer, reference, _SHORTEST)
    short = min(len(answer), len(reference)) < _SHORTEST
    return {**scores, "F1-Radgraph": nan if short else radgraph_f1([answer], [reference])}
