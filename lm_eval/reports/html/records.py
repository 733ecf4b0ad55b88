"""Put everything that the page shows about one document into a record."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from lm_eval.api.instance import ResponseInfo
from lm_eval.api.result_keys import split_unconditional
from lm_eval.config.redact import redact
from lm_eval.reports.html.choices import Choice, choices_of, gold, label, likeliest
from lm_eval.reports.html.judgements import Judged, judged
from lm_eval.reports.html.lines import last_line, one_line
from lm_eval.reports.html.packing import finite, to_text
from lm_eval.reports.html.prompts import Prompts, question_of
from lm_eval.results import Sample
from lm_eval.results.json_values import as_list

__all__ = ["FLAGS", "Record", "build"]

FLAGS = {
    "error": 1,
    "length": 2,
    "empty": 4,
    "refusal": 8,
    "filtered": 16,
    "reasoning_only": 32,
    "approximate": 64,
    "unjudged": 128,
    "differ": 256,
}
"""What may be unusual about the answers of a document and their judgement, as bits."""

_OF_A_TEXT = ("word_perplexity", "byte_perplexity", "bits_per_byte")
"""Metrics whose values are the log-likelihood of a text and its number of words or bytes."""
_MAX_EXPONENT = 700.0

_MAX_ANSWER = 60
"""Maximum number of characters of an answer in the list."""


@dataclass(slots=True)
class Record:
    """A document, ready for the page.

    Attributes:
        data: What the page shows of it, under short keys.
        settings: Its generation settings, which most documents of a task share; None without them.
        doc_id: Its index in the split.
        question: Its question with what a prompt writes around it, for the list.
        title: Its question alone; empty when the document has none, or its prompts have another.
        target: Its target, for the list.
        answers: Filter to its answer, for the list.
        flags: What is unusual about it, of ``FLAGS``.
        judged: What a judge said about it; None without a judge.
    """

    data: dict[str, object]
    settings: Mapping[str, object] | None
    doc_id: int | str | None
    question: str
    title: str
    target: str
    answers: dict[str, str]
    flags: int
    judged: Judged | None = None


def build(samples: Sequence[Sample], prompts: Prompts, delimiter: str, others: Mapping[str, Sample]) -> Record:
    """Build the record of a document.

    Args:
        samples: The document's samples, one per filter.
        prompts: Splits the task's prompts.
        delimiter: The text between a prompt and a choice.
        others: Filter to the other run's sample of the document.

    Returns:
        The record. Its keys: ``id``, ``p`` prompts, ``c`` choices ``[text, log-likelihood, greedy, prompt, per
        character]``, ``u`` how many of the choices, the last ones, were asked about without the question, ``g`` right
        choices, ``a`` answers to each request, ``s`` settings, ``r`` whether a complete text was scored, ``t`` target,
        ``d`` document, ``e`` error, ``i`` information from the endpoint, ``f`` filters ``[name, answers, metrics]``,
        ``j`` the judgement, ``o`` the same of the other run.
    """
    first = samples[0]
    requests = first.all_requests
    shown: list[object] = []
    places = [_intern(request.prompt, shown) for request in requests]
    views = [prompts.view(prompt, first.doc) for prompt in shown]
    questions = [view.question for view in views]
    choices = choices_of(requests, places, delimiter, per_character=first.value("acc_norm") is not None)
    asked, alone = split_unconditional(choices, first.line)
    chosen, target = likeliest(asked), to_text(first.target)
    right = gold(first.target, [choice.text for choice in asked], chosen, finite(first.value("acc")))
    rolling = len(requests) == 1 and len(requests[0].arguments) == 1 and bool(choices)
    answers = [] if choices else _responses(first)
    data: dict[str, object] = {"id": first.doc_id, "p": [view.data for view in views]}
    data |= {"c": [choice.row() for choice in choices]} if choices else {"a": answers}
    data |= {"u": len(alone)} if alone else {}
    data |= {"g": right} if choices and right else {}
    data |= {"r": True} if rolling else {}
    target = "" if rolling else target  # the text again
    data |= {"t": target, "d": to_text(first.doc), **_notes(first)}
    data["f"] = [_filtered(sample, scored=bool(choices)) for sample in samples]
    judgement = judged(first)
    if judgement is not None:
        data["j"] = judgement.data
    if others:
        data["o"] = _other(list(others.values()))
    return Record(
        data=data,
        settings=next((request.settings for request in requests if request.settings is not None), None),
        doc_id=first.doc_id,
        question=questions[0] if questions else "",
        title=_title(first.doc, questions),
        target=label(choices, right[0], questions) if right and len(choices) > 1 else last_line(target),
        answers={sample.filter: _answer(sample, choices, chosen, questions) for sample in samples},
        flags=_flags(first, answers, judgement),
        judged=judgement,
    )


def _title(doc: object, questions: Sequence[str]) -> str:
    question = question_of(doc)
    return question if question and questions and all(question in text for text in questions) else ""


def _intern(value: object, values: list[object]) -> int:
    if value not in values:
        values.append(value)
    return values.index(value)


def _responses(sample: Sample) -> list[list[str]]:
    return [[to_text(response) for response in request.responses] for request in sample.all_requests]


def _notes(sample: Sample) -> dict[str, object]:
    notes: dict[str, object] = {}
    if sample.error is not None:
        error = {name: value for name, value in asdict(sample.error).items() if value not in (None, "")}
        notes["e"] = {name: to_text(value) for name, value in redact(error).items()}
    if infos := sample.info:
        notes["i"] = [_info(info) for info in infos]
    return notes


def _info(info: ResponseInfo) -> dict[str, object]:
    texts = {"outcome": info.outcome, "finish_reason": info.finish_reason, "reasoning": info.reasoning}
    kept: dict[str, object] = {name: text for name, text in texts.items() if isinstance(text, str)}
    if info.usage is not None:
        kept["usage"] = [[kind, count] for kind, count in asdict(info.usage).items() if finite(count)]
    if info.approximate:
        kept["approximate"] = True
    return kept


def _filtered(sample: Sample, scored: bool) -> list[object]:
    """Return a filter's name, its answers (none for log-likelihoods), the metrics, and both for each repeat."""
    metrics = [[name, _metric(sample.value(name), name)] for name in sample.metrics]
    answers = [] if scored else [_each(entry) for entry in as_list(sample.filtered)]
    entry: list[object] = [sample.filter, answers, metrics]
    if (repeats := sample.repeats) is not None and not scored:
        values = [[name, list(map(_metric, each))] for name, each in repeats.values.items()]
        entry.append([list(map(_each, repeats.filtered)), values])
    return entry


