"""Saved runs read back: of this package and of the reference harness."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval.errors import ConfigError, UnknownNameError
from lm_eval.results.discovery import find, read_samples, sample_files, time_of

if TYPE_CHECKING:
    import pandas

__all__ = ["Run", "Score", "find", "load", "load_all"]


@dataclass(frozen=True)
class Score:
    """A task's or group's score under one metric and filter.

    Attributes:
        task: The task's or group's name.
        metric: The metric's name.
        filter: The filter pipeline's name.
        value: The score; None when it could not be computed.
        stderr: Its standard error; None when there is none.
        n: Docs behind it; None when the file does not say.
        higher_is_better: Which way the metric is better; None when it is not known.
        interval: A 95 % interval, when the file has one.
        is_group: Whether it is a group's.
        alias: The name shown in tables.
    """

    task: str
    metric: str
    filter: str
    value: float | None
    stderr: float | None
    n: int | None
    higher_is_better: bool | None
    interval: tuple[float, float] | None = None
    is_group: bool = False
    alias: str = ""

    @property
    def key(self) -> str:
        """``"metric,filter"``, as in the file."""
        return f"{self.metric},{self.filter}"


@dataclass(frozen=True)
class Run:
    """A results file and the samples files that were saved with it.

    Attributes:
        path: The results file.
        results: Its content, as described in ``docs/results.md``.
        sample_files: Task name to its samples file, for the tasks that have one.
    """

    path: Path
    results: Mapping[str, Any] = field(repr=False)
    sample_files: Mapping[str, Path] = field(repr=False)

    @property
    def model_name(self) -> str:
        """The model's name."""
        config = self.results.get("config") or {}
        return str(self.results.get("model_name") or config.get("model") or "")

    @property
    def date(self) -> datetime | None:
        """When the run was made, in UTC; None when the file does not say."""
        seconds = _number(self.results.get("date"))
        return None if seconds is None else datetime.fromtimestamp(seconds, tz=timezone.utc)

    @property
    def beside(self) -> Path:
        """The output path with which another run is saved beside this one."""
        time = time_of(self.path)
        return self.path.with_name(f"{self.path.stem.removesuffix(f'_{time}') if time else self.path.stem}.json")

    @property
    def tasks(self) -> list[str]:
        """The tasks that were run, without groups, in the file's order."""
        rows, configs = self.results["results"], self.results.get("configs")
        return [name for name in rows if (name in configs if configs else name not in self.group_subtasks)]

    @property
    def group_subtasks(self) -> Mapping[str, Sequence[str]]:
        """Group to its members; without the tasks some files list as groups of nothing."""
        return {name: list(names) for name, names in (self.results.get("group_subtasks") or {}).items() if names}

    @cached_property
    def scores(self) -> list[Score]:
        """Every score of the run, in the file's order."""
        return list(self._scores())

    def _scores(self) -> Iterator[Score]:
        directions = self.results.get("higher_is_better") or {}
        statistics = self.results.get("statistics") or {}
        tasks = set(self.tasks)
        for name, row in self.results["results"].items():
            for key, value in row.items():
                metric, comma, pipeline = key.partition(",")
                if not comma or metric.endswith("_stderr"):
                    continue
                yield Score(
                    task=name,
                    metric=metric,
                    filter=pipeline,
                    value=_number(value),
                    stderr=_number(row.get(f"{metric}_stderr,{pipeline}")),
                    n=self._docs(name, key),
                    higher_is_better=(directions.get(name) or {}).get(metric),
                    interval=_interval((statistics.get(name) or {}).get(key)),
                    is_group=name not in tasks,
                    alias=str(row.get("alias") or name).lstrip(" -"),
                )

    def _docs(self, name: str, key: str) -> int | None:
        """Count the docs behind a score, from whichever place says so."""
        row, counts = self.results["results"][name], (self.results.get("n-samples") or {}).get(name) or {}
        for said in ((row.get("sample_count") or {}).get(key), counts.get("effective"), row.get("sample_len")):
            if isinstance(said, int):
                return said
        return None

    def samples(self, task: str) -> list[dict[str, Any]]:
        """Read a task's logged samples.

        Args:
            task: The task's name.

        Returns:
            One dict a doc and filter, as described in ``lm_eval.results.Sample``.

        Raises:
            UnknownNameError: The run saved no samples of that task.
            ConfigError: The file cannot be read.
        """
        return list(self.iter_samples(task))

    def iter_samples(self, task: str) -> Iterator[dict[str, Any]]:
        """Read a task's logged samples one at a time.

        Args:
            task: The task's name.

        Returns:
            As ``samples``.

        Raises:
            UnknownNameError: The run saved no samples of that task.
            ConfigError: The file cannot be read.
        """
        if task not in self.sample_files:
            raise UnknownNameError("task with saved samples", task, self.sample_files)
        return read_samples(self.sample_files[task])

    def scores_frame(self) -> pandas.DataFrame:
        """Lay the scores out as a pandas DataFrame, a row a score.

        Returns:
            Columns ``model``, ``date``, ``task``, ``metric``, ``filter``, ``value``, ``stderr``, ``low`` and ``high``
            (the interval), ``n``, ``higher_is_better`` and ``is_group``; what is not known is missing.
        """
        from lm_eval.results._frames import scores_frame

        return scores_frame(self)

    def samples_frame(self, *tasks: str) -> pandas.DataFrame:
        """Lay samples out as a pandas DataFrame, a row a doc and filter.

        Args:
            tasks: Task names; none means all that have samples.

        Returns:
            Columns ``model``, ``date`` and ``task``, then the keys of the samples; keys a task does not have are
            missing.
        """
        from lm_eval.results._frames import samples_frame

        return samples_frame(self, tasks)


def load(path: str | Path) -> Run:
    """Read the newest run under a folder.

    Args:
        path: The folder of ``--output_path``, a model's folder in it, or a results file.

    Returns:
        The run. Samples are read when they are asked for.

    Raises:
        ConfigError: There is no results file, or the folder holds runs of several models.
    """
    runs = find(path)
    models = sorted({run.parent for run in runs})
    if len(models) > 1:
        names = ", ".join(str(model) for model in models[:6])
        raise ConfigError(f"{path} holds runs of several models; name one of {names}.")
    return _read(runs[-1])


def load_all(path: str | Path) -> list[Run]:
    """Read every run under a folder, oldest first.

    Args:
        path: The folder of ``--output_path``, a model's folder in it, or a results file.

    Returns:
        The runs.

    Raises:
        ConfigError: There is no results file.
    """
    return [_read(file) for file in find(path)]


def _read(file: Path) -> Run:
    try:
        results = json.loads(file.read_text(encoding="utf-8", errors="surrogatepass"))
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise ConfigError(f"{file} is not JSON: {error}.") from error
    if not isinstance(results, dict) or not isinstance(results.get("results"), dict):
        raise ConfigError(f"{file} is not a results file: it has no 'results'.")
    return Run(path=file, results=results, sample_files=sample_files(file, list(results["results"])))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _interval(said: Any) -> tuple[float, float] | None:
    bounds = said.get("interval") if isinstance(said, Mapping) else None
    if not isinstance(bounds, list) or len(bounds) != 2:
        return None
    low, high = map(_number, bounds)
    return None if low is None or high is None else (low, high)
