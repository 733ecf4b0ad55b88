"""A sample read once: a document under one filter, with its requests, responses and scores."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import zip_longest
from math import isfinite
from typing import TypeVar

from lm_eval.api.instance import RequestError, ResponseInfo, Usage
from lm_eval.api.result_keys import split_unconditional
from lm_eval.results.json_values import as_list, as_mapping, as_number
from lm_eval.text import sha256

__all__ = [
    "HASHED",
    "LogLikelihood",
    "Repeats",
    "Request",
    "Sample",
    "file_form",
    "number_in",
    "read_log_likelihood",
    "task_hash",
    "with_numbers",
]

T = TypeVar("T")

HASHED = ("doc_hash", "prompt_hash", "target_hash")
"""What a sample says about what was asked; ``task_hash`` is over these."""

_TRUTHS = {"True": True, "False": False}
_FIELDS = {"RequestError": fields(RequestError), "ResponseInfo": fields(ResponseInfo), "Usage": fields(Usage)}


@dataclass(frozen=True, slots=True)
class LogLikelihood:
    """The log-likelihood of a continuation or of a text.

    Attributes:
        value: The natural logarithm of the probability; None when the file holds no number.
        is_greedy: Whether greedy decoding would give the continuation; None of a text alone.
    """

    value: float | None
    is_greedy: bool | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A request of a document with its responses.

    Attributes:
        arguments: What the model was given: ``(prompt, continuation)``, ``(text,)`` or ``(prompt, settings)``, and of
            multimodal tasks a mapping of media after them; empty when the sample does not say.
        responses: One response per repeat.
        filtered: What the sample's filter made of the responses.
    """

    arguments: tuple[object, ...]
    responses: Sequence[object]
    filtered: object = None

    @property
    def prompt(self) -> object:
        """The prompt: a text, or chat messages; an empty text when the sample does not say."""
        return self.arguments[0] if self.arguments else ""

    @property
    def continuation(self) -> str | None:
        """The text whose log-likelihood is asked for; None for other requests."""
        second = self.arguments[1] if len(self.arguments) > 1 else None
        return second if isinstance(second, str) else None

    @property
    def settings(self) -> Mapping[str, object] | None:
        """The generation settings; None for requests of log-likelihoods."""
        second = self.arguments[1] if len(self.arguments) > 1 else None
        return second if isinstance(second, Mapping) else None

    @property
    def log_likelihood(self) -> LogLikelihood | None:
        """The first response as a log-likelihood; None when it is a text or missing."""
        return read_log_likelihood(self.responses[0]) if self.responses else None


@dataclass(frozen=True, slots=True)
class Repeats:
    """The repeats of a document, of tasks with ``over_repeats``.

    Attributes:
        filtered: The filtered answer of each repeat.
        values: Metric to one value per repeat.
    """

    filtered: Sequence[object]
    values: Mapping[str, Sequence[object]]


class Sample:
    """A document under one filter: a line of a samples file, or an entry of ``results["samples"]``.

    Files of this package and of the reference harness are read alike. Only what is used is parsed.

    Attributes:
        line: The line as it was written.
    """

    __slots__ = ("line",)  # what is read is not kept: the samples of two runs have to fit in memory

    def __init__(self, line: Mapping[str, object]) -> None:
        """Wrap a line.

        Args:
            line: The line, parsed from JSON, or an entry of ``results["samples"]``.
        """
        self.line = line

    @property
    def doc_id(self) -> int | str | None:
        """The document's index in its split."""
        doc_id = self.line.get("doc_id")
        return doc_id if isinstance(doc_id, int | str) else None

    @property
    def doc(self) -> object:
        """The document."""
        return self.line.get("doc")

    @property
    def target(self) -> object:
        """The right answer."""
        return self.line.get("target")

    @property
    def filter(self) -> str:
        """The filter pipeline's name; ``none`` when the line does not say."""
        return str(self.line.get("filter", "none"))

    @property
    def metrics(self) -> list[str]:
        """The names of the metrics that scored the document."""
        return [str(name) for name in as_list(self.line.get("metrics"))]

    def value(self, metric: str) -> object:
        """Return a metric's value of the document.

        Args:
            metric: The metric's name.

        Returns:
            A number, or the parts of a score over all documents; None when there is none.
        """
        return self.line.get(metric)

    def number(self, metric: str) -> float | None:
        """Return a metric's value of the document when it is a finite number.

        Args:
            metric: The metric's name.

        Returns:
            The number; None when there is none, or something else, such as the parts of a corpus score.
        """
        value = self.line.get(metric)
        return float(value) if isinstance(value, int | float) and isfinite(value) else None

    @property
    def all_requests(self) -> list[Request]:
        """Every request of the document, those without the question last."""
        arguments, filtered = self.line.get("arguments"), self.line.get("filtered_resps")
        calls = list(arguments.values()) if isinstance(arguments, Mapping) else list(as_list(arguments))
        responses = [entry if isinstance(entry, list | tuple) else [entry] for entry in as_list(self.line.get("resps"))]
        made_of = list(as_list(filtered))[: max(len(calls), len(responses))]
        return [
            Request(_arguments(call), answers or (), result)
            for call, answers, result in zip_longest(calls, responses, made_of)
        ]

    @property
    def requests(self) -> Sequence[Request]:
        """The requests with the question."""
        return split_unconditional(self.all_requests, (*self.line, *self.metrics))[0]

    @property
    def unconditional(self) -> Sequence[Request]:
        """The requests about the same choices without the question, of ``acc_mutual_info``; else empty."""
        return split_unconditional(self.all_requests, (*self.line, *self.metrics))[1]

    @property
    def filtered(self) -> object:
        """What the filter made of all responses, as written: usually one entry per request."""
        return self.line.get("filtered_resps")

    @property
    def is_lost(self) -> bool:
        """Whether the document has no score because a request failed."""
        return self.line.get("error") is not None

    @property
    def error(self) -> RequestError | None:
        """Why the document has no score; None when it has one."""
        given = self.line.get("error")
        if given is None:
            return None
        return _build(RequestError, {"kind": "error", "message": "", **as_mapping(given)})

    @property
    def info(self) -> list[ResponseInfo]:
        """What the endpoint said about responses that were cut, empty, refused, reasoned or approximate."""
        return [_response_info(note) for note in as_list(self.line.get("response_info")) if isinstance(note, Mapping)]

    @property
    def repeats(self) -> Repeats | None:
        """The answers and values of each repeat; None without ``over_repeats``."""
        given = self.line.get("repeats")
        if not isinstance(given, Mapping):
            return None
        values = {str(name): as_list(entry) for name, entry in given.items() if name != "filtered"}
        return Repeats(as_list(given.get("filtered")), values)

    @property
    def cluster(self) -> str | None:
        """What documents of one cluster share; None without ``cluster_key``."""
        return self._text("cluster")

    @property
    def doc_hash(self) -> str | None:
        """The SHA-256 of the document; None when the line has none."""
        return self._text("doc_hash")

    @property
    def prompt_hash(self) -> str | None:
        """The SHA-256 of the first prompt; None when the line has none."""
        return self._text("prompt_hash")

    @property
    def target_hash(self) -> str | None:
        """The SHA-256 of the target; None when the line has none."""
        return self._text("target_hash")

    def _text(self, key: str) -> str | None:
        value = self.line.get(key)
        return None if value is None else str(value)


