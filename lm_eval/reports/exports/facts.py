"""What the formats of other projects ask about a run: model, data set, settings, chosen scores."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lm_eval.config.redact import redact
from lm_eval.errors import UnknownNameError
from lm_eval.results import Run, Score
from lm_eval.results.json_values import as_mapping, at
from lm_eval.text import sha256
from lm_eval.utils import pattern_match

__all__ = ["About", "Dataset", "chosen_scores", "dataset_of", "generation_of", "safe_name", "score_name", "settings_of"]

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?")
_LOADERS = frozenset({"arrow", "audiofolder", "csv", "imagefolder", "json", "pandas", "parquet", "text", "webdataset"})
"""Names of ``dataset_path`` that stand for files and not for a data set of the Hub."""
_UNSAFE = re.compile(r"[^\w.+-]+")
_MAX_NAME = 80


@dataclass(frozen=True)
class About:
    """What a results file does not know, for those who publish it.

    Attributes:
        model_id: The model's name on the Hub, such as ``org/model``; empty takes the run's name of the model.
        organization: Who ran the evaluation; empty when that is not said.
        evaluator: Relation of that organisation to the model: ``first_party``, ``third_party``, ``collaborative`` or
            ``other``.
        source_url: A page about the evaluation; empty without one.
        tasks: Names or patterns of the tasks and groups to write; none means all.
        metrics: Names or patterns of the metrics, also as ``metric,filter``; none means all.
    """

    model_id: str = ""
    organization: str = ""
    evaluator: str = "other"
    source_url: str = ""
    tasks: Sequence[str] = ()
    metrics: Sequence[str] = ()

    def model(self, run: Run) -> str:
        """Return the model's name.

        Args:
            run: The run.
        """
        return self.model_id or str(redact(run.model_name or "model"))


@dataclass(frozen=True)
class Dataset:
    """Where a task's documents come from.

    Attributes:
        path: ``dataset_path`` of the task; empty when the results do not say.
        config: ``dataset_name`` of the task; empty without one.
        split: The split that was asked; empty when the results do not say.
        revision: The revision that the task names; empty without one.
        on_hub: Whether the path is the name of a data set on the Hub, as far as it shows.
    """

    path: str
    config: str
    split: str
    revision: str
    on_hub: bool


def dataset_of(config: Mapping[str, object]) -> Dataset:
    """Read the data set of a task.

    Args:
        config: The task's config in the results file.

    Returns:
        The data set.
    """
    path = str(config.get("dataset_path") or "")
    arguments = as_mapping(config.get("dataset_kwargs"))
    files = arguments.get("data_files") or arguments.get("data_dir")
    return Dataset(
        path=path,
        config=str(config.get("dataset_name") or ""),
        split=str(config.get("test_split") or config.get("validation_split") or ""),
        revision=str(arguments.get("revision") or ""),
        on_hub=bool(_HUB_ID.fullmatch(path)) and path not in _LOADERS and not files,
    )


def chosen_scores(run: Run, about: About) -> list[Score]:
    """Choose the scores to write: those that are finite numbers.

    Args:
        run: The run.
        about: Names the tasks and metrics.

    Returns:
        The scores, in the order of the results.

    Raises:
        UnknownNameError: The run has no task or metric of a name.
    """
    tasks = _matched("task of this run", about.tasks, list(run.members))
    tasks |= {leaf for name in tasks for leaf in run.leaves(name)} if about.tasks else set()
    names = [name for score in run.scores for name in (score.metric, score.key)]
    metrics = _matched("metric of this run", about.metrics, names)
    return [
        score
        for score in run.scores
        if score.task in tasks and metrics & {score.metric, score.key} and _is_number(score)
    ]


def _is_number(score: Score) -> bool:
    return score.metric != "bypass" and score.value is not None and math.isfinite(score.value)


def _matched(what: str, patterns: Sequence[str], names: Sequence[str]) -> set[str]:
    if not patterns:
        return set(names)
    found: set[str] = set()
    for pattern in patterns:
        if not (matched := pattern_match(pattern, list(dict.fromkeys(names)))):
            raise UnknownNameError(what, pattern, names)
        found.update(matched)
    return found


def score_name(score: Score) -> str:
    """Name a metric with its filter.

    Args:
        score: The score.

    Returns:
        ``metric``, or ``metric (filter)`` where there is a filter.
    """
    return score.metric if score.filter == "none" else f"{score.metric} ({score.filter})"


def generation_of(run: Run, task: str) -> dict[str, object]:
    """Return the generation settings of a task: its own, then those of the run.

    Args:
        run: The run.
        task: The task.

    Returns:
        Name to value; empty of a task that generates nothing.
    """
    own = as_mapping(at(run.members[task].config, "generation_kwargs")) if task in run.members else {}
    return {**own, **(as_mapping(run.config.get("gen_kwargs")) if own else {})}


def settings_of(run: Run, task: str) -> Iterator[tuple[str, str]]:
    """List what decides how a task was asked, for readers of its score.

    Args:
        run: The run.
        task: The task or group.

    Yields:
        Name and text of each setting that is known.
    """
    member = run.members[task]
    values: dict[str, object] = {
        "num_fewshot": member.shots,
        "limit": run.config.get("limit"),
        "task_version": member.version,
        "output_type": member.output_type,
        "scoring": run.model_info.get("scoring") if member.output_type != "generate_until" else None,
        "chat_template": "yes" if run.at("chat_template") or run.config.get("apply_chat_template") else None,
        "system_instruction": run.at("system_instruction"),
        "lost_documents": member.lost or None,
    }
    for name, value in values.items():
        if value not in (None, ""):
            yield name, str(redact(value))


def safe_name(text: str) -> str:
    """Turn a name into the name of a file or a folder.

    Args:
        text: The name.

    Returns:
        Letters, digits and ``_.+-``; with a hash when something else had to go, so that two names stay two.
    """
    plain = _UNSAFE.sub("_", text).strip("._") or "unnamed"
    if plain == text and len(plain) <= _MAX_NAME:
        return plain
    return f"{plain[: _MAX_NAME - 9]}-{sha256(text)[:8]}"
