"""metabench: each row brings its own shots, which become the start of its prompt."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lm_eval.tasks.shared.wikihow import hellaswag_question, without_marks
from lm_eval.text import sha256

if TYPE_CHECKING:
    from datasets import Dataset

__all__ = [
    "process_arc",
    "process_gsm8k",
    "process_hellaswag",
    "process_mmlu",
    "process_truthfulqa",
    "process_winogrande",
    "rows",
]

Doc = dict[str, Any]
Change = Callable[[Doc], Doc]


def rows(dataset: Dataset, change: Change, permute: Change | None = None) -> Dataset:
    """Add columns to each row, with the hash of its question.

    Args:
        dataset: Rows with a question and its shots.
        change: Returns the columns to add; ``original`` names the text to hash.
        permute: Changes the order of the choices before.
    """

    def add(doc: Doc) -> Doc:
        doc = {**doc, **(permute(doc) if permute else {})}
        added = change(doc)
        question = added.pop("original")
        return {**doc, **added, "original_hash": sha256(question)}

    return dataset.map(add)


def _solved(doc: Doc, name: str, shots: int) -> list[tuple[Any, Any]]:
    """Return question and answer of each shot whose columns are named alike."""
    question, answer = {"arc": ("question", "answerKey"), "gsm8k": ("prompt", "answer")}[name]
    places = range(1, shots + 1)
    return [(doc[f"{name}_{question}_shot_{shot}"], doc[f"{name}_{answer}_shot_{shot}"]) for shot in places]


def arc(doc: Doc) -> Doc:
    """Return the 25 shots of ARC.

    Args:
        doc: A row of the part ARC.
    """
    prompt = ""
    for shot, (question, key) in enumerate(_solved(doc, "arc", 25), 1):
        choices = doc[f"arc_choices_shot_{shot}"]
        prompt += f"Question: {question}\nAnswer: {choices['text'][choices['label'].index(key)]}\n\n"
    return {"twentyfive_shot_preprompt": prompt, "original": doc["question"]}


def gsm8k(doc: Doc) -> Doc:
    """Return the five shots of GSM8K.

    Args:
        doc: A row of the part GSM8K.
    """
    shots = _solved(doc, "gsm8k", 5)
    prompt = "".join(f"Question: {question}\nAnswer: {answer}\n\n" for question, answer in shots)
    return {"five_shot_preprompt": prompt, "original": doc["question"]}


def hellaswag(doc: Doc) -> Doc:
    """Return the ten shots of HellaSwag, and its question and choices as plain text.

    Args:
        doc: A row of the part HellaSwag.
    """
    prompt = ""
    for shot in range(1, 11):
        parts = [doc[f"hellaswag_{part}_shot_{shot}"] for part in ("activity_labels", "ctx_a", "ctx_b")]
        ending = doc[f"hellaswag_endings_shot_{shot}"][int(doc[f"hellaswag_label_shot_{shot}"])]
        prompt += f"{hellaswag_question(*parts)} {without_marks(ending)}\n\n"
    query = hellaswag_question(doc["activity_label"], doc["ctx_a"], doc["ctx_b"])
    choices = [without_marks(ending) for ending in doc["endings"]]
    shown = {"query": query, "choices": choices, "gold": int(doc["label"])}
    return {**shown, "ten_shot_preprompt": prompt, "original": query}


def mmlu(doc: Doc) -> Doc:
    """Return the instruction and the five shots of MMLU.

    Args:
        doc: A row of the part MMLU.
    """
    subject = " ".join(doc["subject"].split("_"))
    prompt = f"The following are multiple choice questions (with answers) about {subject}.\n\n"
    for shot in range(1, 6):
        lettered = zip("ABCD", doc[f"mmlu_choices_shot_{shot}"], strict=False)
        listed = "\n".join(f"{letter}. {choice}" for letter, choice in lettered)
        answer = "ABCD"[int(doc[f"mmlu_answers_shot_{shot}"])]
        prompt += f"{doc[f'mmlu_question_shot_{shot}'].strip()}\n{listed}\nAnswer: {answer}\n\n"
    return {"five_shot_preprompt": prompt, "original": doc["question"]}


def truthfulqa(doc: Doc) -> Doc:
    """Return no shots, since the prompt of TruthfulQA has its own.

    Args:
        doc: A row of the part TruthfulQA.
    """
    return {"original": doc["question"]}


def winogrande(doc: Doc) -> Doc:
    """Return the sentence after the five shots of WinoGrande.

    Args:
        doc: A row of the part Winogrande.
    """
    prompt = ""
    for shot in range(1, 6):
        answer = doc[f"winogrande_option{doc[f'winogrande_answer_shot_{shot}']}_shot_{shot}"]
        prompt += doc[f"winogrande_prompt_shot_{shot}"].replace("_", answer) + "\n\n"
    return {"sentence": prompt + doc["sentence"], "original": doc["sentence"]}


def process_arc(dataset: Dataset) -> Dataset:
    """Prepare the part ARC.

    Args:
        dataset: Its rows.
    """
    return rows(dataset, arc)


def process_gsm8k(dataset: Dataset) -> Dataset:
    """Prepare the part GSM8K.

    Args:
        dataset: Its rows.
    """
    return rows(dataset, gsm8k)


def process_hellaswag(dataset: Dataset) -> Dataset:
    """Prepare the part HellaSwag.

    Args:
        dataset: Its rows.
    """
    return rows(dataset, hellaswag)


def process_mmlu(dataset: Dataset) -> Dataset:
    """Prepare the part MMLU.

    Args:
        dataset: Its rows.
    """
    return rows(dataset, mmlu)


def process_truthfulqa(dataset: Dataset) -> Dataset:
    """Prepare the part TruthfulQA.

    Args:
        dataset: Its rows.
    """
    return rows(dataset, truthfulqa)


def process_winogrande(dataset: Dataset) -> Dataset:
    """Prepare the part Winogrande.

    Args:
        dataset: Its rows.
    """
    return rows(dataset, winogrande)
