"""The metrics of LongBench: each document gets the best score over its accepted answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from typing import Any

from lm_eval.tasks.longbench.rouge_l import rouge_l
from lm_eval.tasks.shared.squad import normalize
from lm_eval.tasks.shared.word_overlap import word_f1

__all__ = [
    "best_over_answers",
    "classification_score",
    "code_sim_score",
    "count_score",
    "get_classification_with_score",
    "get_code_sim_with_score",
    "get_count_with_score",
    "get_qa_f1_with_score",
    "get_retrieval_with_score",
    "get_retrieval_zh_with_score",
    "get_rouge_with_score",
    "qa_f1_score",
    "retrieval_score",
    "retrieval_zh_score",
    "rouge_score",
]

Doc = dict[str, Any]
Score = Callable[[str, str], float]

_PARAGRAPH = re.compile(r"Paragraph (\d+)")
_PARAGRAPH_ZH = re.compile(r"段落(\d+)")
_COMMENT_SIGNS = ("`", "#", "//")


def qa_f1_score(prediction: str, ground_truth: str) -> float:
    """Compare two answers by their words, without case, punctuation and articles."""
    return word_f1(normalize(prediction).split(), normalize(ground_truth).split())


def rouge_score(prediction: str, ground_truth: str) -> float:
    """Compare two summaries by ROUGE-L."""
    return rouge_l(prediction, ground_truth)


def count_score(prediction: str, ground_truth: str) -> float:
    """Return the share of the numbers in an answer that are the right one."""
    numbers = re.findall(r"\d+", prediction)
    return numbers.count(str(ground_truth)) / len(numbers) if numbers else 0.0


def retrieval_score(prediction: str, ground_truth: str) -> float:
    """Return the share of the numbers in an answer that name the right paragraph, given as ``Paragraph 3``."""
    return count_score(prediction, _PARAGRAPH.findall(ground_truth)[0])


def retrieval_zh_score(prediction: str, ground_truth: str) -> float:
    """Return the share of the numbers in an answer that name the right paragraph, given as ``段落3``."""
    return count_score(prediction, _PARAGRAPH_ZH.findall(ground_truth)[0])


def code_sim_score(prediction: str, ground_truth: str) -> float:
    """Compare the first line of code in an answer with the right line, by the characters that match."""
    lines = (line for line in prediction.split("\n") if line.strip())
    line = next((line for line in lines if not any(sign in line for sign in _COMMENT_SIGNS)), "")
    if line == ground_truth:
        return 1.0
    if not line or not ground_truth:
        return 0.0
    return round(100 * SequenceMatcher(None, line, ground_truth).ratio()) / 100


def classification_score(prediction: str, ground_truth: str, all_classes: Sequence[str]) -> float:
    """Score a class by the classes that an answer names.

    Args:
        prediction: The answer.
        ground_truth: The right class.
        all_classes: All classes.

    Returns:
        One over the number of classes named, if the right one is among them. A class whose name is within the right
        one's does not count.
    """
    named = [name for name in all_classes if name in prediction]
    # LongBench's own loop removes names from the list that it walks through, and so passes over the next one.
    for name in named:
        if name in ground_truth and name != ground_truth:
            named.remove(name)
    return 1.0 / len(named) if ground_truth in named else 0.0


def best_over_answers(name: str, score: Score, *, strip: bool = True) -> Callable[[Doc, list[str]], dict[str, float]]:
    """Make the ``process_results`` of a metric.

    Args:
        name: The metric's name.
        score: Scores an answer against an accepted answer.
        strip: Whether white space around the answer is dropped.

    Returns:
        A function that gives the best score over the accepted answers, under the metric's name and as ``score``.
    """

    def process(doc: Doc, results: list[str]) -> dict[str, float]:
        prediction = results[0].strip() if strip else results[0]
        best = max((score(prediction, answer) for answer in doc["answers"]), default=0.0)
        return {"score": best, name: best}

    return process


def get_classification_with_score(doc: Doc, results: list[str]) -> dict[str, float]:
    """Score the class that an answer names.

    Args:
        doc: The document.
        results: The answer.
    """

    def score(prediction: str, answer: str) -> float:
        return classification_score(prediction, answer, doc["all_classes"])

    return best_over_answers("classification_score", score)(doc, results)


get_qa_f1_with_score = best_over_answers("qa_f1_score", qa_f1_score)
get_rouge_with_score = best_over_answers("rouge_score", rouge_score)
get_count_with_score = best_over_answers("count_score", count_score)
get_retrieval_with_score = best_over_answers("retrieval_score", retrieval_score)
get_retrieval_zh_with_score = best_over_answers("retrieval_zh_score", retrieval_zh_score)
get_code_sim_with_score = best_over_answers("code_sim_score", code_sim_score, strip=False)
