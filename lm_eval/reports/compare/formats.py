"""Prompt formats in comparisons: a task in two formats is two tasks, unless the user says otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from lm_eval.config.formats import FORMAT_NAMES
from lm_eval.errors import ConfigError
from lm_eval.results import Run
from lm_eval.text import first_names

__all__ = ["bare_name", "check_formats", "lost_to_formats", "without_formats"]

_BY_TASK = (
    "results",
    "configs",
    "versions",
    "n-shot",
    "n-samples",
    "higher_is_better",
    "notes",
    "statistics",
    "missing",
    "group_subtasks",
    "task_hashes",
)
"""Sections of a results file whose keys are names of tasks and groups."""


def bare_name(name: str) -> str:
    """Return the name of a task or group without its format.

    Args:
        name: Such as ``arc_easy@generate``.
    """
    base, _, wanted = name.rpartition("@")
    return base if base and wanted in FORMAT_NAMES else name


def check_formats(run_a: Run, run_b: Run, tasks: Iterable[str]) -> None:
    """Refuse tasks with the same name that were asked in different formats.

    Args:
        run_a: A run.
        run_b: Another run.
        tasks: The tasks that both have.

    Raises:
        ConfigError: A task has another format in B than in A.
    """
    shown = [name for name in tasks if len({str(_format(run, name)) for run in (run_a, run_b)}) > 1]
    if shown:
        raise ConfigError(
            f"The runs asked {first_names(shown)} in different formats. Leave these tasks out with --tasks, or add "
            "--across_formats to compare them anyway."
        )


def lost_to_formats(run_a: Run, run_b: Run, only_a: Iterable[str]) -> set[str]:
    """Return the scores that a task of B lacks because it was asked in another format, such as ``acc_norm``.

    Args:
        run_a: A run.
        run_b: Another run.
        only_a: The tasks, and the scores of tasks of both, that only A has.

    Returns:
        Those of the scores whose task has another format in B.
    """
    both = {name for name in run_a.tasks if name in set(run_b.tasks) and _format(run_a, name) != _format(run_b, name)}
    return {name for name in only_a if name.rpartition(" ")[0] in both}


def _format(run: Run, name: str) -> object:
    formats = run.section("configs", name).get("formats")
    return sorted(formats.items(), key=str) if isinstance(formats, Mapping) else formats


def without_formats(run: Run) -> Run:
    """Return a run whose tasks and groups have no format in their names, to pair them with those of another format.

    Args:
        run: The run.

    Returns:
        The run under other names.

    Raises:
        ConfigError: The run has a task in several formats.
    """
    twice = [name for name, count in Counter(map(bare_name, run.section("results"))).items() if count > 1]
    if twice:
        raise ConfigError(f"{run.path} has {first_names(twice)} in several formats, so --across_formats is not clear.")
    renamed: dict[str, Any] = dict(run.results)
    for section in _BY_TASK:
        if isinstance(given := renamed.get(section), Mapping):
            renamed[section] = {bare_name(name): value for name, value in given.items()}
    if isinstance(tree := renamed.get("group_subtasks"), Mapping):
        renamed["group_subtasks"] = {name: [bare_name(str(child)) for child in inner] for name, inner in tree.items()}
    return Run(run.path, renamed, {bare_name(name): file for name, file in run.sample_files.items()})
