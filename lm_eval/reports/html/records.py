"""One doc as the page carries it: prompts, answers, choices, target, what each filter made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval.config.redact import redact
from lm_eval.reports.html.choices import finite, gold, read_scored
from lm_eval.reports.html.lines import common_start, last_line, shorten
from lm_eval.reports.html.packing import to_text
from lm_eval.reports.html.prompts import Prompts

__all__ = ["FLAGS", "Record", "build"]

FLAGS = {"error": 1, "length": 2, "empty": 4, "refusal": 8, "filtered": 16, "reasoning_only": 32, "approximate": 64}
"""What may be odd about a doc's answers, as bits."""


@dataclass(slots=True)
class Record:
    """A doc, ready for the page.

    Attributes:
        data: What is shown of it, under short keys.
        settings: Its generation settings, which most docs of a task share.
        doc_id: Its index in the split.
        question: Its question, for the list.
        target: Its target, for the list.
        answers: Filter to its answer, for the list.
        flags: What is odd about it, of ``FLAGS``.
    """

    data: dict[str, Any]
    settings: Any
    doc_id: Any
    question: str
    target: str
    answers: dict[str, str]
    flags: int


def build(
    samples: Sequence[Mapping[str, Any]], prompts: Prompts, delimiter: str, others: Mapping[str, Mapping[str, Any]]
) -> Record:
    """Put a doc's samples, one a filter, together.

    Args:
        samples: The samples.
        prompts: Splits the task's prompts.
        delimiter: What stands between a prompt and a choice.
        others: Filter to the other run's sample of the doc.

    Returns:
        The record. Its keys: ``id``, ``p`` prompts, ``c`` choices ``[text, log-likelihood, greedy, prompt, per
        character]``, ``g`` right choices, ``a`` answers of each request, ``s`` settings, ``t`` target, ``d`` doc,
        ``e`` error, ``i`` what the endpoint said, ``f`` filters ``[name, answers, metrics]``, ``o`` the same of the
        other run.
    """
    first = samples[0]
    requests = _requests(first.get("arguments"))
    responses = [entry if isinstance(entry, list) else [entry] for entry in first.get("resps") or []]
    scored = [read_scored(entry) for entry in responses]
    data: dict[str, Any] = {"id": first.get("doc_id")}
    shown: list[Any] = []
    places = [_intern(request[0] if request else "", shown) for request in requests]
    data["p"] = [prompts.view(prompt, first.get("doc")) for prompt in shown]
    target, settings = first.get("target"), None
    if any(request[1:] and isinstance(request[1], Mapping) for request in requests):
        settings = next(request[1] for request in requests if request[1:])
    chosen = None
    if any(pair is not None for pair in scored) or (not responses and _continuations(requests)):
        data["c"] = _choices(requests, scored, places, delimiter, per_character="acc_norm" in first)
        # For acc_mutual_info each choice is also asked without the question, in the second half.
        asked = data["c"][: len(data["c"]) // 2] if "acc_mutual_info" in first else data["c"]
        chosen = _likeliest(asked)
        right = gold(target, [choice[0] for choice in asked], chosen, finite(first.get("acc")))
        if right:
            data["g"] = right
    else:
        data["a"] = [[to_text(answer) for answer in entry] for entry in responses]
    data["t"], data["d"] = to_text(target), to_text(first.get("doc"))
    data |= _notes(first)
    data["f"] = [_filtered(sample, scored="c" in data) for sample in samples]
    if others:
        data["o"] = _other(others)
    return Record(
        data=data,
        settings=settings,
        doc_id=first.get("doc_id"),
        question=_question(data["p"][0]) if data["p"] else "",
        target=_label(data, data["g"][0]) if "g" in data and len(data["c"]) > 1 else last_line(data["t"]),
        answers={str(sample.get("filter")): _answer(sample, data, chosen) for sample in samples},
        flags=_flags(first, data),
    )


def _requests(arguments: Any) -> list[list[Any]]:
    """Return the arguments of each request, from either way of writing them."""
    entries = list(arguments.values()) if isinstance(arguments, Mapping) else arguments or []
    return [list(entry.values()) if isinstance(entry, Mapping) else list(entry) for entry in entries]


def _intern(value: Any, values: list[Any]) -> int:
    if value not in values:
        values.append(value)
    return values.index(value)


def _continuations(requests: Sequence[Sequence[Any]]) -> bool:
    return bool(requests) and all(request[1:] and isinstance(request[1], str) for request in requests)


def _choices(
    requests: Sequence[Sequence[Any]],
    scored: Sequence[tuple[float | None, bool | None] | None],
    places: Sequence[int],
    delimiter: str,
    per_character: bool,
) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for request, place, pair in zip(requests, places, [*scored, *[None] * len(requests)], strict=False):
        text = request[1] if request[1:] and isinstance(request[1], str) else ""
        choice = text.removeprefix(delimiter) if delimiter else text
        likelihood, greedy = pair or (None, None)
        share = likelihood / len(choice) if per_character and choice and likelihood is not None else None
        rows.append([choice, likelihood, greedy, place, share])
    return rows


def _likeliest(choices: Sequence[Sequence[Any]]) -> int | None:
    known = [(choice[1], -index) for index, choice in enumerate(choices) if choice[1] is not None]
    return -max(known)[1] if known else None


def _notes(sample: Mapping[str, Any]) -> dict[str, Any]:
    notes: dict[str, Any] = {}
    if sample.get("error"):
        error = redact(sample["error"])
        notes["e"] = {key: to_text(entry) for key, entry in error.items()} if isinstance(error, dict) else {}
    if sample.get("response_info"):
        notes["i"] = [_info(entry) for entry in sample["response_info"] if isinstance(entry, Mapping)]
    return notes


def _info(info: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: info[key] for key in ("outcome", "finish_reason", "reasoning") if isinstance(info.get(key), str)}
    usage = info.get("usage")
    if isinstance(usage, Mapping):
        kept["usage"] = [[str(name), finite(count)] for name, count in usage.items() if finite(count) is not None]
    if info.get("approximate"):
        kept["approximate"] = True
    return kept


def _filtered(sample: Mapping[str, Any], scored: bool) -> list[Any]:
    """Return a filter's name, its answers (none for log-likelihoods), the metrics, and both of each repeat."""
    metrics = [[str(name), _metric(sample.get(name))] for name in sample.get("metrics") or ()]
    answers = [] if scored else [_each(entry) for entry in sample.get("filtered_resps") or []]
    entry = [str(sample.get("filter")), answers, metrics]
    repeats = sample.get("repeats")
    if isinstance(repeats, Mapping) and not scored:
        filtered = [_each(one) for one in repeats.get("filtered") or []]
        values = [[str(name), list(map(_metric, each))] for name, each in repeats.items() if name != "filtered"]
        entry.append([filtered, values])
    return entry


def _each(entry: Any) -> Any:
    if entry is None:
        return None
    return [to_text(one) for one in entry] if isinstance(entry, list) else to_text(entry)


def _metric(value: Any) -> Any:
    number = finite(value) if not isinstance(value, str) else None
    return to_text(value) if number is None else number


def _other(others: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    first = next(iter(others.values()))
    responses = [entry if isinstance(entry, list) else [entry] for entry in first.get("resps") or []]
    scored = [read_scored(entry) for entry in responses]
    data: dict[str, Any] = _notes(first)
    if any(pair is not None for pair in scored):
        data["c"] = [pair[0] if pair else None for pair in scored]
    else:
        data["a"] = [[to_text(answer) for answer in entry] for entry in responses]
    data["f"] = [_filtered(sample, scored="c" in data) for sample in others.values()]
    return data


def _question(prompt: Mapping[str, Any]) -> str:
    part = prompt["m"][1] if "m" in prompt else prompt
    return str(part["q"])


def _label(data: Mapping[str, Any], choice: int) -> str:
    """Name a choice: by its text, or by its prompt where only the prompts differ."""
    text, _, _, prompt, _ = data["c"][choice]
    if len({row[0] for row in data["c"]}) == 1 and len(data["p"]) > 1:
        questions = [_question(prompt) for prompt in data["p"]]
        text = questions[prompt][common_start(questions).rfind(" ") + 1 :]
    return str(text).strip() or f"choice {choice}"


def _answer(sample: Mapping[str, Any], data: Mapping[str, Any], chosen: int | None) -> str:
    if "e" in data:
        return shorten(str(data["e"].get("kind", "error")), 60)
    if "c" in data:
        if chosen is None or len(data["c"]) < 2:
            return "" if chosen is None else f"{data['c'][0][1]:.2f}"
        return shorten(_label(data, chosen), 60)
    entry = (sample.get("filtered_resps") or [""])[0]
    while isinstance(entry, list) and entry:
        entry = entry[0]
    return shorten(to_text(entry), 60)


def _flags(sample: Mapping[str, Any], data: Mapping[str, Any]) -> int:
    flags = FLAGS["error"] if "e" in data else 0
    for info in data.get("i", ()):
        flags |= FLAGS.get(info.get("outcome", ""), 0) | (FLAGS["approximate"] if info.get("approximate") else 0)
    if "a" in data and not flags and any(not answer.strip() for entry in data["a"] for answer in entry):
        flags |= FLAGS["empty"]
    return flags
