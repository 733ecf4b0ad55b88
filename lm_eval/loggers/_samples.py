"""The samples of a task as trackers take them: rows of a table, or conversations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lm_eval.results.atomic import to_json
from lm_eval.results.sample import Request, Sample, read_log_likelihood

__all__ = ["SAMPLE_COLUMNS", "conversation", "sample_rows"]

SAMPLE_COLUMNS = [
    "id",
    "filter",
    "data",
    "choices",
    "input_len",
    "labels",
    "output_type",
    "raw_predictions",
    "filtered_predictions",
    "error",
]
"""The columns before the columns of the metrics."""


def sample_rows(samples: Sequence[Sample], output_type: str = "") -> tuple[list[str], list[list[object]]]:
    """Lay a task's samples out as a table.

    Args:
        samples: The samples.
        output_type: The task's.

    Returns:
        The columns and the rows: ``data`` is the prompt, ``input_len`` its characters, ``labels`` the target,
        ``raw_predictions`` the response or the likeliest choice's index; the metrics' columns come last.
    """
    metrics = list(dict.fromkeys(metric for sample in samples for metric in sample.metrics))
    rows = []
    for sample in samples:
        prompt = _prompt(sample)
        shown: list[object] = [
            sample.doc_id,
            sample.filter,
            prompt,
            _choices(sample, output_type),
            len(prompt),
            _text(sample.target),
            output_type,
            _prediction(_first_responses(sample.requests), output_type),
            _prediction([request.filtered for request in sample.requests], output_type),
            sample.error.message if sample.error is not None else "",
        ]
        rows.append([*shown, *(_cell(sample.value(metric)) for metric in metrics)])
    return [*SAMPLE_COLUMNS, *metrics], rows


def conversation(task: str, sample: Sample, output_type: str = "") -> tuple[list[dict[str, str]], dict[str, object]]:
    """Show a sample as a question and the model's answer.

    Args:
        task: The task's name.
        sample: The sample.
        output_type: The task's.

    Returns:
        The messages, and further facts: task, document, target, filter, scores.
    """
    choices = _choices(sample, output_type)
    prompt = _prompt(sample) + (f"\n\n{choices}" if choices else "")
    facts = {
        "task": task,
        "doc_id": sample.doc_id,
        "target": _text(sample.target),
        "filter": sample.filter,
        "output_type": output_type,
        "filtered": _prediction([request.filtered for request in sample.requests], output_type),
        **({"error": _text(sample.line["error"])} if sample.is_lost else {}),
        **{metric: _cell(sample.value(metric)) for metric in sample.metrics},
    }
    answer = _prediction(_first_responses(sample.requests), output_type)
    return [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}], facts


def _prompt(sample: Sample) -> str:
    return _text(sample.requests[0].prompt) if sample.requests else ""


def _first_responses(requests: Iterable[Request]) -> list[object]:
    return [request.responses[0] if request.responses else None for request in requests]


def _choices(sample: Sample, output_type: str) -> str:
    """Write the choices, numbered from 0, one per line."""
    if output_type != "multiple_choice":
        return ""
    return "\n".join(f"{index}. {request.continuation or ''}" for index, request in enumerate(sample.requests))


def _prediction(responses: Sequence[object], output_type: str) -> str:
    """Return the response; of several choices, the index of the likeliest."""
    if output_type == "multiple_choice":
        found = [read_log_likelihood(response) for response in responses]
        scores = [float("-inf") if each.value is None else each.value for each in found if each is not None]
        return str(max(range(len(scores)), key=scores.__getitem__)) if scores else ""
    if all(response is None for response in responses):
        return ""
    return _text(responses[0] if len(responses) == 1 else list(responses))


def _text(value: object) -> str:
    return value if isinstance(value, str) else to_json(value)


def _cell(value: object) -> object:
    """Return numbers and texts unchanged and the rest as JSON, so that a column has one type."""
    return value if value is None or isinstance(value, bool | int | float | str) else _text(value)
