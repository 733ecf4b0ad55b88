"""Catalan bench: rows made ready for the templates, and scores of generated answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

# Of truthfulqa_va too the refusal that counts as true is the Galician one.
from lm_eval.tasks.galician_bench.utils import process_docs_gen, process_results_gen
from lm_eval.tasks.shared.rouge import rouge1, rouge1_agg
from lm_eval.tasks.shared.squad import exact, f1, fair
from lm_eval.tasks.shared.statements import lower_first, single_spaces
from lm_eval.tasks.shared.statements import nli_pairs as process_doc_nli
from lm_eval.tasks.shared.statements import paraphrase_pairs as process_docs_paraphrases

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = [
    "process_doc_cabreu",
    "process_doc_nli",
    "process_docs_copa_ca",
    "process_docs_gen",
    "process_docs_paraphrases",
    "process_results_coqcat",
    "process_results_gen",
    "process_results_qa",
    "rouge1",
    "rouge1_agg",
]


def process_doc_cabreu(dataset: Dataset) -> Dataset:
    """Remove double spaces from the texts and their summaries.

    Args:
        dataset: Rows with ``content`` and ``summaries``, by kind and annotator.
    """

    def change(doc: dict[str, Any]) -> dict[str, Any]:
        summaries = {
            kind: {who: single_spaces(summary) for who, summary in by_annotator.items()}
            for kind, by_annotator in doc["summaries"].items()
        }
        return {**doc, "content": single_spaces(doc["content"]), "summaries": summaries}

    return dataset.map(change)


def process_docs_copa_ca(dataset: Dataset) -> Dataset:
    """Let both choices go on with the sentence of the premise.

    Args:
        dataset: Rows with ``choice1`` and ``choice2``.
    """
    return dataset.map(
        lambda doc: {**doc, "choice1": lower_first(doc["choice1"]), "choice2": lower_first(doc["choice2"])}
    )


def process_results_qa(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Compare the response with the first accepted answer.

    Args:
        doc: A row with a list of ``answers``.
        results: The one response.

    Returns:
        ``f1`` and ``exact_match``.
    """
    answer = doc["answers"][0]["text"]
    return {"f1": f1(answer, results[0]), "exact_match": exact(answer, results[0])}


def process_results_coqcat(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Score the answer to the last question as an annotator's answer would be scored.

    Args:
        doc: A row with ``questions``, ``answers`` and perhaps ``additional_answers``.
        results: The one response.

    Returns:
        ``em`` and ``f1``.
    """
    last = len(doc["questions"]) - 1
    accepted: dict[str, str] = {}
    for answers in (doc["answers"], *(doc.get("additional_answers") or {}).values()):
        answer = answers["input_text"][last]
        accepted.setdefault(answer.lower(), answer)
    response, golds = results[0].strip().split("\n")[0], list(accepted.values())
    return {"em": fair(exact, golds, response), "f1": fair(f1, golds, response)}
