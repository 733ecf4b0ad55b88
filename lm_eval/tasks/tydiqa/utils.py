"""TyDi QA, gold passage task: the rows of one language, and their scores."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from lm_eval.errors import nearest
from lm_eval.tasks.shared.spans import answer_texts, process_results

if TYPE_CHECKING:
    from datasets import Dataset

# ISO 639-1 to the name in a row's id, such as "arabic--2387335860751143628-1".
_LANGUAGES = {
    "ar": "arabic",
    "bn": "bengali",
    "en": "english",
    "fi": "finnish",
    "id": "indonesian",
    "ko": "korean",
    "ru": "russian",
    "sw": "swahili",
    "te": "telugu",
}


def process_docs_lang(dataset: Dataset, lang: str) -> Dataset:
    """Keep the rows of a language, and of their answers only the texts.

    Args:
        dataset: Rows of all languages.
        lang: The language's name in the ids.
    """
    return answer_texts(dataset.filter(lambda doc: doc["id"].startswith(f"{lang}-")))


def __getattr__(name: str) -> Callable[..., Any]:
    """Serve ``process_docs_xx`` and ``process_results_xx`` of each language."""
    kind, _, code = name.rpartition("_")
    if kind == "process_docs" and code in _LANGUAGES:
        return partial(process_docs_lang, lang=_LANGUAGES[code])
    if kind == "process_results" and code in _LANGUAGES:
        return partial(process_results, language=code)
    names = [f"{kind}_{code}" for kind in ("process_docs", "process_results") for code in _LANGUAGES]
    close = nearest(name, names)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}" + (f"; nearest: {close[0]}" if close else ""))
