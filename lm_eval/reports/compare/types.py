"""What a comparison of two runs says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

__all__ = ["Comparison", "Flip", "Gate", "Note", "Row", "RunInfo", "Verdict"]


@dataclass(frozen=True)
class Flip:
    """A doc whose value is not the same in both runs.

    Attributes:
        doc_id: The doc.
        a: Its value in A.
        b: Its value in B.
        better: Whether B's is the better one; None when it is not known which way is better.
        target: The target, shortened.
        answer_a: A's answer under the row's filter, shortened.
        answer_b: B's answer.
    """

    doc_id: Any
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
        higher_is_better: Which way is better; None when it is not known.
        score_a: A's score as its results file has it, over all its docs.
        score_b: B's.
        is_group: Whether it is a group's.
        test: ``mcnemar``, ``paired bootstrap``, ``clustered paired bootstrap``, ``stratified paired bootstrap``; None
            when nothing could be tested.
        reason: Why there is no test.
        scale: ``difference``, or ``ratio`` for perplexities, where ``difference``, ``interval`` and
            ``minimum_detectable_effect`` are B's score divided by A's.
        n: Docs paired.
        clusters: Clusters they come in; None when they are not clustered.
        a: A's score over the paired docs.
        b: B's.
        difference: B minus A.
        interval: Its 95 % interval.
        p_value: Of the test, two-sided.
        p_exact: Of McNemar's exact test, which is conservative; ``p_value`` is then the mid-p value.
        p_holm: ``p_value`` corrected for the other tests of its family.
        without_value: Paired docs that have no number in either run; they are not among the ``n``.
        wins: Paired docs on which B is better (has the larger value, when it is not known which way is better).
        losses: Paired docs on which A is.
        minimum_detectable_effect: The true difference a run of this size finds four times out of five.
        members: Of a group, the tasks behind it.
        flips: Docs with another value in B: all of 0/1 scores, else the hundred with the largest differences.
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

    @property
    def key(self) -> str:
        """``metric,filter``, or the metric alone under the filter ``none``."""
        return self.metric if self.filter == "none" else f"{self.metric},{self.filter}"

    @property
    def gain(self) -> float | None:
        """How much better B is: the difference, or for ratios the relative change, positive when B is better."""
        if self.difference is None or self.higher_is_better is None:
            return None
        change = self.difference - 1 if self.scale == "ratio" else self.difference
        return change if self.higher_is_better else -change

    @property
    def least_gain(self) -> float | None:
        """The end of the interval that is worse for B, like ``gain``."""
        if self.interval is None or self.higher_is_better is None:
            return None
        bounds = replace(self, difference=self.interval[0]).gain, replace(self, difference=self.interval[1]).gain
        return min(bound for bound in bounds if bound is not None)

    @property
    def smallest_fall(self) -> float | None:
        """The fall the data find four times out of five, like ``gain`` but positive."""
        effect = self.minimum_detectable_effect
        return effect - 1 if effect is not None and self.scale == "ratio" else effect


@dataclass(frozen=True)
class RunInfo:
    """Which run it is.

    Attributes:
        path: Its results file.
        model: The model's name.
        date: When it was started, as its file says.
    """

    path: str
    model: str
    date: str


@dataclass(frozen=True)
class Note:
    """Something to know when the numbers are read.

    Attributes:
        text: What.
        tasks: The tasks it is about; none means the runs.
    """

    text: str
    tasks: tuple[str, ...] = ()

    def line(self, most: int = 4) -> str:
        """Say it in one line.

        Args:
            most: The most tasks to name.

        Returns:
            The text and the first tasks.
        """
        if not self.tasks:
            return f"{self.text}."
        more = f" and {len(self.tasks) - most} more" if len(self.tasks) > most else ""
        return f"{self.text}: {', '.join(self.tasks[:most])}{more}."


@dataclass(frozen=True)
class Verdict:
    """What the gate says of one row.

    Attributes:
        task: The row's task or group.
        metric: Its metric.
        filter: Its filter; empty when the task is missing.
        outcome: ``worse``, ``undecided`` or ``not worse``.
        text: Why.
    """

    task: str
    metric: str
    filter: str
    outcome: Literal["worse", "undecided", "not worse"]
    text: str


@dataclass(frozen=True)
class Gate:
    """Whether B may pass.

    Attributes:
        margin: The fall that is not accepted.
        undecided: What becomes of rows that cannot tell: ``fail`` or ``pass``.
        passed: Whether it passes.
        verdicts: A verdict a row that was looked at.
        not_gated: Rows that were not looked at, and why.
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
        a: The run that is compared with.
        b: The run that is compared.
        rows: Tasks, then groups.
        notes: What differs between the runs beside their scores, and docs that could not be paired.
        gate: The release gate, when it was asked for.
    """

    a: RunInfo
    b: RunInfo
    rows: tuple[Row, ...]
    notes: tuple[Note, ...] = ()
    gate: Gate | None = None
    families: Mapping[str, int] = field(default_factory=dict)
    """Tests that Holm's correction takes together: those of ``tasks`` and those of ``groups``."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain dicts and lists, for JSON."""
        return {"level": 0.95, **asdict(self)}
