"""What is known about a cell from its folder: whether its results are there, and whether documents were lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lm_eval.config.redact import redact
from lm_eval.errors import UserError
from lm_eval.results import find, load
from lm_eval.results.atomic import write_atomically
from lm_eval.results.collect import incomplete
from lm_eval.sweep.file import Cell

__all__ = ["Outcome", "begin", "forget", "outcome_of"]

_FILE = "cell.json"
_NOT_COUNTED = frozenset(
    {"output_path", "verbosity", "fresh", "show_config", "intervals", "wandb_args", "wandb_config_args", "trackio_args"}
    | {"mlflow_args", "hf_hub_log_args", "max_errors"}
)
_NOT_COUNTED_ARGS = frozenset(
    {"num_concurrent", "timeout", "connect_timeout", "max_retries", "retry_time", "requests_per_minute"}
    | {"tokens_per_minute", "max_cost", "max_time", "max_tokens_total", "price_in", "price_out", "auth_token", "header"}
)
"""Options and arguments of the model that change no answer, so that results remain those of the cell."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The results of a cell.

    Attributes:
        path: The results file.
        lost: The number of documents that were lost.
        incomplete: Whether the run would exit with 3: too many documents, a task or a score is missing.
    """

    path: Path
    lost: int
    incomplete: bool


def begin(cell: Cell) -> None:
    """Write down what a cell asks, before it starts.

    Results that are there already count only if the cell was begun with the same settings.

    Args:
        cell: The cell.
    """
    kept = _kept(cell)
    if kept.get("settings") == _settings(cell):
        return
    before = sorted(str(path.relative_to(cell.folder)) for path in _files(cell))
    cell.folder.mkdir(parents=True, exist_ok=True)
    named = {"model": cell.model, "tasks": cell.tasks, "chosen": redact(dict(cell.settings))}
    text = json.dumps({**named, "settings": _settings(cell), "other_results": before}, indent=2, default=str)
    write_atomically(cell.folder / _FILE, [text, "\n"])


def forget(cell: Cell) -> None:
    """Let the results of a cell no longer count.

    Args:
        cell: The cell.
    """
    (cell.folder / _FILE).unlink(missing_ok=True)


def outcome_of(cell: Cell) -> Outcome | None:
    """Look for the results of a cell.

    Args:
        cell: The cell.

    Returns:
        Those of its last run; None if there are none, or if they are those of other settings.
    """
    kept = _kept(cell)
    if kept.get("settings") != _settings(cell):
        return None
    others = kept.get("other_results") or []
    for path in reversed(_files(cell)):
        if str(path.relative_to(cell.folder)) in others:
            continue
        try:
            results = load(path).results
        except UserError:
            continue  # a file that was cut, or is none of ours
        errors = results.get("errors")
        lost = errors.get("lost") if isinstance(errors, Mapping) else 0
        return Outcome(path, lost if isinstance(lost, int) else 0, incomplete(results))
    return None


def _files(cell: Cell) -> list[Path]:
    """Return the results files of a cell, oldest first."""
    try:
        return find(cell.folder)
    except UserError:  # there is none
        return []


def _kept(cell: Cell) -> dict[str, Any]:
    try:
        found = json.loads((cell.folder / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _settings(cell: Cell) -> dict[str, object]:
    """Return the options that decide what is asked, without secrets."""
    options = {key: value for key, value in cell.options.items() if key not in _NOT_COUNTED}
    given = options.get("model_args")
    if isinstance(given, Mapping):
        options["model_args"] = {key: given[key] for key in given if key not in _NOT_COUNTED_ARGS}
    plain: dict[str, object] = json.loads(json.dumps(redact(options), sort_keys=True, default=str))
    return plain
