"""A run read once: its scores, tasks, groups, settings and samples, from memory or from files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval.api.result_keys import score_key, score_keys, stderr_key
from lm_eval.errors import UnknownNameError
from lm_eval.results.discovery import read_samples, time_of
from lm_eval.results.json_values import as_count, as_list, as_mapping, as_number, at
from lm_eval.results.messages import ErrorMessage, read_messages
from lm_eval.results.sample import Sample, number_in
from lm_eval.results.speed import Speed, read_speed
from lm_eval.statistics.intervals import normal_quantile

if TYPE_CHECKING:
    import pandas

__all__ = ["Group", "Member", "Results", "Run", "Score"]


@dataclass(frozen=True)
class Score:
    """A task's or group's score under one metric and filter.

    Attributes:
        task: The task's or group's name.
        metric: The metric's name.
        filter: The filter pipeline's name.
        value: The score; None when it could not be computed.
        stderr: Its standard error; None when there is none.
        n: Number of documents behind the score; None when the results do not say.
        higher_is_better: Which way the metric is better; None when it is not known.
        interval: A 95 % interval, when there is one.
        is_group: Whether the score belongs to a group.
        alias: The name shown in tables.
        method: How the interval was computed: ``wilson``, ``t``, ``clustered t`` or ``bootstrap``; empty without one.
        level: The level of the interval.
        lost: Number of documents lost to errors.
        bounds: The score if every lost document were wrong, and if every one were right; of 0/1 scores.
        clusters: Number of clusters of documents; None without ``cluster_key``.
        effective_n: Number of independent documents with the same standard error; None without clusters.
        not_computed: Whether nothing where the run was scored could compute it.
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
    method: str = ""
    level: float = 0.95
    lost: int = 0
    bounds: tuple[float, float] | None = None
    clusters: int | None = None
    effective_n: float | None = None
    not_computed: bool = False

    @property
    def key(self) -> str:
        """``"metric,filter"``, as in the file."""
        return score_key(self.metric, self.filter)

    @property
    def shown_interval(self) -> tuple[float, float] | None:
        """The interval; the value with 1.96 standard errors on both sides where the file has none."""
        if self.interval is not None or self.value is None or self.stderr is None:
            return self.interval
        half = normal_quantile(0.975) * self.stderr
        return self.value - half, self.value + half


@dataclass(frozen=True)
class Member:
    """A task or a group of a run.

    Attributes:
        name: Its name.
        alias: The name shown in tables.
        version: The version of the task file; None when the results do not say.
        shots: Number of few-shot examples; None when the results do not say, or the tasks of a group differ.
        n: Number of documents scored; None when the results do not say.
        lost: Number of documents lost to errors.
        errors: Kind of error to the number of documents lost to it.
        messages: The most frequent messages of these errors.
        outcomes: Kind of response (``length``, ``empty``, …) to the number of responses that ended so.
        failed: ``"metric,filter"`` to why the score could not be computed.
        not_computed: ``"metric,filter"`` to why nothing where the run was scored could compute it.
        missing: ``"metric,filter"`` to the number of answered documents without a value.
        notes: What a reader of the scores should know, one sentence each.
        higher_is_better: Metric to which way it is better.
        config: The task's config; empty of a group.
        scores: Its scores, in the order of the results.
    """

    name: str
    alias: str
    version: object
    shots: int | None
    n: int | None
    lost: int
    errors: Mapping[str, int] = field(repr=False)
    messages: tuple[ErrorMessage, ...] = field(repr=False)
    outcomes: Mapping[str, int] = field(repr=False)
    failed: Mapping[str, str] = field(repr=False)
    not_computed: Mapping[str, str] = field(repr=False)
    missing: Mapping[str, int] = field(repr=False)
    notes: Sequence[str] = field(repr=False)
    higher_is_better: Mapping[str, bool | None] = field(repr=False)
    config: Mapping[str, object] = field(repr=False)
    scores: tuple[Score, ...] = field(default=(), repr=False)

    @property
    def output_type(self) -> str:
        """What the task asks for, such as ``multiple_choice``; empty when the results do not say."""
        return str(self.config.get("output_type") or "")


