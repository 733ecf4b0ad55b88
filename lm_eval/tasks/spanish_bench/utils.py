"""Spanish bench: rows made ready for the templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lm_eval.tasks.shared.rouge import rouge1, rouge1_agg
from lm_eval.tasks.shared.statements import lower_first, single_spaces
from lm_eval.tasks.shared.statements import nli_pairs as process_doc_nli
from lm_eval.tasks.shared.statements import paraphrase_pairs as process_docs_paraphrases

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = [
    "process_doc_nli",
    "process_docs_copa_es",
    "process_docs_paraphrases",
    "process_xlsum",
    "rouge1",
    "rouge1_agg",
]


def process_xlsum(dataset: Dataset) -> Dataset:
    """Remove double spaces.

    Args:
        dataset: Rows with ``text`` and ``summary``.
    """
    return dataset.map(
        lambda doc: {**doc, "text": single_spaces(doc["text"]), "summary": single_spaces(doc["summary"])}
    )


def process_docs_copa_es(dataset: Dataset) -> Dataset:
    """Let both choices go on with the sentence of the premise.

    Args:
        dataset: Rows with ``choice1`` and ``choice2``.
    """
    return dataset.map(
        lambda doc: {**doc, "choice1": lower_first(doc["choice1"]), "choice2": lower_first(doc["choice2"])}
    )
