"""The prompts of MAFAND-MT, whose rows hold both languages under their codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = [
    "create_reverse_prompt_1",
    "create_reverse_prompt_2",
    "create_reverse_prompt_3",
    "create_text_prompt_1",
    "create_text_prompt_2",
    "create_text_prompt_3",
    "get_target",
    "get_target_reverse",
]

Doc = Mapping[str, Mapping[str, str]]

_EUROPEAN = {"en": "English", "fr": "French"}
_AFRICAN = {
    "amh": "Amharic",
    "bam": "Bambara",
    "bbj": "Gbomala",
    "ewe": "Ewe",
    "fon": "Fon",
    "hau": "Hausa",
    "ibo": "Igbo",
    "kin": "Kinyarwanda",
    "lug": "Luganda",
    "luo": "Luo",
    "mos": "Mossi",
    "nya": "Chichewa",
    "pcm": "Nigerian Pidgin",
    "sna": "Shona",
    "swa": "Swahili",
    "tsn": "Setswana",
    "twi": "Twi",
    "wol": "Wolof",
    "xho": "Xhosa",
    "yor": "Yoruba",
    "zul": "Zulu",
}


class _Side(NamedTuple):
    """A sentence and the name of its language."""

    language: str
    sentence: str


def _african(doc: Doc) -> _Side:
    code = next(code for code in doc["translation"] if code not in _EUROPEAN)
    return _Side(_AFRICAN[code], doc["translation"][code])


def _european(doc: Doc) -> _Side:
    code = "en" if "en" in doc["translation"] else "fr"
    return _Side(_EUROPEAN[code], doc["translation"][code])


def get_target(doc: Doc) -> str:
    """Return the English or French sentence.

    Args:
        doc: A row whose ``translation`` holds a sentence under each of two codes.
    """
    return _european(doc).sentence


def get_target_reverse(doc: Doc) -> str:
    """Return the sentence in the African language.

    Args:
        doc: A row, as of :func:`get_target`.
    """
    code = next(code for code in doc["translation"] if code not in _EUROPEAN)
    return doc["translation"][code]


def _translator(source: _Side, target: _Side) -> str:
    return (
        "You are an advanced Translator, a specialized assistant designed to translate documents from "
        f"{source.language} into {target.language}. \nYour main goal is to ensure translations are grammatically "
        f"correct and human-oriented. \n{source.language}: {source.sentence} \n{target.language}: "
    )


def create_text_prompt_1(doc: Doc) -> str:
    """Return the first prompt, from the African language."""
    return _translator(_african(doc), _european(doc))


def create_reverse_prompt_1(doc: Doc) -> str:
    """Return the first prompt, into the African language."""
    return _translator(_european(doc), _african(doc))


def create_text_prompt_2(doc: Doc) -> str:
    """Return the second prompt, from the African language."""
    source, target = _african(doc), _european(doc)
    return f"{source.language} sentence: {source.sentence} \n{target.language} sentence: "


def create_reverse_prompt_2(doc: Doc) -> str:
    """Return the second prompt, into the African language."""
    source, target = _european(doc), _african(doc)
    return f"{source.language} sentence: {source.sentence} \n{target.language} sentence: \n"


def create_text_prompt_3(doc: Doc) -> str:
    """Return the third prompt, from the African language."""
    source, target = _african(doc), _european(doc)
    return (
        f"You are a translation expert. Translate the following {source.language} sentences to {target.language}. \n"
        f"{source.language} sentence: {source.sentence}\n{target.language} sentence: "
    )


def create_reverse_prompt_3(doc: Doc) -> str:
    """Return the third prompt, into the African language."""
    source, target = _european(doc), _african(doc)
    return (
        f"You are a translation expert. Translate the following {source.language} sentence into {target.language}\n"
        f"{source.language} sentence: {source.sentence}\n{target.language} sentence: "
    )
