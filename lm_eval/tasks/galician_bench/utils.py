"""Galician bench: rows made ready for the templates, and the scores that its tasks name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lm_eval.tasks.shared.rouge import rouge1, rouge1_agg
from lm_eval.tasks.shared.statements import nli_pairs, paraphrase_pairs, single_spaces
from lm_eval.tasks.shared.statements import paraphrase_pairs as process_docs_paws
from lm_eval.tasks.truthfulqa.utils import answer_sentences, process_results_gen
from lm_eval.tasks.truthfulqa.utils import mass_of_first_true as process_results_mc2

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = [
    "process_doc_nli",
    "process_docs_gen",
    "process_docs_paraphrases",
    "process_docs_paws",
    "process_results_gen",
    "process_results_mc2",
    "process_summarization",
    "rouge1",
    "rouge1_agg",
]

_LABELS = {"entailment": 0, "neutral": 1, "contradiction": 2}

process_docs_paraphrases = partial(paraphrase_pairs, first="Frase", second="Paráfrase")


def process_summarization(dataset: Dataset) -> Dataset:
    """Remove double spaces.

    Args:
        dataset: Rows with ``text`` and ``summary``.
    """
    return dataset.map(
        lambda doc: {**doc, "text": single_spaces(doc["text"]), "summary": single_spaces(doc["summary"])}
    )


def process_doc_nli(dataset: Dataset) -> Dataset:
    """Make the sentences one statement, and the label a number.

    Args:
        dataset: Rows with ``sentence1``, ``sentence2`` and ``gold_label``.
    """
    pairs = nli_pairs(dataset, "sentence1", "sentence2")
    return pairs.map(lambda doc: {**doc, "gold_label": _LABELS[doc["gold_label"]]})


def process_docs_gen(dataset: Dataset) -> Dataset:
    """Normalize the answers for comparison.

    Args:
        dataset: Rows with ``question``, ``correct_answers`` and ``incorrect_answers``.
    """
    return dataset.map(partial(answer_sentences, no_comment="Non teño ningún comentario."))
