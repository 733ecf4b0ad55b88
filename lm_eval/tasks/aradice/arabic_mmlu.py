"""ArabicMMLU in dialects: the prompt in Egyptian and in Levantine Arabic.

The texts are those of the published prompts, with their spaces.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

_LATIN = "ABCDE"
_LETTERS = ["أ", "ب", "ج", "د", "و"]
_LEVELS = {
    "Primary": "للمرحلة الابتدائية",
    "Middle": "للمرحلة المتوسطة",
    "High": "للمرحلة الثانوية",
    "Univ": "للمرحلة الجامعية ",
    "Prof": "للمحترفين",
}
_COUNTRIES = {
    "UAE": {"egy": "في الإمارات", "lev": "بالإمارات"},
    "Egypt": {"egy": "في مصر", "lev": "بمصر"},
    "Lebanon": {"egy": "في لبنان", "lev": "بلبنان"},
    "Jordan": {"egy": "في الأردن", "lev": "بالأردن"},
    "Kuwait": {"egy": "في الكويت", "lev": "بالكويت"},
    "KSA": {"egy": "في السعودية", "lev": "بالسعودية"},
    "Palestine": {"egy": "في فلسطين", "lev": "بفلسطين"},
    "Morocco": {"egy": "في المغرب", "lev": "بالمغرب"},
}
_SUBJECTS = {
    "Islamic Studies": {"egy": "في الدراسات إسلامية", "lev": "عن الدراسات إسلامية"},
    "Driving Test": {"egy": "في اختبار القيادة", "lev": "عن فحص السواقة"},
    "Natural Science": {"egy": "في العلوم الطبيعية", "lev": "عن العلوم الطبيعية"},
    "History": {"egy": "في مادة التاريخ", "lev": "تاريخ"},
    "General Knowledge": {"egy": "في المعرفة العامة", "lev": "معرفة عامة"},
    "Law": {"egy": "في القانون", "lev": "عن القانون"},
    "Physics": {"egy": "في الفيزياء", "lev": "فيزياء"},
    "Social Science": {"egy": "في العلوم الاجتماعية", "lev": "علوم اجتماعية"},
    "Management": {"egy": "في الإدارة", "lev": "عن الإدارة"},
    "Arabic Language": {"egy": "في اللغة العربية", "lev": "عن اللغة العربية"},
    "Political Science": {"egy": " في العلوم السياسية", "lev": " عن العلوم السياسية"},
    "Philosophy": {"egy": "في الفلسفة", "lev": "فلسفة"},
    "Accounting": {"egy": "في المحاسبة", "lev": "محاسبة"},
    "Computer Science": {"egy": "في علوم الحاسوب", "lev": "عن علوم الحاسوب"},
    "Geography": {"egy": "في الجغرافيا", "lev": "جغرافيا"},
    "Math": {"egy": "في الرياضيات", "lev": "رياضيات"},
    "Biology": {"egy": "في علم الأحياء", "lev": "بيولوجي"},
    "Economics": {"egy": "في الاقتصاد", "lev": "اقتصاد"},
    "Arabic Language (General)": {"egy": "في اللغة العربية (عام)", "lev": "لغة العربية (عام)"},
    "Arabic Language (Grammar)": {"egy": "في اللغة العربية (النحو)", "lev": "لغة العربية (نحو)"},
    "Civics": {"egy": "في التربية المدنية", "lev": "تربية مدنية"},
}
_HEADS = {"egy": "ده سؤال {}. اختار الإجابة الصحيحة!", "lev": "هيدا سؤال {}. نقي الجواب الصح!"}
_TAILS = {"egy": "إجابة:", "lev": "الجواب:"}


def egyptian(dataset: Dataset) -> Dataset:
    """Write the prompts in Egyptian Arabic.

    Args:
        dataset: Rows with ``Subject``, ``Level``, ``Country``, ``context``, ``question``, ``options`` and
            ``Answer Key``.

    Returns:
        The rows, with ``prompt``, ``choices`` and ``target``.
    """
    return dataset.map(partial(_format_doc, dialect="egy"))


def levantine(dataset: Dataset) -> Dataset:
    """Write the prompts in Levantine Arabic.

    Args:
        dataset: As for :func:`egyptian`.

    Returns:
        The rows, with ``prompt``, ``choices`` and ``target``.
    """
    return dataset.map(partial(_format_doc, dialect="lev"))


def _format_doc(doc: dict[str, Any], dialect: str) -> dict[str, Any]:
    about = _SUBJECTS[doc["Subject"]][dialect]
    if doc["Level"]:
        about += f" {_LEVELS[doc['Level']]}"
    if doc["Country"]:
        about += f" {_COUNTRIES[doc['Country']][dialect]}"
    question = f"{doc['context']}\n\n{doc['question']}" if doc["context"] else doc["question"]
    options = []
    for latin in _LATIN:
        if doc["options"].get(latin) is None:
            break
        options.append(doc["options"][latin])
    letters = _LETTERS[: len(options)]
    lines = "\n".join(f"{letter}- {option}" for letter, option in zip(letters, options, strict=True))
    head = _HEADS[dialect].format(about)
    return {
        "prompt": f"{head}\n\nسؤال: {question}\n{lines}\n\n{_TAILS[dialect]}",
        "choices": letters,
        "target": _LATIN.index(doc["Answer Key"]),
    }
