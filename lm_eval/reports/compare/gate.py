"""The release gate: whether B may be worse than A by more than is accepted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from typing import Literal

from lm_eval.errors import ConfigError
from lm_eval.reports.compare.types import Gate, Row, Verdict
from lm_eval.statistics.paired import ALPHA

__all__ = ["judge"]


def judge(
    rows: Sequence[Row],
    margin: float,
    undecided: Literal["fail", "pass"] = "fail",
    missing: Iterable[str] = (),
) -> Gate:
    """Decide whether B passes.

    A row is ``worse`` when B's score is worse by more than the margin and the difference is significant after
    Holm's correction; ``not worse`` when the whole interval of the difference lies above minus the margin, which is a
    test of non-inferiority at 2.5 %; and ``undecided`` when the docs can tell neither. All rows must be ``not worse``,
    so that more of them need no correction. A group stands for its tasks and the groups within it: of those only
    ``worse`` ones count. A score without a test is undecided when B's is worse by more than the margin, and else not
    gated.

    Args:
        rows: The rows of the comparison.
        margin: The fall that is not accepted, in the unit of the score; relative for ratios. At least 0.
        undecided: What becomes of rows that cannot tell.
        missing: Tasks of A that B does not have: undecided.

    Returns:
        The verdicts, and whether all allow B to pass.

    Raises:
        ConfigError: The margin is negative, or nothing can be gated.
    """
    if not margin >= 0:
        raise ConfigError(
            f"--fail_if_worse takes the fall that is not accepted, 0 or more such as 0.01, not {margin:g}."
        )
    gated_groups = [row for row in rows if row.is_group and row.test and row.higher_is_better is not None]
    verdicts: list[Verdict] = [
        Verdict(task, "", "", "undecided", "it is in A alone, so nothing is known of B") for task in missing
    ]
    not_gated: list[str] = []
    for row in rows:
        name = f"{row.task} {row.key}"
        if row.higher_is_better is None:
            not_gated.append(f"{name}: which way is better is not known")
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
    return Gate(margin, undecided, passed, tuple(verdicts), tuple(not_gated))


def _stands_for(group: Row, row: Row) -> bool:
    own = set(row.members) if row.is_group else {row.task}
    return (group.metric, group.filter) == (row.metric, row.filter) and (
        own < set(group.members) or (not row.is_group and own == set(group.members))
    )


def _of_row(row: Row, margin: float) -> Verdict:
    gain, least = row.gain or 0.0, row.least_gain
    if gain < -margin and row.p_holm is not None and row.p_holm <= ALPHA:
        return _verdict(row, "worse", f"{_fall(gain)}, p {row.p_holm:.3g} after Holm's correction")
    if least is not None and least >= -margin:
        return _verdict(row, "not worse", f"{_fall(gain)}, at most {_amount(max(0.0, -least))} worse at 95 %")
    reach = f"it may be {_amount(-least)} worse" if least is not None else "too few documents differ to bound it"
    return _verdict(row, "undecided", f"{_fall(gain)}, {reach} at 95 %{_power(row, margin)}")


def _power(row: Row, margin: float) -> str:
    """Say when a fall of the margin would have been missed, and how many docs would find it."""
    effect = row.smallest_fall
    if effect is None or effect <= margin:
        return ""
    found = f"; {row.n} documents find a fall of {_amount(effect)} or more"
    return f"{found}, about {_round_up(row.n * (effect / margin) ** 2)} would find {margin:g}" if margin > 0 else found


def _round_up(count: float) -> str:
    """Round to two digits: the number is an estimate."""
    step = 10 ** max(0, len(str(int(count))) - 2)
    return f"{ceil(count / step) * step:,}"


def _fall(gain: float) -> str:
    return "as good" if gain == 0 else f"{_amount(abs(gain))} {'better' if gain > 0 else 'worse'}"


def _amount(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.4g}"


def _verdict(row: Row, outcome: Literal["worse", "undecided", "not worse"], text: str) -> Verdict:
    return Verdict(row.task, row.metric, row.filter, outcome, text)
