"""One class per kind of instruction: it is described with values, then responses are checked.

The verdicts are those of ``lm_eval.tasks.ifeval.utils``. A value that is left out is drawn at random, from a range of
the size that the benchmark's prompts have.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, ClassVar

from lm_eval.tasks.ifeval.instructions_util import LANGUAGE_CODES, generate_keywords
from lm_eval.tasks.ifeval.utils import CHECKERS

_RELATIONS = ("less than", "at least")


def _up_to(highest: int, lowest: int = 1) -> Callable[[], object]:
    return lambda: random.randint(lowest, highest)


def _one_of(*values: object) -> Callable[[], object]:
    return lambda: random.choice(values)


_relation = _one_of(*_RELATIONS)


class Instruction:
    """An instruction with its values.

    Attributes:
        kind: The id of the instruction in the dataset.
        text: The description, with places for values.
        draws: Value to what draws it where it is left out; in the order of the description's arguments.
    """

    kind: ClassVar[str] = ""
    text: ClassVar[str] = ""
    draws: ClassVar[dict[str, Callable[[], object]]] = {}

    def __init__(self, instruction_id: str) -> None:
        """Create an instruction without values.

        Args:
            instruction_id: Its id in the dataset.
        """
        self.id = instruction_id
        self._values: dict[str, Any] = {}

    def build_description(self, *values: object, **named: object) -> str:
        """Set the values.

        Args:
            *values: The values in order; None draws one.
            **named: The same, by name.

        Returns:
            The instruction in words.

        Raises:
            TypeError: The instruction has no such value.
            ValueError: A relation is none of ``less than`` and ``at least``.
        """
        given = {**dict(zip(self.draws, values, strict=False)), **named}
        for name in given:
            if name not in self.draws:
                raise TypeError(f"{type(self).__name__}.build_description has no argument {name!r}.")
        drawn = {name: draw() if given.get(name) is None else given[name] for name, draw in self.draws.items()}
        self._values = {name: value.strip() if isinstance(value, str) else value for name, value in drawn.items()}
        for name, value in self._values.items():
            if name.endswith("relation") and value not in _RELATIONS:
                raise ValueError(f"The supported relation for comparison must be in {_RELATIONS}, not {value!r}.")
        if "letter" in self._values:
            self._values["letter"] = self._values["letter"].lower()
        return self.text.format(**self._values)

    def get_instruction_args(self) -> dict[str, Any] | None:
        """Return the values that were set; None for an instruction that has none."""
        return dict(self._values) if self.draws else None

    def get_instruction_args_keys(self) -> list[str]:
        """Return the names of the values."""
        return list(self.draws)

    def check_following(self, value: str) -> bool:
        """Return whether a response follows the instruction.

        Args:
            value: The response.
        """
        return bool(CHECKERS[self.kind](value, self._values))


class ResponseLanguageChecker(Instruction):
    """The language of the response."""

    kind = "language:response_language"
    text = "The complete response is in the language with the code {language}; no other language is allowed."
    draws: ClassVar = {"language": _one_of(*LANGUAGE_CODES)}


class NumberOfSentences(Instruction):
    """The number of sentences."""

    kind = "length_constraints:number_sentences"
    text = "The response has {relation} {num_sentences} sentences."
    draws: ClassVar = {"num_sentences": _up_to(20), "relation": _relation}


class PlaceholderChecker(Instruction):
    """Placeholders in square brackets."""

    kind = "detectable_content:number_placeholders"
    text = "The response has at least {num_placeholders} placeholders in square brackets, such as [name]."
    draws: ClassVar = {"num_placeholders": _up_to(4)}


class BulletListChecker(Instruction):
    """The number of bullet points."""

    kind = "detectable_format:number_bullet_lists"
    text = "The response has exactly {num_bullets} bullet points of Markdown, such as: * A point."
    draws: ClassVar = {"num_bullets": _up_to(5)}


class ConstrainedResponseChecker(Instruction):
    """One of three answers."""

    kind = "detectable_format:constrained_response"
    text = "The response has one of these: My answer is yes. My answer is no. My answer is maybe."


class HighlightSectionChecker(Instruction):
    """Highlighted parts."""

    kind = "detectable_format:number_highlighted_sections"
    text = "At least {num_highlights} parts of the response are highlighted with Markdown, such as *this part*."
    draws: ClassVar = {"num_highlights": _up_to(4)}


class SectionChecker(Instruction):
    """Numbered sections."""

    kind = "detectable_format:multiple_sections"
    text = "The response has {num_sections} sections; each starts with {section_spliter} and its number."
    draws: ClassVar = {"section_spliter": _one_of("Section", "SECTION"), "num_sections": _up_to(5)}


class ParagraphChecker(Instruction):
    """The number of paragraphs."""

    kind = "length_constraints:number_paragraphs"
    text = "The response has {num_paragraphs} paragraphs, with *** between them."
    draws: ClassVar = {"num_paragraphs": _up_to(5)}


class PostscriptChecker(Instruction):
    """A postscript."""

    kind = "detectable_content:postscript"
    text = "The response ends with a postscript that starts with {postscript_marker}"
    draws: ClassVar = {"postscript_marker": _one_of("P.S.", "P.P.S")}


class KeywordChecker(Instruction):
    """Words that must be there."""

    kind = "keywords:existence"
    text = "The response has the words {keywords}."
    draws: ClassVar = {"keywords": lambda: generate_keywords(2)}


class KeywordFrequencyChecker(Instruction):
    """How often a word is there."""

    kind = "keywords:frequency"
    text = "The response has the word {keyword} {relation} {frequency} times."
    draws: ClassVar = {"keyword": lambda: generate_keywords(1)[0], "frequency": _up_to(3), "relation": _relation}


class NumberOfWords(Instruction):
    """The number of words."""

    kind = "length_constraints:number_words"
    text = "The response has {relation} {num_words} words."
    draws: ClassVar = {"num_words": _up_to(500, 100), "relation": _relation}


class JsonFormat(Instruction):
    """JSON."""

    kind = "detectable_format:json_format"
    text = "The complete response is JSON; it may be in a code block of Markdown."


class ParagraphFirstWordCheck(Instruction):
    """The first word of a paragraph."""

    kind = "length_constraints:nth_paragraph_first_word"
    text = (
        "The response has {num_paragraphs} paragraphs, with an empty line between them; "
        "paragraph {nth_paragraph} starts with the word {first_word}."
    )
    draws: ClassVar = {
        "num_paragraphs": _up_to(5),
        "nth_paragraph": lambda: 1,
        "first_word": lambda: generate_keywords(1)[0],
    }


class ForbiddenWords(Instruction):
    """Words that must not be there."""

    kind = "keywords:forbidden_words"
    text = "The response has none of the words {forbidden_words}."
    draws: ClassVar = {"forbidden_words": lambda: sorted(generate_keywords(2))}


class TwoResponsesChecker(Instruction):
    """Two different responses."""

    kind = "combination:two_responses"
    text = "The response is two different responses, with ****** between them."


class RepeatPromptThenAnswer(Instruction):
    """The request, then the answer."""

    kind = "combination:repeat_prompt"
    text = "The response repeats the request word for word, then answers it."
    draws: ClassVar = {"prompt_to_repeat": lambda: ""}

    def build_description(self, *values: object, **named: object) -> str:
        """Set the request.

        Args:
            *values: The request.
            **named: The same, as ``prompt_to_repeat``.

        Raises:
            ValueError: There is no request.
        """
        if not (values or named.get("prompt_to_repeat")):
            raise ValueError("prompt_to_repeat must be set.")
        return super().build_description(*values, **named)


class EndChecker(Instruction):
    """The last words."""

    kind = "startend:end_checker"
    text = "The response ends with these words and nothing after them: {end_phrase}"
    draws: ClassVar = {"end_phrase": _one_of("Any other questions?", "Is there anything else I can help with?")}


class TitleChecker(Instruction):
    """A title."""

    kind = "detectable_format:title"
    text = "The response has a title in double angular brackets, such as <<a title>>."


class LetterFrequencyChecker(Instruction):
    """How often a letter is there."""

    kind = "keywords:letter_frequency"
    text = "The response has the letter {letter} {let_relation} {let_frequency} times."
    draws: ClassVar = {
        "letter": _one_of(*"abcdefghijklmnopqrstuvwxyz"),
        "let_frequency": _up_to(10),
        "let_relation": _relation,
    }


class CapitalLettersEnglishChecker(Instruction):
    """English in capitals."""

    kind = "change_case:english_capital"
    text = "The complete response is in English and in capital letters."


class LowercaseLettersEnglishChecker(Instruction):
    """English in small letters."""

    kind = "change_case:english_lowercase"
    text = "The complete response is in English and in small letters; no capital letters are allowed."


class CommaChecker(Instruction):
    """No commas."""

    kind = "punctuation:no_comma"
    text = "The response has no commas."


class CapitalWordFrequencyChecker(Instruction):
    """How many words are in capitals."""

    kind = "change_case:capital_word_frequency"
    text = "The response has {capital_relation} {capital_frequency} words in capital letters."
    draws: ClassVar = {"capital_frequency": _up_to(20), "capital_relation": _relation}


class QuotationChecker(Instruction):
    """Quotation marks around all."""

    kind = "startend:quotation"
    text = "The complete response is in double quotation marks."
