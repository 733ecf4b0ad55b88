"""The result of comparing two runs: rows, notes, the gate's verdicts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

from lm_eval.api.result_keys import score_key
from lm_eval.reports.html_table import html_table, number
from lm_eval.results import Speed
from lm_eval.text import first_names

__all__ = ["Comparison", "Flip", "GateResult", "Note", "Row", "RunInfo", "SpeedRow", "Verdict"]


@dataclass(frozen=True)
class Flip:
    """A document whose value differs between the runs.

    Attributes:
        doc_id: The document's index in its split.
        a: The value in A.
        b: The value in B.
        better: Whether the value in B is better; None when it is not known whether higher or lower is better.
        target: The target, shortened.
        answer_a: A's answer under the row's filter, shortened.
        answer_b: B's answer, likewise.
    """

    doc_id: int | str | None
    a: float
    b: float
    better: bool | None
    target: str
    answer_a: str
    answer_b: str


@dataclass(frozen=True)
class Row:
    """One metric and filter of a task or group, in both runs.

    Attributes:
        task: The task or group.
        metric: The metric.
        filter: The filter pipeline.
        higher_is_better: Whether higher is better; None when that is not known.
        score_a: The score in A's results file, over all documents of A.
        score_b: The score in B's results file, likewise.
        is_group: Whether the score belongs to a group.
        test: ``mcnemar``, ``paired bootstrap``, ``clustered paired bootstrap`` or ``stratified paired bootstrap``; None
            without a test.
        reason: Why there is no test; None when there is one.
        scale: ``difference``, or ``ratio`` for perplexities, where ``difference``, ``interval`` and
            ``minimum_detectable_effect`` are B's score divided by A's.
        n: Number of paired documents that have a value in both runs.
        clusters: Number of clusters of these documents; None without clusters.
        a: A's score over the paired documents.
        b: B's score over the paired documents.
        difference: B minus A, over the paired documents when there is a test.
        interval: The 95 % interval of the difference.
        p_value: The two-sided p-value of the test.
        p_exact: The p-value of McNemar's exact test, which is conservative; ``p_value`` is then the mid-p value.
        p_holm: ``p_value`` corrected for the other tests of its family.
        without_value: Number of paired documents without a number in A or in B; ``n`` does not count them.
        wins: Number of paired documents on which B is better; on which B has the larger value, when it is not known
            whether higher or lower is better.
        losses: Number of paired documents on which A is better, likewise.
        minimum_detectable_effect: The true difference that four of five runs of this size would find.
        members: The tasks of a group.
        flips: Documents whose value differs: all of them for 0/1 scores, else the hundred largest differences.
        win_rate: Share of paired documents on which B is better, ties as half; None for a score that no judge gave.
        win_rate_interval: The 95 % interval of ``win_rate``; None when the documents determine none.
    """

    task: str
    metric: str
    filter: str
    higher_is_better: bool | None
    score_a: float | None
    score_b: float | None
    is_group: bool = False
    test: str | None = None
    reason: str | None = None
    scale: Literal["difference", "ratio"] = "difference"
    n: int = 0
    clusters: int | None = None
    a: float | None = None
    b: float | None = None
    difference: float | None = None
    interval: tuple[float, float] | None = None
    p_value: float | None = None
    p_exact: float | None = None
    p_holm: float | None = None
    without_value: int = 0
    wins: int = 0
    losses: int = 0
    minimum_detectable_effect: float | None = None
    members: tuple[str, ...] = ()
    flips: tuple[Flip, ...] = ()
    win_rate: float | None = None
    win_rate_interval: tuple[float, float] | None = None

    @property
    def key(self) -> str:
        """``metric,filter``, or the metric alone under the filter ``none``."""
        return _short_key(self.metric, self.filter)

    @property
    def gain(self) -> float | None:
        """How much better B is: the difference, or for ratios the relative change, positive when B is better."""
        if self.difference is None or self.higher_is_better is None:
            return None
        change = self.difference - 1 if self.scale == "ratio" else self.difference
        return change if self.higher_is_better else -change

    @property
    def least_gain(self) -> float | None:
        """The end of the interval that is worse for B, on the scale of ``gain``."""
        if self.interval is None or self.higher_is_better is None:
            return None
        bounds = replace(self, difference=self.interval[0]).gain, replace(self, difference=self.interval[1]).gain
        return min(bound for bound in bounds if bound is not None)

    @property
    def detectable_drop(self) -> float | None:
        """The drop that four of five runs of this size would find, on the scale of ``gain`` but positive."""
        effect = self.minimum_detectable_effect
        return effect - 1 if effect is not None and self.scale == "ratio" else effect


def _short_key(metric: str, pipeline: str) -> str:
    return metric if pipeline in ("none", "") else score_key(metric, pipeline)


@dataclass(frozen=True)
class RunInfo:
    """What identifies a run.

    Attributes:
        path: The results file.
        model: The model's name.
        date: The start of the run, in ISO 8601; empty when the results file does not say.
    """

    path: str
    model: str
    date: str


@dataclass(frozen=True)
class Note:
    """A fact that readers of the numbers should know.

    Attributes:
        text: The fact.
        tasks: The tasks or scores that it is about; empty when it is about the runs.
    """

    text: str
    tasks: tuple[str, ...] = ()

    def line(self, max_tasks: int = 4) -> str:
        """Format the note as one line.

        Args:
            max_tasks: Maximum number of tasks to name.

        Returns:
            The text and the first tasks.
        """
        return f"{self.text}: {first_names(self.tasks, max_tasks)}." if self.tasks else f"{self.text}."


@dataclass(frozen=True)
class SpeedRow:
    """How long the requests took in both runs.

    Attributes:
        task: The task; empty for the whole run.
        a: The times in A.
        b: The times in B.
    """

    task: str
    a: Speed
    b: Speed

    def lines(self) -> Iterator[str]:
        """Yield one line per measure that both runs have."""
        name = self.task or "All requests"
        for measure, words, unit in _MEASURES:
            a, b = getattr(self.a, measure), getattr(self.b, measure)
            if a is not None and b is not None:
                yield f"{name}: {words} {a.words(unit)} in A; {b.words(unit)} in B"


_MEASURES = (
    ("latency", "latency", " s"),
    ("first_token", "first token", " s"),
    ("tokens_per_second", "tokens per second", ""),
)


@dataclass(frozen=True)
class Verdict:
    """The gate's decision about one row.

    Attributes:
        task: The row's task or group.
        metric: The metric; empty when the task is missing.
        filter: The filter pipeline; empty when the task is missing.
        outcome: ``worse``, ``undecided`` or ``not worse``.
        text: The reason.
    """

    task: str
    metric: str
    filter: str
    outcome: Literal["worse", "undecided", "not worse"]
    text: str

    @property
    def name(self) -> str:
        """The task and the key of the score; the task alone when it is missing."""
        return f"{self.task} {_short_key(self.metric, self.filter)}".rstrip()


@dataclass(frozen=True)
class GateResult:
    """The gate's decision about B.

    Attributes:
        margin: The largest accepted drop.
        undecided: Whether undecided rows ``fail`` or ``pass``.
        passed: Whether B passes.
        verdicts: One verdict per gated row.
        not_gated: Rows that are not gated, each with the reason.
    """

    margin: float
    undecided: str
    passed: bool
    verdicts: tuple[Verdict, ...]
    not_gated: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side.

    Attributes:
        a: The run to compare with.
        b: The run that is compared.
        rows: The rows of tasks, then those of groups.
        notes: Settings that differ between the runs, and documents that could not be paired.
        gate: The release gate; None when it was not asked for.
        families: ``tasks`` and ``groups`` to the number of tests that Holm's correction takes together.
        speed: How long the requests took, if both runs say so: of the runs, then of each task.
    """

    a: RunInfo
    b: RunInfo
    rows: tuple[Row, ...]
    notes: tuple[Note, ...] = ()
    gate: GateResult | None = None
    families: Mapping[str, int] = field(default_factory=dict)
    speed: tuple[SpeedRow, ...] = ()

    def _repr_html_(self) -> str:
        """Return a table for a notebook."""
        head = ["Task", "Metric", "n", "A", "B", "B-A", "95 % interval", "p", "Holm"]
        rows = [
            [
                *(row.task, row.key, str(row.n) if row.test else ""),
                *(number(row.score_a if row.a is None else row.a), number(row.score_b if row.b is None else row.b)),
                number(row.difference, times=row.scale == "ratio"),
                " to ".join(number(end) for end in row.interval or ()),
                *(number(row.p_value, 3), number(row.p_holm, 3)),
            ]
            for row in self.rows
        ]
        runs = [f"{name}: {run.model}, {run.date}, {run.path}" for name, run in (("A", self.a), ("B", self.b))]
        lines = [note.line() for note in self.notes] + [f"{line}." for row in self.speed for line in row.lines()]
        gate = [] if self.gate is None else [f"Gate {'passed' if self.gate.passed else 'FAILED'}."]
        gate += [f"{found.outcome}: {found.name}: {found.text}" for found in self.gate.verdicts] if self.gate else []
        return html_table(head, rows, right=head[2:], above=runs, below=[*lines, *gate])

    def to_dict(self) -> dict[str, object]:
        """Return the comparison as plain dicts and lists, for JSON."""
        return {"level": 0.95, **asdict(self)}
