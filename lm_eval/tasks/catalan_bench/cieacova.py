"""CIEACOVA: Valencian language exams, each with an example of the same kind of exercise from the training split."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets import Dataset

_REPO = "gplsi/cieacova"
_FOR_LOADING = [
    *("cache_dir", "data_dir", "data_files", "download_config", "download_mode", "keep_in_memory", "num_proc"),
    *("revision", "save_infos", "split", "storage_options", "streaming", "token", "verification_mode"),
]


def load_cieacova_dataset(**kwargs: Any) -> Any:
    """Load one part of the dataset with fixed column types.

    A column that is empty in one split would get another type there.

    Args:
        **kwargs: ``dataset_name``, which is needed, ``dataset_repo``, and options of ``datasets.load_dataset``.

    Returns:
        The splits, or the one that ``split`` asks for.

    Raises:
        ValueError: ``dataset_name`` is missing.
    """
    from datasets import Features, Sequence, Value, load_dataset

    name = kwargs.get("dataset_name")
    if not name:
        raise ValueError("dataset_kwargs needs dataset_name: multiple_choice or text_generation")
    text = Value("string")
    origin = ["Anotador", "Año", "Dificultad", "Fuente", "Idioma", "Mes", "N. Pregunta", "Sección"]
    features = Features(
        {column: text for column in ("Tarea", "Instrucción", "Pista", "Pregunta")}
        | {"Respuesta": Sequence(text), "Opciones": Sequence(text)}
        | {"Metadata": {key: text for key in origin}, "Prompt": text, "Subtarea": text}
    )
    options = {key: value for key, value in kwargs.items() if key in _FOR_LOADING}
    return load_dataset(kwargs.get("dataset_repo", _REPO), name, features=features, **options)


def _strings(value: Any) -> list[str]:
    """Return the non-empty strings of a list, or of a list that was written as a string."""
    if isinstance(value, str):
        try:
            read = ast.literal_eval(value.strip())
        except (SyntaxError, ValueError):
            read = None
        if not isinstance(read, list | tuple):
            return [part.strip().strip("'\"") for part in value.strip().strip("[]").split(",") if part.strip()]
        value = read
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        return [str(value).strip()]
    return [str(part).strip() for part in value if str(part).strip()]


def _instruction(doc: Mapping[str, Any]) -> str:
    return (doc.get("Instrucción") or "").replace('"[MASK]"', "[MASK]")


def _bullets(options: Sequence[str]) -> str:
    return "\n".join(f"- {option}" for option in options)


def _choice_hint(example: Mapping[str, Any]) -> str:
    return f"Exemple opcions de resposta:\n{_bullets(_strings(example.get('Opciones')))}\n\n"


def _word_hint(example: Mapping[str, Any]) -> str:
    hint = example.get("Pista", "")
    return f"Exemple PISTA:\n{hint}\n\n" if hint else ""


@functools.cache
def _examples(part: str) -> dict[str, Mapping[str, Any]]:
    """Return the first training row of each instruction."""
    rows: dict[str, Mapping[str, Any]] = {}
    for row in load_cieacova_dataset(dataset_name=part, split="train"):
        if instruction := _instruction(row):
            rows.setdefault(instruction, row)
    return rows


def _example(part: str, instruction: str, hint: Callable[[Mapping[str, Any]], str]) -> str:
    """Write the example for an instruction; an instruction without one gets no text."""
    row = _examples(part).get(instruction)
    if row is None:
        return ""
    answer = next(iter(_strings(row.get("Respuesta"))), "")
    asked = f"Exemple de text a resoldre:\n{row.get('Pregunta', '')}\n\n"
    return f"{asked}{hint(row)}Exemple resposta:\n{answer}\n\n---\n\n"


def process_docs(dataset: Dataset) -> Dataset:
    """Add the example, the options and the indices of the right ones.

    Args:
        dataset: Rows of the part ``multiple_choice``.
    """

    def change(doc: dict[str, Any]) -> dict[str, Any]:
        instruction, options = _instruction(doc), _strings(doc.get("Opciones"))
        right = [options.index(answer) for answer in _strings(doc.get("Respuesta")) if answer in options]
        return {
            **doc,
            "Instrucción": instruction,
            "dynamic_fewshot": _example("multiple_choice", instruction, _choice_hint),
            "parsed_opciones": options or [""],
            "parsed_opciones_text": _bullets(options or [""]),
            "parsed_respuesta": right or [0],
        }

    return dataset.map(change)


def process_gen_docs(dataset: Dataset) -> Dataset:
    """Add the example and the accepted answers.

    Args:
        dataset: Rows of the part ``text_generation``.
    """

    def change(doc: dict[str, Any]) -> dict[str, Any]:
        instruction = _instruction(doc)
        return {
            **doc,
            "Instrucción": instruction,
            "dynamic_fewshot": _example("text_generation", instruction, _word_hint),
            "parsed_respuesta": _strings(doc.get("Respuesta")) or [""],
        }

    return dataset.map(change)


def _also_by_part(doc: Mapping[str, Any], scores: Mapping[str, float]) -> dict[str, float]:
    """Repeat the scores under the document's level and kind of exercise."""
    level = doc.get("Metadata", {}).get("Dificultad", "Desconocida")
    parts = {f"{name}_{part}": score for part in (level, doc["Subtarea"]) for name, score in scores.items()}
    return {**scores, **parts}


def process_results(doc: dict[str, Any], results: Sequence[tuple[float, bool]]) -> dict[str, float]:
    """Score the most likely option, and the most likely per character.

    Args:
        doc: A row of :func:`process_docs`.
        results: Log-likelihood (nats) and greediness of each option.

    Returns:
        ``acc`` and ``acc_norm``, also with the level and the kind of exercise as suffix.
    """
    logprobs = [logprob for logprob, _ in results]
    options, right = doc["parsed_opciones"], doc["parsed_respuesta"]
    per_character = [logprob / max(1, len(option)) for logprob, option in zip(logprobs, options, strict=True)]
    scores = {
        name: float(max(range(len(values)), key=values.__getitem__) in right)
        for name, values in (("acc", logprobs), ("acc_norm", per_character))
    }
    return _also_by_part(doc, scores)


def process_results_text_generation(doc: dict[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Compare letters and digits of the response, and the signs that occur in an accepted answer.

    Args:
        doc: A row of :func:`process_gen_docs`.
        results: The one response.

    Returns:
        ``exact_match``, also with the level and the kind of exercise as suffix.
    """
    answers = doc["parsed_respuesta"]
    signs = {sign for answer in answers for sign in answer if not sign.isalnum() and not sign.isspace()}

    def clean(text: str) -> str:
        return "".join(sign.lower() for sign in text if sign.isalnum() or sign in signs)

    right = clean(results[0]) in [clean(answer) for answer in answers]
    return _also_by_part(doc, {"exact_match": float(right)})