def _each(entry: object) -> str | list[str] | None:
    if entry is None:
        return None
    return [to_text(answer) for answer in entry] if isinstance(entry, list) else to_text(entry)


def _metric(value: object, name: str = "") -> float | int | str:
    """Write a metric's value; of log-likelihood and weight of a text, its perplexity or bits."""
    parts = [number for part in as_list(value) if (number := finite(part)) is not None]
    if name in _OF_A_TEXT and len(parts) == 2 and parts[1] > 0:
        mean = -parts[0] / parts[1]
        value = mean / math.log(2) if name == "bits_per_byte" else math.exp(min(mean, _MAX_EXPONENT))
    number = None if isinstance(value, str) else finite(value)
    return to_text(value) if number is None else number


def _other(samples: Sequence[Sample]) -> dict[str, object]:
    first = samples[0]
    scored = [request.log_likelihood for request in first.all_requests]
    data = _notes(first)
    if any(scored):
        data["c"] = [finite(found.value) if found else None for found in scored]
    else:
        data["a"] = _responses(first)
    data["f"] = [_filtered(sample, scored="c" in data) for sample in samples]
    if (judgement := judged(first)) is not None:
        data["j"] = judgement.data
    return data


def _answer(sample: Sample, choices: Sequence[Choice], chosen: int | None, questions: Sequence[str]) -> str:
    if (error := sample.error) is not None:
        return one_line(error.kind, _MAX_ANSWER)
    if len(choices) == 1:
        value = choices[0].log_likelihood
        return "" if value is None else f"log-likelihood {value:,.2f}"
    if choices:
        return "" if chosen is None else one_line(label(choices, chosen, questions), _MAX_ANSWER)
    entry = next(iter(as_list(sample.filtered)), "")
    while isinstance(entry, list) and entry:
        entry = entry[0]
    return one_line(to_text(entry), _MAX_ANSWER)


def _flags(sample: Sample, answers: Sequence[Sequence[str]], judgement: Judged | None) -> int:
    flags = FLAGS["error"] if sample.is_lost else 0
    for info in sample.info:
        flags |= FLAGS.get(str(info.outcome), 0) | (FLAGS["approximate"] if info.approximate else 0)
    if not flags and any(not answer.strip() for each in answers for answer in each):
        flags |= FLAGS["empty"]
    if judgement is not None:
        flags |= FLAGS["unjudged"] * judgement.unjudged | FLAGS["differ"] * (judgement.differ > 0)
    return flags
