"""LIBRA: documents of chosen lengths, and scores for each length.

Answers are compared by the dictionary forms of their words.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import pymorphy3

from lm_eval.errors import DatasetError
from lm_eval.tasks.shared.word_overlap import word_f1

if TYPE_CHECKING:
    from datasets import Dataset

_NOT_IN_WORDS = re.compile(r"[^a-zа-яй0-9_]+")
_NUMBER = re.compile(r"\d+")


def filter_dataset_by_page_lengths(
    dataset_name: str | None = None,
    dataset_repo_name: str = "ai-forever/LIBRA",
    filter_colname: str = "length",
    valid_pages: Sequence[str] = (),
    token: str | None = None,
    **_: object,
) -> dict[str, Dataset]:
    """Load the documents, of all lengths or of those that ``--metadata`` names.

    Args:
        dataset_name: The config of the dataset.
        dataset_repo_name: The repository on the Hub.
        filter_colname: The column that has the length.
        valid_pages: The lengths to keep, such as ``["8p", "32p"]``; all of them where there is none.
        token: A token for the Hub.

    Returns:
        The split ``test``.

    Raises:
        DatasetError: The column does not exist.
    """
    import datasets

    docs = datasets.load_dataset(dataset_repo_name, dataset_name, token=token)["test"]
    if filter_colname not in docs.column_names:
        raise DatasetError(f"{dataset_repo_name}, {dataset_name} has no column {filter_colname!r}")
    kept = set(valid_pages)
    return {"test": docs.filter(lambda doc: doc[filter_colname] in kept) if kept else docs}


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Keep what the score of a length needs.

    Args:
        doc: A row with ``positive_outputs`` and ``length``.
        results: The one response.

    Returns:
        ``libra_score``: the response, the right answers and the length.
    """
    kept = {"pred_answer": results[0], "answers": doc["positive_outputs"], "length": doc["length"]}
    return {"libra_score": kept}


def normalize_answer(sentence: str) -> str:
    """Return the words of a text in lower case and dictionary form, without marks.

    Args:
        sentence: The text.
    """
    return " ".join(_dictionary_form(_NOT_IN_WORDS.sub("", word.lower())) for word in str(sentence).split())


@cache
def _analyzer() -> Any:
    return pymorphy3.MorphAnalyzer()


def _dictionary_form(word: str) -> str:
    form: str = _analyzer().parse(word)[0].normal_form
    return form.lower()


def exact_match_score(prediction: str, ground_truth: str) -> float:
    """Return 1.0 if the response contains the answer, else 0.0.

    Args:
        prediction: The response.
        ground_truth: A right answer.
    """
    return float(normalize_answer(ground_truth) in normalize_answer(prediction))


def f1_score(prediction: str, ground_truth: str) -> float:
    """Compare two texts by their characters.

    Args:
        prediction: The response.
        ground_truth: A right answer.

    Returns:
        The harmonic mean of precision and recall over characters.
    """
    return word_f1(prediction, ground_truth)


def count_score(prediction: str, ground_truth: str) -> float:
    """Return the share of the numbers in a response that are right.

    Args:
        prediction: The response.
        ground_truth: The right number.
    """
    numbers = _NUMBER.findall(prediction)
    return numbers.count(ground_truth) / len(numbers) if numbers else 0.0


def aggregate_results(
    results: Sequence[Mapping[str, Any]], scoring_function: Callable[[str, str], float]
) -> dict[str, float]:
    """Average a score over the documents of each length.

    A document counts with the first right answer whose score is above 0.

    Args:
        results: What ``process_results`` kept of each document.
        scoring_function: Compares a response and a right answer, both in dictionary forms.

    Returns:
        Length to mean score.
    """
    scores: dict[str, list[float]] = defaultdict(list)
    for result in results:
        response = normalize_answer(result["pred_answer"])
        answers = dict.fromkeys(normalize_answer(answer) for answer in result["answers"])
        values = (scoring_function(response, answer) for answer in answers)
        scores[result["length"]].append(next((value for value in values if value > 0), 0.0))
    return {length: sum(values) / len(values) for length, values in scores.items()}


def aggregate_results_em(results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Average :func:`exact_match_score` for each length.

    Args:
        results: As for :func:`aggregate_results`.

    Returns:
        Length to mean score.
    """
    return aggregate_results(results, exact_match_score)


def aggregate_results_f1(results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Average :func:`f1_score` for each length.

    Args:
        results: As for :func:`aggregate_results`.

    Returns:
        Length to mean score.
    """
    return aggregate_results(results, f1_score)


def aggregate_results_count_score(results: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Average :func:`count_score` for each length.

    Args:
        results: As for :func:`aggregate_results`.

    Returns:
        Length to mean score.
    """
    return aggregate_results(results, count_score)
