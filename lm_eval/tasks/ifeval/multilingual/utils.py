"""IFEval in Catalan and Spanish: the checks of English that stay, and those of the two languages.

spaCy counts words and sentences, with a model per language. An instruction's id starts with its language, such as
``es:punctuation:no_comma``.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import re
import string
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from lm_eval.errors import DatasetError, MissingPackageError
from lm_eval.tasks.ifeval.utils import CHECKERS, Checker, Values, agg_inst_level_acc, detect_language, loosened

__all__ = ["agg_inst_level_acc", "follows", "process_results"]

_MODELS = {"ca": "ca_core_news_sm", "es": "es_core_news_sm"}
# For the sentences of a response in another language.
_ANY_LANGUAGE = "xx_sent_ud_sm"
_ANSWERS = ("Sí.", "No.", "Quizás.")
_POSTSCRIPTS = {"P.D.": r"p\.\s?d\."}
_MARKERS = re.compile(r"(^\s*[\d]+\.\s*)|(^\s*[-*]\s*)", re.MULTILINE)
_SAME_IN_EVERY_LANGUAGE = (
    "keywords:existence",
    "keywords:forbidden_words",
    "language:response_language",
    "length_constraints:number_paragraphs",
    "detectable_content:number_placeholders",
    "detectable_format:number_highlighted_sections",
    "detectable_format:multiple_sections",
    "detectable_format:json_format",
    "detectable_format:title",
    "combination:two_responses",
    "combination:repeat_prompt",
    "punctuation:no_comma",
    "startend:quotation",
)


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, bool | list[bool]]:
    """Check a response against every instruction of its prompt.

    Args:
        doc: A row with ``instruction_id_list`` and ``kwargs``, one entry per instruction.
        results: The one response.

    Returns:
        ``prompt_level_*_acc``, whether all instructions are followed, and ``inst_level_*_acc``, which ones are;
        strict: by the response itself; loose: by the response with or without its first and last line and asterisks.
    """
    verdicts: dict[str, bool | list[bool]] = {}
    for name, responses in (("strict", [results[0]]), ("loose", loosened(results[0]))):
        pairs = zip(doc["instruction_id_list"], doc["kwargs"], strict=True)
        followed = [any(follows(response, rule, values) for response in responses) for rule, values in pairs]
        verdicts[f"prompt_level_{name}_acc"] = all(followed)
        verdicts[f"inst_level_{name}_acc"] = followed
    return verdicts


def follows(response: str, instruction: str, values: Values) -> bool:
    """Return whether a response follows an instruction; a response of white space follows none.

    Args:
        response: The response.
        instruction: The instruction's id.
        values: The values of the instruction.

    Raises:
        DatasetError: The id is not known, or a required value is missing.
    """
    language, _, rule = instruction.partition(":")
    checker = _checkers(language).get(rule) if language in _MODELS else None
    if checker is None:
        raise DatasetError(f"IFEval: unknown instruction {instruction!r}")
    try:
        return bool(response.strip()) and checker(response, {key: value for key, value in values.items() if value})
    except KeyError as missing:
        raise DatasetError(f"IFEval: instruction {instruction!r} has no value {missing}") from missing


def __getattr__(name: str) -> Callable[..., dict[str, bool | list[bool]]]:
    """Serve ``process_results_ca`` and ``process_results_es``, once what they need is known to be installed."""
    language = name.removeprefix("process_results_")
    if language not in _MODELS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    _require(_MODELS[language], _ANY_LANGUAGE)
    return process_results


def _require(*models: str) -> None:
    """Look for spaCy and its models before a model is asked; nothing is imported."""
    spec = importlib.util.find_spec("spacy")
    if spec is None:
        raise MissingPackageError('IFEval in Catalan and Spanish needs spaCy: pip install "lm-eval-api[tasks-es]"')
    missing = [model for model in models if importlib.util.find_spec(model) is None]
    # A module without a file is a stand-in, which loads models of its own.
    if missing and spec.origin:
        commands = "; ".join(f"python -m spacy download {model}" for model in missing)
        raise MissingPackageError(f"IFEval in Catalan and Spanish needs models of spaCy; install them: {commands}")


@functools.cache
def _model(name: str) -> Callable[[str], Any]:
    loaded: Callable[[str], Any] = importlib.import_module("spacy").load(name)
    return loaded


def _words(language: str, text: str) -> list[str]:
    return [token.text for token in _model(_MODELS[language])(text) if not token.is_punct]


def _compares(count: int, threshold: int, relation: str) -> bool:
    """Compare as this benchmark does: "less than" allows the number itself."""
    return count <= threshold if relation == "less than" else count >= threshold


def _has_keyword_often(response: str, values: Values) -> bool:
    count = len(re.findall(values["keyword"].strip(), response, re.IGNORECASE))
    return _compares(count, values["frequency"], values["relation"])


def _has_letter_often(response: str, values: Values) -> bool:
    count = response.lower().count(values["letter"].strip().lower())
    return _compares(count, values["let_frequency"], values["let_relation"])


def _has_words_first_in_paragraph(response: str, values: Values) -> bool:
    """Check the number of non-empty paragraphs, and the words, without punctuation, that one of them starts with."""
    paragraphs = [part.strip() for part in response.split("\n\n")]
    count, place = sum(map(bool, paragraphs)), values["nth_paragraph"]
    if place > count or not paragraphs[place - 1]:
        return False
    wanted = values["first_word"].lower().split()
    plain = str.maketrans("", "", string.punctuation)
    words = [word.translate(plain).lower() for word in paragraphs[place - 1].split()]
    return count == int(values["num_paragraphs"]) and words[: len(wanted)] == wanted


def _has_postscript(response: str, values: Values) -> bool:
    marker = values["postscript_marker"].strip()
    return re.search(_POSTSCRIPTS.get(marker, marker.lower()), response.lower()) is not None


def _has_bullets(response: str, values: Values) -> bool:
    return len(re.findall(r"^\s*\*[^\*].*$", response, re.MULTILINE)) == int(values["num_bullets"])


def _is_one_of_the_answers(response: str, _: Values) -> bool:
    return any(answer in response for answer in _ANSWERS)


def _ends_with_phrase(response: str, values: Values) -> bool:
    text = response.strip().strip('"').lower().removesuffix(".")
    return text.endswith(str(values["end_phrase"]).strip().lower())


def _has_question(response: str, _: Values) -> bool:
    return any(part.lstrip("¿").rstrip("?").strip() for part in re.findall(r"¿[^?]*\?", response))


def _has_exclamation(response: str, _: Values) -> bool:
    return any(part.lstrip("¡").rstrip("!").strip() for part in re.findall(r"¡[^!]*!", response))


def _has_sentences(response: str, values: Values, language: str) -> bool:
    found = detect_language(response.lower())
    model = _MODELS[language] if found in (None, language) else _ANY_LANGUAGE
    count = len(list(_model(model)(_MARKERS.sub("", response)).sents))
    return _compares(count, values["num_sentences"], values["relation"])


def _has_words(response: str, values: Values, language: str) -> bool:
    count = len(_words(language, _MARKERS.sub("", response).replace("\n", " ")))
    return _compares(count, values["num_words"], values["relation"])


def _has_capital_words(response: str, values: Values, language: str) -> bool:
    count = sum(word.isupper() for word in _words(language, response))
    return _compares(count, values["capital_frequency"], values["capital_relation"])


def _has_accented_words(response: str, values: Values, language: str) -> bool:
    count = sum(any(letter in "áéíóúÁÉÍÓÚ" for letter in word) for word in _words(language, response))
    return _compares(count, values["num_words"], values["relation"])


def _has_words_with(letter: str, response: str, values: Values, language: str) -> bool:
    return sum(letter in word.lower() for word in _words(language, response)) == int(values["let_frequency"])


def _is_capitals(response: str, _: Values, language: str) -> bool:
    letters = (sign for sign in unicodedata.normalize("NFKD", response) if not unicodedata.combining(sign))
    upper = all(sign.isupper() for sign in letters if sign.isalpha())
    return upper and detect_language(response.lower()) in (None, language)


def _is_lowercase(response: str, _: Values, language: str) -> bool:
    return response.islower() and detect_language(response) in (None, language)


@functools.cache
def _checkers(language: str) -> dict[str, Checker]:
    """Return the check of each instruction in a language."""
    name = {"ca": "catalan", "es": "spanish"}[language]
    own: dict[str, Callable[..., bool]] = {
        "length_constraints:number_words": _has_words,
        "length_constraints:number_sentences": _has_sentences,
        "change_case:capital_word_frequency": _has_capital_words,
        f"change_case:{name}_capital": _is_capitals,
        f"change_case:{name}_lowercase": _is_lowercase,
        "special_character:enie": functools.partial(_has_words_with, "ñ"),
        "special_character:tildes": _has_accented_words,
        "special_character:dieresis": functools.partial(_has_words_with, "ü"),
    }
    return {
        **{rule: CHECKERS[rule] for rule in _SAME_IN_EVERY_LANGUAGE},
        "keywords:frequency": _has_keyword_often,
        "keywords:letter_frequency": _has_letter_often,
        "length_constraints:nth_paragraph_first_word": _has_words_first_in_paragraph,
        "detectable_content:postscript": _has_postscript,
        "detectable_format:number_bullet_lists": _has_bullets,
        "detectable_format:constrained_response": _is_one_of_the_answers,
        "startend:end_checker": _ends_with_phrase,
        "punctuation:question_marks": _has_question,
        "punctuation:exclamation_marks": _has_exclamation,
        **{rule: functools.partial(check, language=language) for rule, check in own.items()},
    }
