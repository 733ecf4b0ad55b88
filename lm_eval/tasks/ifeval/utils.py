"""IFEval: one checker per kind of instruction, and the strict and loose verdicts on a response.

A checker gets the response and the instruction's values and returns whether the response follows it. Values that are
patterns in the dataset (keywords, section names) are used as patterns here.
"""

from __future__ import annotations

import functools
import importlib
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lm_eval.errors import DatasetError, MissingPackageError

if TYPE_CHECKING:
    from datasets import Dataset

Values = dict[str, Any]
Checker = Callable[[str, Values], bool]

_ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_POSTSCRIPTS = {"P.S.": r"p\.\s?s\.", "P.P.S": r"p\.\s?p\.\s?s"}
# Abbreviations: a period after one of these does not end a sentence.
_ABBREVIATIONS = """
mr mrs ms messrs dr prof gen col maj lt sen rep reps adm st jr sr ph.d m.b.a inc corp co cos ltd bros cie v vs c p yr
a.m p.m a.d j.k u.s u.k u.n u.s.a u.s.s.r d.c n.y n.j n.h n.c n.d n.m s.c r.i l.a w.va w.w s.a s.p.a n.v s.s ave ct ft
jan feb aug sep sept oct nov dec tues wed fri ala ariz calif colo conn fla ga ill kan ky mich minn nev okla ore pa tenn
va vt wash wis
"""
# Words that start a sentence even after an abbreviation.
_OPENERS = """
the he it they i this these there in if when while although since however but so thus some many most both yet instead
moreover furthermore finally according indeed nevertheless meanwhile under among despite even still such following
overall please here your her which
"""
# Words that are not names: after a single letter they start a sentence; a name would follow its initial.
_PLAIN_WORDS = """
a about after again all also always an and another any are as at be because before being by can could did do does don't
during each every find finish first for from give had has have hers his how i'm include is it's its
let let's make might must my never next no not now of on once one only or other our second she should simplify that
their them then therefore they're third those to today two until was we were what where who why will with
without would write you
"""


def process_docs(dataset: Dataset) -> Dataset:
    """Return the rows unchanged, after a check that they can be scored.

    Args:
        dataset: The rows.

    Returns:
        The same rows.

    Raises:
        MissingPackageError: A package that scoring needs is missing; raised here, before the model is asked.
    """
    _package("nltk")
    _package("langdetect")
    return dataset


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, bool | list[bool]]:
    """Check a response against every instruction of its prompt.

    Args:
        doc: A row with ``instruction_id_list`` and ``kwargs``, one entry per instruction.
        results: The one response.

    Returns:
        ``prompt_level_*_acc``, whether all instructions are followed, and ``inst_level_*_acc``, which ones are;
        strict: by the response itself; loose: by any of :func:`loosened`.
    """
    strict = _followed(doc, [results[0]])
    loose = _followed(doc, loosened(results[0]))
    return {
        "prompt_level_strict_acc": all(strict),
        "inst_level_strict_acc": strict,
        "prompt_level_loose_acc": all(loose),
        "inst_level_loose_acc": loose,
    }


def agg_inst_level_acc(items: Iterable[Sequence[bool]]) -> float:
    """Return the share of all instructions of all documents that are followed.

    Args:
        items: For each document, which of its instructions are followed.
    """
    verdicts = [verdict for doc in items for verdict in doc]
    return sum(verdicts) / len(verdicts)


