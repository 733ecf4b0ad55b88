"""Prompt formats: how a question is asked, by ``--tasks arc_easy@generate`` or by ``formats:`` in a task file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Literal, get_args

from lm_eval.errors import ConfigError, UnknownNameError, did_you_mean

__all__ = [
    "CONSTRAINED",
    "FORMAT_NAMES",
    "FormatSpec",
    "chosen_format",
    "format_name",
    "letters",
    "listing",
    "split_format",
]

CONSTRAINED = "+constrained"
"""Ends the name of a format whose answers the server may only choose among."""
_SIGN = "@"
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_Type = Literal["mcqa", "cloze", "generate", "cot"]


@dataclass(frozen=True)
class FormatSpec:
    """A format with all its fields, as results show it.

    ``instruction``, ``answer_instruction`` and ``answer_prompt`` are templates that may use ``_num_choices``,
    ``_choice_labels``, ``_choice_list_and`` and ``_choice_list_or``.
    """

    type: str
    """``mcqa``, ``cloze``, ``generate`` or ``cot``."""
    instruction: str | None = None
    """Text in front of the question."""
    question_prefix: str = "Question: "
    """Text in front of the question, after the instruction; left out where the question has such a line itself."""
    choice_labels: str | tuple[str, ...] | None = None
    """``letters``, ``numbers``, a list of labels, or null: the choices are not listed."""
    choice_delimiter: str = "\n"
    """Text between two choices."""
    section_separator: str = "\n"
    """Text between question, choices, ``answer_instruction`` and ``answer_prompt``."""
    answer_instruction: str | None = None
    """Text after the choices."""
    answer_prompt: str | None = "Answer:"
    """Last text of the prompt."""
    gen_prefix: str | None = None
    """Start of the answer, which the model continues."""
    answer_prefix: str = ""
    """Text in front of the answer: what the answers of few-shot examples start with, and what is looked for."""
    target_delimiter: str = " "
    """Text between prompt and answer."""
    fewshot_delimiter: str = "\n\n"
    """Text between few-shot examples."""
    max_gen_toks: int = 512
    """Maximum number of tokens of a generated answer."""
    constrained: bool = False
    """Whether the server may only choose among the answers."""
    scorer: str | None = None
    """Null: the answer that is taken from the text. The only value."""

    @property
    def generates(self) -> bool:
        """Whether the model writes its answer."""
        return self.type in ("generate", "cot")

    @property
    def name(self) -> str:
        """The name, as it follows ``@``."""
        return f"{self.type}{CONSTRAINED if self.constrained else ''}"

    def to_dict(self) -> dict[str, object]:
        """Return all fields as plain data."""
        labels = list(self.choice_labels) if isinstance(self.choice_labels, tuple) else self.choice_labels
        return {**asdict(self), "choice_labels": labels}

    def labels(self, count: int) -> list[str]:
        """Return the labels of choices.

        Args:
            count: The number of choices.

        Returns:
            One label each; an empty list if the format lists no choices.

        Raises:
            ConfigError: The format has fewer labels.
        """
        if self.choice_labels is None:
            return []
        if self.choice_labels == "numbers":
            return [str(number + 1) for number in range(count)]
        given = letters(count) if self.choice_labels == "letters" else list(self.choice_labels)
        if len(given) < count:
            raise ConfigError(f"format {self.name}: choice_labels has {len(given)} labels for {count} choices.")
        return given[:count]


_BUILT_IN = {
    "mcqa": FormatSpec("mcqa", choice_labels="letters"),
    "cloze": FormatSpec("cloze"),
    "generate": FormatSpec(
        "generate",
        instruction="Given the following question and {{ _num_choices }} candidate answers ({{ _choice_list_and }}), "
        "choose the best answer.\n",
        choice_labels="letters",
        answer_instruction='Your response should end with "The best answer is [answer_letter]" where the '
        "[answer_letter] is one of {{ _choice_list_or }}.",
        answer_prompt=None,
        answer_prefix="The best answer is ",
    ),
    "cot": FormatSpec(
        "cot",
        instruction="Given the following problem, reason step by step to find the final answer.\n",
        question_prefix="Problem: ",
        answer_instruction='Your response should end with "The final answer is [answer]" where [answer] is the '
        "response to the problem.",
        answer_prompt=None,
        answer_prefix="The final answer is ",
        max_gen_toks=2048,
    ),
}
FORMAT_NAMES = (*get_args(_Type), f"generate{CONSTRAINED}")
"""What may follow ``@``."""
_FIELDS = {item.name for item in fields(FormatSpec)}
_TEXTS = {
    "question_prefix",
    "choice_delimiter",
    "section_separator",
    "answer_prefix",
    "target_delimiter",
    "fewshot_delimiter",
}
_TEXTS_OR_NULL = {"instruction", "answer_instruction", "answer_prompt", "gen_prefix"}


def letters(count: int) -> list[str]:
    """Return the labels A, B, … Z, AA, AB, ….

    Args:
        count: How many.
    """
    pairs = (first + second for first in _ALPHABET for second in _ALPHABET)
    return [*_ALPHABET, *pairs][:count]


def listing(labels: Sequence[str], word: str) -> str:
    """Write labels as "A, B, C and D".

    Args:
        labels: The labels.
        word: ``and`` or ``or``.
    """
    return f"{', '.join(labels[:-1])} {word} {labels[-1]}" if len(labels) > 1 else "".join(labels)


def split_format(name: str) -> tuple[str, str | None]:
    """Split a name such as ``arc_easy@generate``.

    Args:
        name: A name, a pattern or a path.

    Returns:
        The part before the last ``@``, and the format; the complete name and None if there is no ``@``.

    Raises:
        UnknownNameError: No format has this name.
    """
    base, sign, wanted = name.rpartition(_SIGN)
    if not sign or not base:
        return name, None
    if wanted not in FORMAT_NAMES:
        raise UnknownNameError("format", wanted, FORMAT_NAMES, f"The formats are {', '.join(FORMAT_NAMES)}.")
    return base, wanted


def format_name(given: object) -> str:
    """Return the name of the format that ``formats`` of a task file asks for by default.

    Args:
        given: The value of ``formats``.

    Raises:
        ConfigError: The value is no format.
    """
    return chosen_format(given).name


def chosen_format(given: object, wanted: str | None = None) -> FormatSpec:
    """Read ``formats`` of a task file.

    Args:
        given: A name; a mapping with ``type`` and fields; a mapping of names to such fields, or to null; or None.
        wanted: The format that was asked for with ``@``; None takes the first.

    Returns:
        The format, with the fields that the task file sets for it.

    Raises:
        ConfigError: The value is no format.
    """
    offered = _offered(given)
    if wanted is None:
        if not offered:
            raise ConfigError(f"formats: {given!r} names no format; the formats are {', '.join(FORMAT_NAMES)}.")
        name, options = next(iter(offered.items()))
        return _spec(name, options)
    base = wanted.removesuffix(CONSTRAINED)
    options = offered.get(wanted) or offered.get(base) or {}
    return _spec(base, {**options, "constrained": wanted.endswith(CONSTRAINED)})


def _offered(given: object) -> dict[str, Mapping[str, object]]:
    """Return the formats of a task file by name, with their fields."""
    if given is None:
        return {}
    if isinstance(given, str):
        return {given: {}}
    if isinstance(given, Mapping):
        if "type" in given:
            return {str(given["type"]): {key: value for key, value in given.items() if key != "type"}}
        for name, options in given.items():
            if options is not None and not isinstance(options, Mapping):
                raise ConfigError(f"formats: the fields of {name!r} are a mapping, not {options!r}.")
        return {str(name): options or {} for name, options in given.items()}
    raise ConfigError(f"formats is a name or a mapping, not {given!r}.")


def _spec(name: str, options: Mapping[str, object]) -> FormatSpec:
    base = name.removesuffix(CONSTRAINED)
    if base not in _BUILT_IN:
        near = did_you_mean(base, FORMAT_NAMES)
        raise ConfigError(f"formats: unknown format {name!r}.{near} The formats are {', '.join(FORMAT_NAMES)}.")
    for key, value in options.items():
        if key not in _FIELDS - {"type"}:
            raise ConfigError(f"formats: {name} has no field {key!r}.{did_you_mean(key, _FIELDS)}")
        if not _fits(key, value):
            raise ConfigError(f"formats: {key} of {name} cannot be {value!r}.")
    given = {key: tuple(map(str, value)) if isinstance(value, list) else value for key, value in options.items()}
    if name.endswith(CONSTRAINED):
        given["constrained"] = True
    spec = replace(_BUILT_IN[base], **given)  # type: ignore[arg-type]
    if spec.constrained and (spec.type != "generate" or spec.choice_labels is None):
        raise ConfigError(f"formats: {spec.type} cannot be constrained; only generate, with labels, can.")
    if spec.type == "generate" and spec.choice_labels is None:
        raise ConfigError("formats: generate needs choice_labels; cot is the format without labels.")
    return spec


def _fits(key: str, value: object) -> bool:
    if key in _TEXTS:
        return isinstance(value, str)
    if key in _TEXTS_OR_NULL:
        return value is None or isinstance(value, str)
    if key == "constrained":
        return isinstance(value, bool)
    if key == "max_gen_toks":
        return isinstance(value, int) and not isinstance(value, bool) and value > 0
    if key == "choice_labels":
        return value in (None, "letters", "numbers") or (isinstance(value, (list, tuple)) and len(value) > 0)
    return value is None  # scorer
