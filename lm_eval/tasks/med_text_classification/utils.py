"""Medical texts: the topic of an abstract, or the specialty of a transcription."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lm_eval.tasks.shared.passages import lettered

if TYPE_CHECKING:
    from datasets import Dataset

_TOPICS = [
    "neoplasms",
    "digestive system diseases",
    "nervous system diseases",
    "cardiovascular diseases",
    "general pathological conditions",
]
_SPECIALTIES = [
    "Bariatrics",
    "Allergy / Immunology",
    "Dentistry",
    "Cardiovascular / Pulmonary",
    "Urology",
    "Hospice - Palliative Care",
    "Radiology",
    "Pediatrics - Neonatal",
    "Neurology",
    "Neurosurgery",
    "Emergency Room Reports",
    "IME-QME-Work Comp etc.",
    "Office Notes",
    "Surgery",
    "Letters",
    "Ophthalmology",
    "Hematology - Oncology",
    "Endocrinology",
    "Cosmetic / Plastic Surgery",
    "Diets and Nutritions",
    "Rheumatology",
    "Nephrology",
    "Physical Medicine - Rehab",
    "Podiatry",
    "Chiropractic",
    "Lab Medicine - Pathology",
    "Orthopedic",
    "Autopsy",
    "Psychiatry / Psychology",
    "Speech - Language",
    "ENT - Otolaryngology",
    "Sleep Medicine",
    "Dermatology",
    "SOAP / Chart / Progress Notes",
    "General Medicine",
    "Consult - History and Phy.",
    "Obstetrics / Gynecology",
    "Gastroenterology",
    "Pain Management",
    "Discharge Summary",
]


def process_docs(dataset: Dataset) -> Dataset:
    """Return the first tenth of the texts, rounded down.

    Args:
        dataset: All texts.
    """
    return dataset.select(range(int(0.1 * len(dataset))))


def process_docs_hard(dataset: Dataset) -> Dataset:
    """Return all texts.

    Args:
        dataset: All texts.
    """
    return dataset


def doc_to_text_easy(doc: dict[str, Any]) -> str:
    """Return the text with the topics and their letters.

    Args:
        doc: A row with ``text``.
    """
    head = "Classify the topic of the following medical text into one of the following choices."
    topics = lettered((f"{topic} " for topic in _TOPICS), "ABCDE")
    return f"{head} \nText: {doc['text']} \nChoices: \n{topics}\n Answer:"


def doc_to_choice_easy(doc: dict[str, Any]) -> list[str]:
    """Return the topics.

    Args:
        doc: Any row.
    """
    return _TOPICS


def doc_to_target_easy(doc: dict[str, Any]) -> int:
    """Return the place of the right topic.

    Args:
        doc: A row with ``class``, from 1 on.
    """
    return int(doc["class"]) - 1


def doc_to_text_hard(doc: dict[str, Any]) -> str:
    """Return the text with the specialties, written as a list of Python.

    Args:
        doc: A row with ``transcription``.
    """
    head = "Select the medical specialty the following text is talking about among the following choices."
    return f"{head} \nText: {doc['transcription']} \nChoices: {doc_to_choice_hard(doc)}\n Answer:"


def doc_to_choice_hard(doc: dict[str, Any]) -> list[str]:
    """Return the specialties, each after the space with which the data writes it.

    Args:
        doc: Any row.
    """
    return [f" {specialty}" for specialty in _SPECIALTIES]


def doc_to_target_hard(doc: dict[str, Any]) -> int:
    """Return the place of the right specialty.

    Args:
        doc: A row with ``medical_specialty``.
    """
    return doc_to_choice_hard(doc).index(doc["medical_specialty"])
