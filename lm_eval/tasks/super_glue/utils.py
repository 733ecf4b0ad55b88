"""SuperGLUE: scores and prompts that templates and built-in metrics cannot express.

Functions of the ``t5`` tasks follow T5's own evaluation: a metric only returns the prediction and
the reference of a document, and its aggregation computes the score.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lm_eval.tasks.shared import squad
from lm_eval.utils import general_detokenize

if TYPE_CHECKING:
    from datasets import Dataset

_CB_LABELS = ("entailment", "contradiction", "neutral")
_WORDS = "a an few her his each every many much my our some that the their these this those which whose your"
DETERMINERS = set(_WORDS.split())


def em(predictions: Sequence[str], references: Sequence[str]) -> tuple[str, str]:
    """Return the prediction and the reference of a document for the aggregation.

    Args:
        predictions: The one response.
        references: The one target.

    Returns:
        Both.
    """
    return predictions[0], references[0]


def f1(predictions: Sequence[str], references: Sequence[str]) -> tuple[str, str]:
    """Return the prediction and the reference of a document for the aggregation.

    Args:
        predictions: The one response.
        references: The one target.

    Returns:
        Both.
    """
    return predictions[0], references[0]


def macro_f1(items: Sequence[tuple[int, int]]) -> float:
    """Average the F1 of the three classes, each against the others.

    Args:
        items: Predicted and gold class of each document, in either order.

    Returns:
        The unweighted mean; a class that never occurs counts 0.
    """
    return sum(binary_f1([(a == label, b == label) for a, b in items]) for label in range(3)) / 3


def mean_3class_f1(predictions: Sequence[str], references: Sequence[str]) -> tuple[int, int]:
    """Convert the predicted and the gold label to class numbers.

    Args:
        predictions: The one response.
        references: The one label.

    Returns:
        Both as numbers; a response that is not a label counts as the first class.
    """
    predicted = _CB_LABELS.index(predictions[0]) if predictions[0] in _CB_LABELS else 0
    return predicted, _CB_LABELS.index(references[0])


def binary_f1(pairs: Sequence[tuple[bool, bool]]) -> float:
    """Compute F1.

    Args:
        pairs: Predicted and gold class of each document, in either order.

    Returns:
        F1, from 0 to 1; 0 if nothing is in the class.
    """
    positives = sum(a for a, _ in pairs) + sum(b for _, b in pairs)
    return 2 * sum(bool(a and b) for a, b in pairs) / positives if positives else 0.0


def multirc_f1(items: Sequence[tuple[str, str]]) -> float:
    """Compute the F1 of "this answer is correct" over all answers.

    Args:
        items: Response, and ``<question number>_<True or False>``, of each answer.

    Returns:
        F1, from 0 to 1.
    """
    return binary_f1([(predicted, gold) for _, predicted, gold in map(multirc_labels, items)])


def multirc_em(items: Sequence[tuple[str, str]]) -> float:
    """Compute the share of questions whose answers are all classified correctly.

    Args:
        items: Response, and ``<question number>_<True or False>``, of each answer.

    Returns:
        A share, from 0 to 1.
    """
    right: dict[str, bool] = {}
    for question, predicted, gold in map(multirc_labels, items):
        right[question] = right.get(question, True) and predicted == gold
    return sum(right.values()) / len(right)


def multirc_labels(item: tuple[str, str]) -> tuple[str, bool, bool]:
    """Read the response and the target of an answer.

    Args:
        item: The response, and ``<question number>_<True or False>``.

    Returns:
        The question's number, the predicted class and the gold one; any other response counts as the wrong class.
    """
    response, target = item
    question, label = target.split("_")
    gold = label == "True"
    predicted = response == "True" if response in ("True", "False") else not gold
    return question, predicted, gold


def record_docs(dataset: Dataset) -> Dataset:
    """Keep each entity and each answer once, sorted.

    Args:
        dataset: Rows with ``entities`` and ``answers``.

    Returns:
        The same rows.
    """
    return dataset.map(lambda doc: {"entities": sorted(set(doc["entities"])), "answers": sorted(set(doc["answers"]))})


def record_choices(doc: dict[str, Any]) -> list[str]:
    """Fill the gap in the query with each entity.

    Args:
        doc: A row with ``query`` and ``entities``.

    Returns:
        A summary point for each entity.
    """
    return [f"  - {doc['query']}".replace("@placeholder", entity) for entity in doc["entities"]]


def record_results(doc: dict[str, Any], results: Sequence[tuple[float, bool]]) -> dict[str, float]:
    """Compare the most likely entity with the answers.

    Args:
        doc: A row with ``entities`` and ``answers``.
        results: Log-likelihood (nats) and greediness of each choice.

    Returns:
        Token ``f1`` and exact match ``em``, each against the best matching answer.
    """
    best = max(range(len(results)), key=lambda choice: results[choice][0])
    prediction = doc["entities"][best]
    return {
        "f1": squad.best(squad.f1, doc["answers"], prediction),
        "em": float(squad.best(squad.exact, doc["answers"], prediction)),
    }


def record_docs_t5(dataset: Dataset) -> Dataset:
    """Create one document per answer to a query.

    Args:
        dataset: Rows with a list of ``answers``.

    Returns:
        Rows whose ``answers`` is one answer.
    """
    from datasets import Dataset

    return Dataset.from_list([{**doc, "answers": answer} for doc in dataset for answer in doc["answers"]])


def record_em(items: Sequence[tuple[str, str]]) -> float:
    """Compute the share of predictions that equal an answer to their query.

    Args:
        items: Response, and ``<query number>_<answer>``, of each document.

    Returns:
        A share, from 0 to 1.
    """
    hits: list[bool] = []
    for pairs in _by_query(items):
        answers = {answer for _, answer in pairs}
        hits += [prediction in answers for prediction, _ in pairs]
    return sum(hits) / len(hits)


def record_f1(items: Sequence[tuple[str, str]]) -> float:
    """Average the token F1 of each query's first prediction and answer.

    Args:
        items: Response, and ``<query number>_<answer>``, of each document.

    Returns:
        F1, from 0 to 1.
    """
    scores = [squad.f1(*pairs[0]) for pairs in _by_query(items)]
    return sum(scores) / len(scores)


def _by_query(items: Sequence[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """Group (prediction, answer), both normalized, by the number in front of the answer."""
    queries: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for prediction, target in items:
        query, answer = target.split("_", 1)
        queries[query].append((squad.normalize(prediction), squad.normalize(answer)))
    return list(queries.values())


def wsc_text(doc: dict[str, Any]) -> str:
    """Ask whether the marked pronoun refers to a noun.

    Args:
        doc: A row with ``text``, ``span1_text`` (the noun), ``span2_text`` (the pronoun) and
            ``span2_index``, counted in words.

    Returns:
        The prompt.
    """
    noun, pronoun = doc["span1_text"], doc["span2_text"]
    before = " ".join(doc["text"].split()[: doc["span2_index"]])
    after = doc["text"][len(before) + 1 + len(pronoun) :]
    passage = general_detokenize(f"{before} *{pronoun}*{after}")
    question = f'In the passage above, does the pronoun "*{pronoun}*" refer to "*{noun}*"?'
    return f"Passage: {passage}\nQuestion: {question}\nAnswer:"


def wsc_text_t5(doc: dict[str, Any]) -> str:
    """Mark the pronoun whose noun is to be generated.

    Args:
        doc: As for :func:`wsc_text`.

    Returns:
        The prompt.
    """
    words, place, pronoun = doc["text"].split(" "), doc["span2_index"], doc["span2_text"]
    if words[place] != pronoun:
        # In two rows of the dataset the index is that of the word before, or the word has punctuation attached.
        place = next(at for at in range(place, len(words)) if words[at].startswith(pronoun))
        rest = words[place].removeprefix(pronoun)
        words[place : place + 1] = [pronoun, rest] if rest else [pronoun]
        words = " ".join(words).rstrip().split(" ")
    words[place] = f"*{pronoun}*"
    return "wsc: " + " ".join(words)


def wsc_results_t5(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Score whether the generated noun agrees with the label.

    Args:
        doc: A row with ``span1_text`` and ``label``, 1 if the pronoun refers to it.
        results: The one response.

    Returns:
        ``accuracy``, 1 or 0. Part of the noun, or more than the noun, also counts.
    """
    prediction, reference = (clean(text) for text in (results[0], doc["span1_text"]))
    named = ("'" in prediction) == ("'" in reference)
    if named:
        words, expected = set(prediction.split(" ")), set(reference.split(" "))
        named = words <= expected or expected <= words
    return {"accuracy": float(named == doc["label"])}


def clean(s: str) -> str:
    """Return a text in lower case without its determiners.

    Args:
        s: The text.
    """
    return " ".join(word for word in s.strip().lower().split(" ") if word not in DETERMINERS)
