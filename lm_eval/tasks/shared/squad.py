"""SQuAD's comparison of answers: exact match and word F1 after normalization."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable

from lm_eval.tasks.shared.word_overlap import word_f1

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize(text: str) -> str:
    """Return a text in lower case, without punctuation, articles and superfluous white space.

    Args:
        text: An answer.
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact(answer: str, prediction: str) -> int:
    """Return whether two answers are equal after normalization.

    Args:
        answer: The accepted answer.
        prediction: The model's.

    Returns:
        1 or 0.
    """
    return int(normalize(answer) == normalize(prediction))


def f1(answer: str, prediction: str) -> float:
    """Compare two answers by their words.

    Args:
        answer: The accepted answer.
        prediction: The model's.

    Returns:
        The harmonic mean of precision and recall; 1 if both are empty.
    """
    wanted, got = normalize(answer).split(), normalize(prediction).split()
    return word_f1(got, wanted) if wanted or got else 1.0


def best(score: Callable[[str, str], float], answers: Iterable[str], prediction: str) -> float:
    """Score a prediction against the accepted answer that gives the best score.

    Args:
        score: :func:`exact` or :func:`f1`.
        answers: The accepted answers, at least one.
        prediction: The model's.
    """
    return max(score(answer, prediction) for answer in answers)


def fair(score: Callable[[str, str], float], answers: list[str], prediction: str) -> float:
    """Score a prediction as an annotator's answer would be scored.

    An annotator's answer can only be compared with the answers of the others. To treat the model in the same way, the
    score is the mean over the sets of answers that lack one annotator (Reddy et al., 2019, section 5).

    Args:
        score: :func:`exact` or :func:`f1`.
        answers: One accepted answer per annotator, at least one.
        prediction: The model's.
    """
    if len(answers) == 1:
        return score(answers[0], prediction)
    rounds = [answers[:place] + answers[place + 1 :] for place in range(len(answers))]
    return sum(best(score, others, prediction) for others in rounds) / len(rounds)
