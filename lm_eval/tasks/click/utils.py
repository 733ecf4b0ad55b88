"""CLIcK: the rows of each category, which the ids tell, and the prompt."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from datasets import Dataset

_CONVERSATION = ("대화", "발화", "질의")


class Doc(TypedDict):
    """A row of CLIcK; ``answer`` is the text of one of the choices."""

    id: str
    paragraph: str
    question: str
    choices: list[str]
    answer: str


def get_context(doc: Doc) -> str:
    """Return the prompt, with the passage if there is one; it shows the first four choices.

    Args:
        doc: A row.

    Returns:
        The prompt.
    """
    if doc["paragraph"]:
        start = "주어진 맥락을 천천히 읽고, 질문에 대한 적절한 정답을 A, B, C, D 중에 골라 알파벳 하나로 답하시오."
        start += f"\n\n맥락: {doc['paragraph']}\n"
    else:
        start = "주어진 질문을 천천히 읽고, 적절한 정답을 A, B, C, D 중에 골라 알파벳 하나로 답하시오.\n\n"
    a, b, c, d = (doc["choices"][number] for number in range(4))
    return f"{start}질문: {doc['question']}\n보기:\nA:{a}, B: {b}, C: {c}, D: {d}\n정답:"


def get_choices(doc: Doc) -> list[str]:
    """Return the letters of the choices.

    Args:
        doc: A row.

    Returns:
        Five letters for questions of the college entrance exam, else four.
    """
    return list("ABCDE" if "CSAT" in doc["id"] else "ABCD")


def get_target(doc: Doc) -> str:
    """Return the letter of the answer.

    Args:
        doc: A row.

    Returns:
        The letter.
    """
    return get_choices(doc)[doc["choices"].index(doc["answer"])]


def _keep(dataset: Dataset, belongs: Callable[[Doc], bool]) -> Dataset:
    return dataset.filter(belongs)


def _number(doc: Doc, part: int = -1) -> int:
    """Return a number of the id, such as 22 and 7 of CSAT_korean_22_7."""
    return int(doc["id"].split("_")[part])


def _is_text(doc: Doc) -> bool:
    name = doc["id"]
    if "CSAT_korean_22" in name or ("CSAT_korean_23" in name and _number(doc) < 35):
        return True
    return "TK" in name and _number(doc) > 4


def _is_grammar(doc: Doc) -> bool:
    name = doc["id"]
    if "CSAT_korean" in name and _number(doc, 2) < 21 and _number(doc, 3) > 10:
        return True
    if "Kedu_1" in name and (name.split("_")[1] != "16" or not _is_about_conversation(doc)):
        return True
    return "TK" in name and _number(doc) < 5


def _is_function(doc: Doc) -> bool:
    name = doc["id"]
    if "CSAT_korean" in name and (_number(doc) > 34 or (_number(doc, 2) < 21 and _number(doc, 3) < 11)):
        return True
    return ("Kedu_16" in name and _is_about_conversation(doc)) or "PSE_korean" in name


def _is_about_conversation(doc: Doc) -> bool:
    return any(word in doc["question"] for word in _CONVERSATION)


def extract_text(dataset: Dataset) -> Dataset:
    """Keep the questions on texts.

    Args:
        dataset: All rows.

    Returns:
        The rows of the category.
    """
    return _keep(dataset, _is_text)


def extract_grammar(dataset: Dataset) -> Dataset:
    """Keep the questions on grammar.

    Args:
        dataset: All rows.

    Returns:
        The rows of the category.
    """
    return _keep(dataset, _is_grammar)


def extract_function(dataset: Dataset) -> Dataset:
    """Keep the questions on the use of language.

    Args:
        dataset: All rows.

    Returns:
        The rows of the category.
    """
    return _keep(dataset, _is_function)


def extract_history(dataset: Dataset) -> Dataset:
    """Keep the questions on history, whose ids have KHB or the word.

    Args:
        dataset: All rows.

    Returns:
        The rows of the category.
    """
    return _keep(dataset, lambda doc: "KHB" in doc["id"] or "history" in doc["id"].lower())


def extract_law(dataset: Dataset) -> Dataset:
    """Keep the questions on law, whose ids have PSAT or the word.

    Args:
        dataset: All rows.

    Returns:
        The rows of the category.
    """
    return _keep(dataset, lambda doc: "PSAT" in doc["id"] or "law" in doc["id"].lower())


def _with_word(word: str) -> Callable[[Dataset], Dataset]:
    return lambda dataset: _keep(dataset, lambda doc: word in doc["id"].lower())


extract_economy = _with_word("economy")
extract_geography = _with_word("geography")
extract_kpop = _with_word("popular")
extract_politics = _with_word("politics")
extract_society = _with_word("society")
extract_tradition = _with_word("tradition")
