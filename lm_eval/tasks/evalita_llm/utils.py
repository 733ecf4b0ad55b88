"""Evalita-LLM: targets, and the labels of answers that name words, entities and relations.

A response names entities as ``text$TYPE,text$TYPE`` and relations as ``first$second%first$second``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lm_eval.tasks.shared.rouge import mean_rouge

Labels = tuple[list[int], list[int]]

_NO_SYNONYM, _NO_ENTITY, _NO_RELATION = "&&NOSYN&&", "&&NOENT&&", "&&NOREL&&"
_TYPES = {"PER": 0, "LOC": 1, "ORG": 2}
_OTHER = 3
# An empty response counts as one wrong answer.
_WRONG = ("W", "R")
_SENTIMENTS = {("1", "0"): 0, ("0", "1"): 1, ("0", "0"): 2, ("1", "1"): 3}
_MOST_WORDS = 10


def sa_doc_to_target(x: dict[str, Any]) -> int | None:
    """Return the index of the sentiment.

    Args:
        x: A row with the flags ``opos`` and ``oneg``, each "0" or "1".
    """
    return _SENTIMENTS.get((x["opos"], x["oneg"]))


def sa_doc_to_choice(x: dict[str, Any]) -> list[str]:
    """Return the sentiments.

    Args:
        x: Any row.
    """
    return ["Positivo", "Negativo", "Neutrale", "Misto"]


def faq_doc_to_target(x: dict[str, Any]) -> int:
    """Return the index of the right answer.

    Args:
        x: A row with ``correct_answer``, a letter.
    """
    return "ABCD".index(x["correct_answer"])


def ls_doc_to_target(x: dict[str, Any]) -> str:
    """Return the words that annotators gave.

    Args:
        x: A row with ``answers``, each with ``word`` and ``count``.
    """
    return ", ".join(answer["word"] for answer in x["answers"]) or _NO_SYNONYM


def ls_process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, tuple[float, int, int]]:
    """Sum how many annotators gave the words of the response, as a share of all their words.

    Args:
        doc: As for :func:`ls_doc_to_target`.
        results: The one response, words with commas; the first ten count.

    Returns:
        Under ``f1``: the share, and whether there are words in the response and of annotators.
    """
    words = _listed_words(results[0])
    given: dict[str, int] = {}
    for answer in doc["answers"]:
        given.setdefault(answer["word"], int(answer["count"]))
    total = sum(int(answer["count"]) for answer in doc["answers"])
    share = sum(given.get(word, 0) for word in words) / (total or 1)
    return {"f1": (share, int(bool(words)), int(bool(doc["answers"])))}


def _listed_words(response: str) -> list[str]:
    """Return the words of the first line; of the last one only its letters."""
    parts = re.findall("[^,]+", response.split("\n")[0])
    # Of a part in quotation marks only what is between them counts; there may be nothing.
    parts = [part for part in parts if not (part[0] == part[-1] == '"' and len(part) < 3)]
    words = [part.strip().replace('"', "") for part in parts][:_MOST_WORDS]
    if words:
        words[-1] = "".join(letter for letter in words[-1] if letter.isalpha())
    return words


def ner_doc_to_target(doc: dict[str, Any]) -> str:
    """Write the entities as a response should.

    Args:
        doc: A row with ``entities``, each with ``entity_text`` and ``type``.
    """
    return ",".join(f"{entity['entity_text']}${entity['type']}" for entity in doc["entities"]) or _NO_ENTITY


def ner_process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, Labels]:
    """Give each entity a predicted and a gold label.

    Args:
        doc: As for :func:`ner_doc_to_target`.
        results: The one response.

    Returns:
        Under ``f1``: predicted and gold labels. As in the reference harness, an entity that was not found counts as a
        person where the response has more entities than the document, else as no entity.
    """
    named = _named_entities(results[0])
    entities = [(entity["entity_text"], entity["type"]) for entity in doc["entities"]]
    gold = [_TYPES[kind] for _, kind in entities]
    if not named and not gold:
        return {"f1": ([_OTHER], [_OTHER])}
    surplus = max(0, len(named) - len(gold))
    lost = _TYPES["PER"] if surplus else _OTHER
    predicted = [label if entity in named else lost for entity, label in zip(entities, gold, strict=True)]
    return {"f1": (predicted + [_TYPES["ORG"]] * surplus, gold + [_OTHER] * surplus)}


def _named_entities(response: str) -> list[tuple[str, str]]:
    if _NO_ENTITY in response:
        return []
    if not response:
        return [_WRONG]
    pairs = [[*part.strip().split("$"), ""][:2] for part in response.split(",")]
    return [(text, kind.upper()) for text, kind in pairs if text]


def re_doc_to_target(doc: dict[str, Any]) -> str:
    """Write the relations as a response should.

    Args:
        doc: A row with ``relations``, pairs of texts.
    """
    return "%".join(f"{relation[0]}${relation[1]}" for relation in doc["relations"]) or _NO_ENTITY


def rel_process_results_v3(doc: dict[str, Any], results: Sequence[str]) -> dict[str, Labels]:
    """Give each relation a predicted and a gold label, 1 where there is one.

    Args:
        doc: As for :func:`re_doc_to_target`.
        results: The one response.

    Returns:
        Under ``f1``: predicted and gold labels.
    """
    wanted = [(relation[0], relation[1]) for relation in doc["relations"]]
    none = _NO_RELATION in results[0]
    if not wanted:
        return {"f1": ([int(not none)], [0])}
    named: list[tuple[str, str] | None] = [] if none else list(_named_relations(results[0]))
    predicted = []
    for relation in wanted:
        predicted.append(int(relation in named))
        # What is found once is found, however often the response or the document has it.
        named = [None if relation == other else other for other in named]
    surplus = sum(relation is not None for relation in named[: max(0, len(named) - len(wanted))])
    return {"f1": (predicted + [1] * surplus, [1] * len(wanted) + [0] * surplus)}


def _named_relations(response: str) -> list[tuple[str, str]]:
    if not response:
        return [_WRONG]
    pairs = [[*part.split("$"), ""][:2] for part in response.split("%")]
    return [(first.strip(), second.strip()) for first, second in pairs]


def process_results_sum(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Compare a summary with the reference.

    Args:
        doc: A row with ``summary`` or ``target``.
        results: The one response.

    Returns:
        ``rouge1``, the F-measure.
    """
    return {"rouge1": mean_rouge("rouge1", [(doc["summary"] if "summary" in doc else doc["target"], results[0])])}