def loosened(response: str) -> list[str]:
    """Return a response with and without its first line, its last line and its asterisks.

    Args:
        response: The response.

    Returns:
        The response and its seven variants.
    """
    lines = response.split("\n")
    parts = [response, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    return parts + [part.replace("*", "") for part in parts]


def _followed(doc: dict[str, Any], responses: Sequence[str]) -> list[bool]:
    pairs = zip(doc["instruction_id_list"], doc["kwargs"], strict=True)
    return [any(follows(response, name, values) for response in responses) for name, values in pairs]


def follows(response: str, instruction: str, values: Values) -> bool:
    """Return whether a response follows an instruction; a response of white space follows none.

    Args:
        response: The response.
        instruction: The instruction's id, such as ``"punctuation:no_comma"``.
        values: The values of the instruction; the id decides which keys are used.

    Returns:
        The verdict.

    Raises:
        DatasetError: The id is not known, or a required value is missing.
    """
    checker = CHECKERS.get(instruction)
    if checker is None:
        raise DatasetError(f"IFEval: unknown instruction {instruction!r}")
    try:
        return bool(response.strip()) and checker(response, {key: value for key, value in values.items() if value})
    except KeyError as missing:
        raise DatasetError(f"IFEval: instruction {instruction!r} has no value {missing}") from missing


def _compares(count: int, threshold: int, relation: str) -> bool:
    return count < threshold if relation == "less than" else count >= threshold


def _matches(pattern: str, response: str) -> int:
    return len(re.findall(pattern, response, flags=re.IGNORECASE))


def _has_keywords(response: str, values: Values) -> bool:
    return all(re.search(keyword, response, re.IGNORECASE) for keyword in values["keywords"])


def _has_keyword_often(response: str, values: Values) -> bool:
    return _compares(_matches(values["keyword"].strip(), response), values["frequency"], values["relation"])


def _lacks_words(response: str, values: Values) -> bool:
    return not any(re.search(rf"\b{word}\b", response, re.IGNORECASE) for word in values["forbidden_words"])


def _has_letter_often(response: str, values: Values) -> bool:
    count = response.lower().count(values["letter"].strip().lower())
    return _compares(count, values["let_frequency"], values["let_relation"])


def _is_in_language(response: str, values: Values) -> bool:
    return detect_language(response) in (None, values["language"])


def _has_sentences(response: str, values: Values) -> bool:
    return _compares(len(sentences(response)), values["num_sentences"], values["relation"])


def _has_words(response: str, values: Values) -> bool:
    return _compares(len(re.findall(r"\w+", response)), values["num_words"], values["relation"])


def _has_divided_paragraphs(response: str, values: Values) -> bool:
    """Check paragraphs that are divided by ``***``; only the first and the last may be empty."""
    first, *rest = (bool(part.strip()) for part in response.split("***"))
    inner = rest[:-1]
    return all(inner) and sum((first, *rest)) == int(values["num_paragraphs"])


def _has_word_first_in_paragraph(response: str, values: Values) -> bool:
    """Check the number of non-empty paragraphs; the index of a paragraph counts empty ones too."""
    paragraphs = [part.strip() for part in response.split("\n\n")]
    count, place = sum(map(bool, paragraphs)), values["nth_paragraph"]
    if place > count or not paragraphs[place - 1]:
        return False
    word = paragraphs[place - 1].split()[0].lstrip("'").lstrip('"')
    first = re.split(r"[.,?!'\"]", word)[0].lower()
    return count == int(values["num_paragraphs"]) and first == str(values["first_word"]).lower()


def _has_placeholders(response: str, values: Values) -> bool:
    return len(re.findall(r"\[.*?\]", response)) >= int(values["num_placeholders"])


def _has_postscript(response: str, values: Values) -> bool:
    marker = values["postscript_marker"].strip()
    return re.search(_POSTSCRIPTS.get(marker, marker.lower()), response.lower()) is not None


def _has_bullets(response: str, values: Values) -> bool:
    stars, dashes = (re.findall(rf"^\s*{mark}.*$", response, re.MULTILINE) for mark in (r"\*[^*]", "-"))
    return len(stars) + len(dashes) == int(values["num_bullets"])


def _is_one_of_the_answers(response: str, _: Values) -> bool:
    return any(answer in response for answer in _ANSWERS)


def _has_highlights(response: str, values: Values) -> bool:
    """Count ``*text*`` and, separately, ``**text**``."""
    single = (part.strip("*") for part in re.findall(r"\*[^\n*]*\*", response))
    double = re.findall(r"\*\*([^\n*]*)\*\*", response)
    return sum(bool(part.strip()) for part in (*single, *double)) >= int(values["num_highlights"])


def _has_sections(response: str, values: Values) -> bool:
    pattern = rf"(?:{values['section_spliter'].strip()})\s?\d+"
    return sum(1 for _ in re.finditer(pattern, response)) >= int(values["num_sections"])


def _is_json(response: str, _: Values) -> bool:
    text = response.strip()
    for fence in ("```json", "```Json", "```JSON", "```"):
        text = text.removeprefix(fence)
    try:
        json.loads(text.removesuffix("```").strip())
    except ValueError:
        return False
    return True


def _has_title(response: str, _: Values) -> bool:
    return any(title.lstrip("<").rstrip(">").strip() for title in re.findall(r"<<[^\n]+>>", response))


def _has_two_responses(response: str, _: Values) -> bool:
    """Check two different texts, divided by ``******``; only the first and the last part may be empty."""
    parts = [part.strip() for part in response.split("******")]
    filled = [part for part in parts if part]
    return all(parts[1:-1]) and len(filled) == 2 and filled[0] != filled[1]


def _repeats_the_prompt(response: str, values: Values) -> bool:
    return response.strip().lower().startswith(str(values["prompt_to_repeat"]).strip().lower())


def _ends_with_phrase(response: str, values: Values) -> bool:
    return response.strip().strip('"').lower().endswith(str(values["end_phrase"]).strip().lower())


def _has_capital_words(response: str, values: Values) -> bool:
    count = sum(word.isupper() for sentence in sentences(response) for word in _words(sentence))
    return _compares(count, values["capital_frequency"], values["capital_relation"])


def _is_english_capitals(response: str, _: Values) -> bool:
    return response.isupper() and detect_language(response) in (None, "en")


def _is_english_lowercase(response: str, _: Values) -> bool:
    return response.islower() and detect_language(response) in (None, "en")


def _has_no_comma(response: str, _: Values) -> bool:
    return "," not in response


def _is_quoted(response: str, _: Values) -> bool:
    text = response.strip()
    return len(text) > 1 and text[0] == text[-1] == '"'


CHECKERS: dict[str, Checker] = {
    "keywords:existence": _has_keywords,
    "keywords:frequency": _has_keyword_often,
    "keywords:forbidden_words": _lacks_words,
    "keywords:letter_frequency": _has_letter_often,
    "language:response_language": _is_in_language,
    "length_constraints:number_sentences": _has_sentences,
    "length_constraints:number_paragraphs": _has_divided_paragraphs,
    "length_constraints:number_words": _has_words,
    "length_constraints:nth_paragraph_first_word": _has_word_first_in_paragraph,
    "detectable_content:number_placeholders": _has_placeholders,
    "detectable_content:postscript": _has_postscript,
    "detectable_format:number_bullet_lists": _has_bullets,
    "detectable_format:constrained_response": _is_one_of_the_answers,
    "detectable_format:number_highlighted_sections": _has_highlights,
    "detectable_format:multiple_sections": _has_sections,
    "detectable_format:json_format": _is_json,
    "detectable_format:title": _has_title,
    "combination:two_responses": _has_two_responses,
    "combination:repeat_prompt": _repeats_the_prompt,
    "startend:end_checker": _ends_with_phrase,
    "startend:quotation": _is_quoted,
    "change_case:capital_word_frequency": _has_capital_words,
    "change_case:english_capital": _is_english_capitals,
    "change_case:english_lowercase": _is_english_lowercase,
    "punctuation:no_comma": _has_no_comma,
}


def sentences(text: str) -> list[str]:
    """Split English text into sentences, by the rules of Punkt (Kiss & Strunk, 2006) and the abbreviations above.

    Args:
        text: The text.

    Returns:
        The sentences, in order.
    """
    found: list[str] = _splitter().tokenize(text)
    return found


@functools.cache
def _splitter() -> Any:
    punkt = _package("nltk.tokenize.punkt")
    parameters = punkt.PunktParameters()
    parameters.abbrev_types.update(_ABBREVIATIONS.split())
    parameters.sent_starters.update(_OPENERS.split())
    for word in (_OPENERS + _PLAIN_WORDS).split():
        parameters.add_ortho_context(word, punkt._ORTHO_MID_LC | punkt._ORTHO_MID_UC)
    return punkt.PunktSentenceTokenizer(parameters)


def _words(sentence: str) -> list[str]:
    """Split a sentence into words and punctuation, as the Penn Treebank does."""
    found: list[str] = _package("nltk.tokenize.destructive").NLTKWordTokenizer().tokenize(sentence)
    return found


def detect_language(text: str) -> str | None:
    """Return the most likely language (ISO 639-1); None if the text has no features.

    Args:
        text: The text.
    """
    errors = _package("langdetect.lang_detect_exception")
    detector = _languages().create()
    detector.append(text)
    try:
        return str(detector.detect())
    except errors.LangDetectException:
        return None


@functools.cache
def _languages() -> Any:
    module = _package("langdetect.detector_factory")
    factory = module.DetectorFactory()
    factory.load_profile(module.PROFILES_DIRECTORY)
    # langdetect samples the text at random; with a seed, a response always gets the same verdict.
    factory.seed = 0
    return factory


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.split(".")[0]
        raise MissingPackageError(f'ifeval needs {package}: pip install "lm-eval-api[tasks]"') from error


@dataclass
class InputExample:
    """A prompt with its instructions.

    Attributes:
        key: The number of the prompt.
        instruction_id_list: The ids of its instructions.
        prompt: The prompt.
        kwargs: The values of each instruction; None for those that it does not have.
    """

    key: int
    instruction_id_list: list[str]
    prompt: str
    kwargs: list[Values]


@dataclass
class OutputExample:
    """The verdicts on a response.

    Attributes:
        instruction_id_list: The ids of the instructions.
        prompt: The prompt.
        response: The response.
        follow_all_instructions: Whether all are followed.
        follow_instruction_list: Which ones are followed.
    """

    instruction_id_list: list[str]
    prompt: str
    response: str
    follow_all_instructions: bool
    follow_instruction_list: list[bool]


def test_instruction_following_strict(inp: InputExample, response: str) -> OutputExample:
    """Check a response itself.

    Args:
        inp: The prompt with its instructions.
        response: The response.
    """
    return _verdicts(inp, response, [response])


def test_instruction_following_loose(inp: InputExample, response: str) -> OutputExample:
    """Check a response and its variants; an instruction is followed if one of them follows it.

    Args:
        inp: The prompt with its instructions.
        response: The response.
    """
    return _verdicts(inp, response, loosened(response))


def _verdicts(inp: InputExample, response: str, variants: Sequence[str]) -> OutputExample:
    followed = _followed({"instruction_id_list": inp.instruction_id_list, "kwargs": inp.kwargs}, variants)
    return OutputExample(inp.instruction_id_list, inp.prompt, response, all(followed), followed)