def _arguments(call: object) -> tuple[object, ...]:
    """Read a request's arguments, from either way of writing them."""
    if isinstance(call, tuple):
        return call
    if isinstance(call, Mapping):
        return tuple(call.values())
    return (call,) if isinstance(call, str) else tuple(as_list(call))


def file_form(sample: Mapping[str, object]) -> Mapping[str, object]:
    """Write a sample as files have it, its arguments as ``{"gen_args_0": {"arg_0": …, "arg_1": …}}``.

    Args:
        sample: An entry of ``results["samples"]``.

    Returns:
        The line of the samples file; the sample itself when its arguments are in that form.
    """
    arguments = sample.get("arguments")
    if not isinstance(arguments, list | tuple):
        return sample
    named = {
        f"gen_args_{index}": {f"arg_{place}": argument for place, argument in enumerate(_arguments(call))}
        for index, call in enumerate(arguments)
    }
    return {**sample, "arguments": named}


def task_hash(samples: Iterable[Mapping[str, object]]) -> str:
    """Hash what a task asked: the documents, prompts and targets of its samples, in order.

    Args:
        samples: Its samples, under all filters.

    Returns:
        A SHA-256, as 64 hexadecimal digits.
    """
    return sha256("".join(str(sample.get(key, "")) for sample in samples for key in HASHED))


def read_log_likelihood(response: object) -> LogLikelihood | None:
    """Read a response as a log-likelihood.

    Args:
        response: A pair of log-likelihood and whether it is greedy, which the reference harness writes as texts, or
            the log-likelihood of a text.

    Returns:
        The log-likelihood; None when the response is none.
    """
    if isinstance(response, list | tuple):
        if len(response) == 2 and str(response[1]) in _TRUTHS:
            value = number_in(response[0])
            return LogLikelihood(value if isinstance(value, int | float) else None, str(response[1]) == "True")
        return None
    number = as_number(response)
    return None if number is None else LogLikelihood(number)


def with_numbers(line: dict[str, object]) -> dict[str, object]:
    """Turn log-likelihoods that the reference harness writes as texts into numbers.

    Args:
        line: A line of a samples file; it is changed. Responses to requests for text stay as they are.

    Returns:
        The line.
    """
    arguments = line.get("arguments")
    calls = list(arguments.values()) if isinstance(arguments, Mapping) else as_list(arguments)
    numeric = [_asks_log_likelihood(call) for call in calls]
    if any(numeric):
        for key in ("resps", "filtered_resps"):
            given = as_list(line.get(key))
            if len(given) == len(numeric):
                line[key] = [number_in(value) if is_ll else value for value, is_ll in zip(given, numeric, strict=True)]
    return line


def _asks_log_likelihood(call: object) -> bool:
    """Tell a prompt with a continuation, or a text alone, from a prompt with generation settings."""
    if not isinstance(call, list | Mapping):
        return False
    arguments = _arguments(call)
    return not (len(arguments) > 1 and isinstance(arguments[1], Mapping))


def number_in(value: object) -> object:
    """Turn texts of numbers and truth values into these, in lists, too.

    Args:
        value: A value of a file of the reference harness.

    Returns:
        The number or truth value; anything else unchanged.
    """
    if isinstance(value, list):
        return [number_in(item) for item in value]
    if not isinstance(value, str):
        return value
    if value in _TRUTHS:
        return _TRUTHS[value]
    try:
        return float(value)
    except ValueError:
        return value


def _response_info(note: Mapping[str, object]) -> ResponseInfo:
    usage = note.get("usage")
    return _build(ResponseInfo, {**note, "usage": _build(Usage, usage) if isinstance(usage, Mapping) else None})


def _build(kind: type[T], given: Mapping[str, object]) -> T:
    """Build a dataclass from the keys it knows; a later version may have written more."""
    return kind(**{field.name: given[field.name] for field in _FIELDS[kind.__name__] if field.name in given})