@dataclass(frozen=True)
class Group:
    """A named tree of tasks.

    Attributes:
        name: Its name.
        children: The names of the tasks and groups directly in it.
    """

    name: str
    children: tuple[str, ...]
    _tree: Mapping[str, Sequence[str]] = field(repr=False, compare=False)

    def leaves(self) -> list[str]:
        """List the tasks in the group and in the groups within it.

        Returns:
            Their names, depth first, each once.
        """
        found: list[str] = []
        seen: set[str] = set()
        waiting = [self.name]
        while waiting:
            if (name := waiting.pop()) in seen:
                continue
            seen.add(name)
            if children := self._tree.get(name):
                waiting.extend(reversed(children))
            else:
                found.append(name)
        return found


class Results:
    """What ``simple_evaluate`` returns, or a results file holds, read once.

    Attributes:
        results: The dict itself, as described in ``docs/results.md``.
    """

    def __init__(self, results: Mapping[str, Any]) -> None:
        """Wrap a result dict; it is read when something is asked of it.

        Args:
            results: The dict.
        """
        self.results = results

    def at(self, *keys: str) -> object:
        """Return an entry of the result dict.

        Args:
            keys: Keys of mappings within mappings, such as ``"config", "limit"``.

        Returns:
            The entry; None when a key is missing.
        """
        return at(self.results, *keys)

    def section(self, *keys: str) -> Mapping[str, object]:
        """Return a mapping in the result dict.

        Args:
            keys: Keys of mappings within mappings, such as ``"config", "model_info"``.

        Returns:
            The mapping; an empty one when it is missing.
        """
        return as_mapping(at(self.results, *keys))

    @property
    def config(self) -> Mapping[str, object]:
        """The arguments of the run."""
        return self.section("config")

    @property
    def model_info(self) -> Mapping[str, object]:
        """What the endpoint is and did."""
        return self.section("config", "model_info")

    @property
    def usage(self) -> Mapping[str, object]:
        """Numbers of requests, retries, tokens and more."""
        return self.section("config", "model_info", "run")

    @property
    def speed(self) -> Speed:
        """How long its requests took."""
        return read_speed(self.usage)

    def speed_of(self, task: str) -> Speed:
        """Say how long the requests of a task took.

        Args:
            task: The name of the task.
        """
        return read_speed(self.section("config", "model_info", "run", "tasks", task))

    @property
    def model_name(self) -> str:
        """The model's name."""
        return str(self.at("model_name") or self.at("config", "model") or "")

    @property
    def date(self) -> datetime | None:
        """When the run started, in UTC; None when the results do not say."""
        seconds = as_number(self.at("date"))
        return None if seconds is None else datetime.fromtimestamp(seconds, tz=timezone.utc)

    @property
    def seconds(self) -> float | None:
        """How long the run took, in seconds; None when the results do not say."""
        seconds = self.at("total_evaluation_time_seconds")
        # The reference harness writes a text.
        return as_number(number_in(seconds) if isinstance(seconds, str) else seconds)

    @property
    def lost(self) -> int:
        """Number of documents lost to errors, in all tasks."""
        return as_count(self.at("errors", "lost"))

    @property
    def unjudged(self) -> int:
        """Number of documents without a verdict because requests to a judge were lost, in all tasks."""
        return as_count(self.at("errors", "unjudged"))

    @property
    def refused(self) -> dict[str, str]:
        """Task to why the endpoint cannot run it."""
        return {name: str(reason) for name, reason in self.section("refused").items()}

    @property
    def failed(self) -> dict[str, str]:
        """Task to why a score of it could not be computed, if the code of the task failed."""
        return {name: next(iter(member.failed.values())) for name, member in self.members.items() if member.failed}

    @property
    def tasks(self) -> list[str]:
        """The tasks that were run, without groups, in the file's order."""
        configs, groups = self.section("configs"), self.group_subtasks
        return [name for name in self.section("results") if (name in configs if configs else name not in groups)]

    @property
    def group_subtasks(self) -> Mapping[str, Sequence[str]]:
        """Group to its members; without the tasks that some files list as empty groups."""
        listed = {name: as_list(children) for name, children in self.section("group_subtasks").items()}
        return {name: list(map(str, children)) for name, children in listed.items() if children}

    @cached_property
    def groups(self) -> dict[str, Group]:
        """The groups of the run, by name."""
        tree = self.group_subtasks
        return {name: Group(name, tuple(children), tree) for name, children in tree.items()}

    def leaves(self, name: str) -> list[str]:
        """List the tasks under a name.

        Args:
            name: A group, or a task.

        Returns:
            The tasks in the group and in the groups within it, depth first; the task itself.
        """
        return self.groups[name].leaves() if name in self.groups else [name]

    @cached_property
    def scores(self) -> list[Score]:
        """Every score of the run, in the order of the results."""
        return [score for member in self.members.values() for score in member.scores]

    @cached_property
    def members(self) -> dict[str, Member]:
        """The tasks and groups with a row in the results, by name, in the order of the results."""
        tasks = set(self.tasks)
        rows = {name: as_mapping(row) for name, row in self.section("results").items()}
        return {name: self._member(name, row, is_group=name not in tasks) for name, row in rows.items()}

    def _member(self, name: str, row: Mapping[str, object], *, is_group: bool) -> Member:
        shots, n = self.at("n-shot", name), self.at("n-samples", name, "effective")
        counted = [count for count in (row.get("sample_len"), n) if isinstance(count, int)]
        better = self.section("higher_is_better", name)
        # In the row where an earlier version wrote the file.
        missing = self.section("missing", name) or as_mapping(row.get("missing"))
        member = Member(
            name=name,
            alias=str(row.get("alias") or name).lstrip(" -"),
            version=self.at("versions", name),
            shots=shots if isinstance(shots, int) else None,
            n=counted[0] if counted else None,
            lost=as_count(row.get("n_errors")),
            errors={kind: as_count(count) for kind, count in as_mapping(row.get("errors")).items()},
            messages=read_messages(row.get("error_messages")),
            outcomes={kind: as_count(count) for kind, count in as_mapping(row.get("outcomes")).items()},
            failed={key: str(reason) for key, reason in as_mapping(row.get("failed")).items()},
            not_computed={key: str(reason) for key, reason in self.section("not_computed", name).items()},
            notes=[str(note) for note in as_list(self.at("notes", name) or row.get("notes"))],
            missing={key: as_count(count) for key, count in missing.items()},
            higher_is_better={metric: up if isinstance(up, bool) else None for metric, up in better.items()},
            config=self.section("configs", name),
        )
        return replace(member, scores=tuple(self._scores(member, row, is_group=is_group)))

    def _scores(self, member: Member, row: Mapping[str, object], *, is_group: bool) -> Iterator[Score]:
        for key, metric, pipeline in score_keys(row):
            facts = self.section("statistics", member.name, key)
            n = at(row, "sample_count", key) or facts.get("n")
            clusters = facts.get("clusters")
            yield Score(
                task=member.name,
                metric=metric,
                filter=pipeline,
                value=as_number(row[key]),
                stderr=as_number(row.get(stderr_key(metric, pipeline))),
                n=n if isinstance(n, int) else member.n,
                higher_is_better=member.higher_is_better.get(metric),
                interval=_pair(facts.get("interval")),
                is_group=is_group,
                alias=member.alias,
                method=str(facts.get("method") or ""),
                level=as_number(facts.get("level")) or 0.95,
                lost=as_count(facts.get("lost", row.get("n_errors"))),
                bounds=_pair(facts.get("bounds")),
                clusters=clusters if isinstance(clusters, int) else None,
                effective_n=as_number(facts.get("effective_n")),
                not_computed=key in member.not_computed,
            )


