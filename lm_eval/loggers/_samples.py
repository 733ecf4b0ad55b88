"""The samples of a task as services take them: rows of a table, or conversations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval.results.atomic import to_json

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
"""The columns before those of the metrics."""


def sample_rows(samples: Sequence[Mapping[str, Any]], output_type: str = "") -> tuple[list[str], list[list[Any]]]:
    """Lay a task's samples out as a table.

    Args:
        samples: The samples.
        output_type: The task's.

    Returns:
        The columns and the rows: ``data`` is the prompt, ``input_len`` its characters, ``labels`` the target,
        ``raw_predictions`` the response or the likeliest choice's index; the metrics' columns come last.
    """
    metrics = list(dict.fromkeys(metric for sample in samples for metric in sample.get("metrics", ())))
    rows = []
    for sample in samples:
        prompt = _prompt(sample)
        shown = [
            sample.get("doc_id"),
            sample.get("filter"),
            prompt,
            _choices(sample, output_type),
            len(prompt),
            _text(sample.get("target")),
            output_type,
            _prediction(_first_responses(sample), output_type),
            _prediction(_conditional(sample, sample.get("filtered_resps")), output_type),
            _text((sample.get("error") or {}).get("message", "")),
        ]
        rows.append([*shown, *(_cell(sample.get(metric)) for metric in metrics)])
    return [*SAMPLE_COLUMNS, *metrics], rows


def conversation(
    task: str, sample: Mapping[str, Any], output_type: str = ""
) -> tuple[list[dict[str, str]], dict[str, Any]]:
    """Show a sample as what was asked and what came back.

    Args:
        task: The task's name.
        sample: The sample.
        output_type: The task's.

    Returns:
        The messages and what else is known: task, doc, target, filter, scores.
    """
    choices = _choices(sample, output_type)
    prompt = _prompt(sample) + (f"\n\n{choices}" if choices else "")
    facts = {
        "task": task,
        "doc_id": sample.get("doc_id"),
        "target": _text(sample.get("target")),
        "filter": sample.get("filter"),
        "output_type": output_type,
        "filtered": _prediction(_conditional(sample, sample.get("filtered_resps")), output_type),
        **({"error": _text(sample["error"])} if sample.get("error") else {}),
        **{metric: _cell(sample.get(metric)) for metric in sample.get("metrics", ())},
    }
    said = {"role": "assistant", "content": _prediction(_first_responses(sample), output_type)}
    return [{"role": "user", "content": prompt}, said], facts


def _requests(sample: Mapping[str, Any]) -> list[list[Any]]:
    """The arguments of each request, whether in memory or as files have them."""
    arguments = sample.get("arguments") or ()
    if isinstance(arguments, Mapping):
        arguments = [tuple(named.values()) for named in arguments.values()]
    return [list(request) for request in arguments]


def _prompt(sample: Mapping[str, Any]) -> str:
    requests = _requests(sample)
    return _text(requests[0][0]) if requests and requests[0] else ""


def _conditional(sample: Mapping[str, Any], entries: Sequence[Any] | None) -> Sequence[Any]:
    """Leave out the second half, where each choice is also asked without the prompt, for acc_mutual_info."""
    entries = entries or ()
    return entries[: len(entries) // 2] if "acc_mutual_info" in sample.get("metrics", ()) else entries


def _first_responses(sample: Mapping[str, Any]) -> list[Any]:
    return [response[0] if response else None for response in _conditional(sample, sample.get("resps"))]


def _choices(sample: Mapping[str, Any], output_type: str) -> str:
    """The choices, numbered from 0, a line each."""
    if output_type != "multiple_choice":
        return ""
    texts = [_text(request[1]) if len(request) > 1 else "" for request in _conditional(sample, _requests(sample))]
    return "\n".join(f"{index}. {text}" for index, text in enumerate(texts))


def _prediction(responses: Sequence[Any], output_type: str) -> str:
    """The response; of several choices, the index of the likeliest."""
    if output_type == "multiple_choice":
        scores = [pair[0] for pair in responses if isinstance(pair, Sequence) and pair and not isinstance(pair, str)]
        return str(max(range(len(scores)), key=scores.__getitem__)) if scores else ""
    if len(responses) == 1:
        return _text(responses[0])
    return _text(list(responses)) if responses else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value)


def _cell(value: Any) -> Any:
    """A number or text as it is; the rest as JSON, so that a column has one type."""
    return value if value is None or isinstance(value, (bool, int, float, str)) else _text(value)
