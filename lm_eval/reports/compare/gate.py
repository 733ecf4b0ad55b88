"""The release gate: is B worse than A by more than the accepted margin?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from typing import Literal

from lm_eval.errors import ConfigError
from lm_eval.reports.compare.types import GateResult, Row, Verdict
from lm_eval.statistics.paired import ALPHA

__all__ = ["judge"]


def judge(
    rows: Sequence[Row],
    margin: float,
    undecided: Literal["fail", "pass"] = "fail",
    missing: Iterable[str] = (),
) -> GateResult:
    """Decide whether B passes the gate.

    A row is ``worse`` when B's score is worse by more than the margin and the difference is significant after Holm's
    correction; ``not worse`` when the complete interval of the difference lies above minus the margin, which is a test
    of non-inferiority at 2.5 %; and ``undecided`` when the documents are too few to show either. All rows must be ``not
    worse``, so the non-inferiority tests need no correction for their number. A group stands for its tasks and the
    groups within it: among these only ``worse`` ones count. A score without a test is undecided when B's score is worse
    by more than the margin; otherwise it is not gated.

    Args:
        rows: The rows of the comparison.
        margin: The largest accepted drop, at least 0: in the unit of the score, relative for ratios.
        undecided: Whether undecided rows fail the gate or pass.
        missing: Tasks of A that B does not have; they are undecided.

    Returns:
        The verdicts, and whether B passes.

    Raises:
        ConfigError: The margin is negative, or nothing can be gated.
    """
    if not margin >= 0:
        raise ConfigError(f"--fail_if_worse takes the largest accepted drop, 0 or more such as 0.01, not {margin:g}.")
    gated_groups = [row for row in rows if row.is_group and row.test and row.higher_is_better is not None]
    verdicts: list[Verdict] = [
        Verdict(task, "", "", "undecided", "only A has it, so nothing is known about B") for task in missing
    ]
    not_gated: list[str] = []
    for row in rows:
        name = f"{row.task} {row.key}"
        if row.higher_is_better is None:
            not_gated.append(f"{name}: it is not known whether higher or lower is better")
        elif row.test is None:
            if row.gain is not None and row.gain >= -margin:
                not_gated.append(f"{name}: no paired test ({row.reason})")
            else:
                verdicts.append(_verdict(row, "undecided", f"no paired test ({row.reason})"))
        else:
            verdict = _of_row(row, margin)
            if verdict.outcome == "worse" or not any(_stands_for(group, row) for group in gated_groups):
                verdicts.append(verdict)
    if not verdicts:
        raise ConfigError(f"--fail_if_worse: nothing to gate. {'; '.join(not_gated[:3])}.")
    failing = {"worse", "undecided"} if undecided == "fail" else {"worse"}
    passed = not any(verdict.outcome in failing for verdict in verdicts)
    return GateResult(margin, undecided, passed, tuple(verdicts), tuple(not_gated))


def _stands_for(group: Row, row: Row) -> bool:
    tasks = set(row.members) if row.is_group else {row.task}
    return (group.metric, group.filter) == (row.metric, row.filter) and (
        tasks < set(group.members) or (not row.is_group and tasks == set(group.members))
    )


def _of_row(row: Row, margin: float) -> Verdict:
    gain, least = row.gain or 0.0, row.least_gain
    if gain < -margin and row.p_holm is not None and row.p_holm <= ALPHA:
        return _verdict(row, "worse", f"{_change(gain)}, p {row.p_holm:.3g} after Holm's correction")
    if least is not None and least >= -margin:
        return _verdict(row, "not worse", f"{_change(gain)}; at 95 %, at most {_amount(max(0.0, -least))} worse")
    bound = f"up to {_amount(-least)} worse" if least is not None else "not bounded, as too few documents differ"
    return _verdict(row, "undecided", f"{_change(gain)}; at 95 %, {bound}{_power(row, margin)}")


def _power(row: Row, margin: float) -> str:
    """Say which drop the documents can detect when that is more than the margin, and how many would be needed."""
    effect = row.detectable_drop
    if effect is None or effect <= margin:
        return ""
    detects = f"; {row.n} documents detect a drop of {_amount(effect)} or more"
    if margin <= 0:
        return detects
    return f"{detects}, about {_round_up(row.n * (effect / margin) ** 2)} would detect {margin:g}"


def _round_up(count: float) -> str:
    """Round up to two significant digits, as the number is an estimate."""
    step = 10 ** max(0, len(str(int(count))) - 2)
    return f"{ceil(count / step) * step:,}"


def _change(gain: float) -> str:
    return "no difference" if gain == 0 else f"{_amount(abs(gain))} {'better' if gain > 0 else 'worse'}"


def _amount(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.4g}"


def _verdict(row: Row, outcome: Literal["worse", "undecided", "not worse"], text: str) -> Verdict:
    return Verdict(row.task, row.metric, row.filter, outcome, text)