def _pair(value: object) -> tuple[float, float] | None:
    ends = [end for entry in as_list(value) if (end := as_number(entry)) is not None]
    return (ends[0], ends[1]) if len(ends) == len(as_list(value)) == 2 else None


class Run(Results):
    """A results file and the samples files that were saved with it.

    Attributes:
        path: The results file.
        results: Its content, as described in ``docs/results.md``.
        sample_files: Task name to its samples file, for the tasks that have one.
    """

    def __init__(self, path: Path, results: Mapping[str, Any], sample_files: Mapping[str, Path]) -> None:
        """Put a run together; ``load`` does it for files.

        Args:
            path: The results file.
            results: Its content.
            sample_files: Task name to its samples file.
        """
        super().__init__(results)
        self.path = path
        self.sample_files = sample_files

    def __repr__(self) -> str:
        return f"Run(path={self.path!r})"

    @property
    def output_path(self) -> Path:
        """The output path with which another run is saved next to this one."""
        time = time_of(self.path)
        return self.path.with_name(f"{self.path.stem.removesuffix(f'_{time}') if time else self.path.stem}.json")

    def samples(self, task: str) -> list[dict[str, Any]]:
        """Read a task's logged samples.

        Args:
            task: The task's name.

        Returns:
            One dict per document and filter, as described in ``docs/results.md``.

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

    def read(self, task: str) -> Iterator[Sample]:
        """Read a task's logged samples one at a time, typed.

        Args:
            task: The task's name.

        Returns:
            One sample per document and filter, in the file's order.

        Raises:
            UnknownNameError: The run saved no samples of that task.
            ConfigError: The file cannot be read.
        """
        return map(Sample, self.iter_samples(task))

    def scores_frame(self) -> pandas.DataFrame:
        """Lay the scores out as a pandas DataFrame with one row per score.

        Returns:
            Columns ``model``, ``date``, ``task``, ``metric``, ``filter``, ``value``, ``stderr``, ``low`` and ``high``
            (the interval), ``n``, ``higher_is_better`` and ``is_group``; what is not known is missing.
        """
        import pandas as pd

        rows = [
            (
                self.model_name,
                self.date,
                *(score.task, score.metric, score.filter, score.value, score.stderr),
                *(score.interval or (None, None)),
                *(score.n, score.higher_is_better, score.is_group),
            )
            for score in self.scores
        ]
        frame: pandas.DataFrame = pd.DataFrame(rows, columns=list(_SCORE_TYPES)).astype(_SCORE_TYPES)
        return frame

    def samples_frame(self, *tasks: str) -> pandas.DataFrame:
        """Lay samples out as a pandas DataFrame with one row per document and filter.

        Args:
            tasks: Task names; none means all that have samples.

        Returns:
            Columns ``model``, ``date`` and ``task``, then the keys of the samples; keys a task does not have are
            missing.
        """
        import pandas as pd

        head = {"model": self.model_name, "date": self.date}
        rows = [
            {**head, "task": task, **line} for task in tasks or self.sample_files for line in self.iter_samples(task)
        ]
        frame: pandas.DataFrame = pd.DataFrame(rows, columns=None if rows else [*head, "task"])
        typed: pandas.DataFrame = frame.astype({name: _SCORE_TYPES[name] for name in (*head, "task")})
        return typed


_SCORE_TYPES = {
    "model": "string",
    "date": "datetime64[us, UTC]",
    "task": "string",
    "metric": "string",
    "filter": "string",
    "value": "float64",
    "stderr": "float64",
    "low": "float64",
    "high": "float64",
    "n": "Int64",
    "higher_is_better": "boolean",
    "is_group": "bool",
}
