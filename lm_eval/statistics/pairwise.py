"""Comparisons of two answers: win rate, position bias, and the win rate at equal length."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lm_eval.statistics.intervals import LEVEL, Interval, interval_of, t_quantile, wilson

__all__ = [
    "LengthControlled",
    "PositionBias",
    "WinRate",
    "length_controlled",
    "length_controlled_rate",
    "length_controlled_stderr",
    "of_items",
    "position_bias",
    "win_rate",
]

_RIDGE = 1.0
"""Penalty on the square of the length coefficient: a normal prior with variance 1 on the scale of log odds."""
_MAX_STEPS = 100
_MAX_LOG_ODDS = 30.0
"""Log odds beyond which a fit counts as diverged: all outcomes are equal, or length alone separates them."""


@dataclass(frozen=True, slots=True)
class WinRate:
    """How often one side wins; a tie counts as half a win.

    Attributes:
        rate: The mean outcome, from 0 to 1.
        wins: Number of outcomes above 0.5.
        ties: Number of outcomes of exactly 0.5.
        losses: Number of outcomes below 0.5.
        stderr: Standard error of ``rate``; None for one comparison.
        interval: The interval of ``rate``; None when the outcomes do not determine one, such as ties only.
    """

    rate: float
    wins: int
    ties: int
    losses: int
    stderr: float | None
    interval: Interval | None


def win_rate(outcomes: Sequence[float], level: float = LEVEL) -> WinRate | None:
    """Return the win rate over documents.

    Args:
        outcomes: The outcome of each document: 1 for a win, 0.5 for a tie, 0 for a loss, or a probability.
        level: Coverage probability.

    Returns:
        The win rate. Its interval is Wilson's without ties, else Student's t within 0 and 1. None without outcomes.
    """
    n = len(outcomes)
    if not n:
        return None
    rate = math.fsum(outcomes) / n
    wins, losses = sum(each > 0.5 for each in outcomes), sum(each < 0.5 for each in outcomes)
    stderr = math.sqrt(math.fsum((each - rate) ** 2 for each in outcomes) / (n - 1) / n) if n > 1 else None
    interval = interval_of(outcomes, level)
    if interval is not None:
        interval = Interval(max(0.0, interval.low), min(1.0, interval.high), interval.method)
    return WinRate(rate, wins, n - wins - losses, losses, stderr, interval)


@dataclass(frozen=True, slots=True)
class PositionBias:
    """What the order of two answers does to a judge, over documents that were judged in both orders.

    Attributes:
        n: Number of documents with a verdict in both orders.
        consistent: Number of documents with the same verdict in both orders.
        towards_first: Number of documents where each verdict prefers the answer that came first.
        towards_second: Number of documents where each verdict prefers the answer that came second.
        first_rate: Share of verdicts that prefer the first answer, ties as half; 0.5 without bias.
        interval: The interval of ``first_rate``; documents are the sample. None when the verdicts determine none.
    """

    n: int
    consistent: int
    towards_first: int
    towards_second: int
    first_rate: float
    interval: Interval | None

    @property
    def flips(self) -> int:
        """Number of documents whose verdicts contradict each other."""
        return self.towards_first + self.towards_second


def position_bias(pairs: Sequence[tuple[float | None, float | None]], level: float = LEVEL) -> PositionBias | None:
    """Measure position bias.

    Args:
        pairs: For each document the outcome for the evaluated answer when it came first, and when it came second: 1
            for a win, 0.5 for a tie, 0 for a loss. None is a missing verdict.
        level: Coverage probability.

    Returns:
        The figures; None when no document has both verdicts.
    """
    both = [(one, two) for one, two in pairs if one is not None and two is not None]
    if not both:
        return None
    preferred_first = [(one + 1 - two) / 2 for one, two in both]
    rate = math.fsum(preferred_first) / len(both)
    # Most documents of a judge without bias have the value 0.5, so the values are no trials.
    interval = interval_of(preferred_first, level, trials=False)
    return PositionBias(
        n=len(both),
        consistent=sum(one == two for one, two in both),
        towards_first=sum(one > 0.5 > two for one, two in both),
        towards_second=sum(one < 0.5 < two for one, two in both),
        first_rate=rate,
        interval=interval and Interval(max(0.0, interval.low), min(1.0, interval.high), interval.method),
    )


@dataclass(frozen=True, slots=True)
class LengthControlled:
    """The win rate that remains when both answers are equally long.

    Attributes:
        rate: The win rate at equal length, from 0 to 1.
        stderr: Its standard error; None when the outcomes do not determine one.
        interval: Its interval; None like ``stderr``.
        length_effect: Change of the log odds when the evaluated answer is much longer; above 0 for a judge that
            prefers long answers.
    """

    rate: float
    stderr: float | None
    interval: Interval | None
    length_effect: float


def length_controlled(
    outcomes: Sequence[float], lengths: Sequence[tuple[float, float]], level: float = LEVEL
) -> LengthControlled | None:
    """Estimate the win rate at equal length.

    The model is a logistic regression of the outcome on an intercept and ``tanh(d / s)``, where d is the difference of
    the lengths and s its standard deviation; the rate is the prediction at ``d = 0`` (Dubois et al., 2024,
    *Length-controlled AlpacaEval*). Two things differ from that paper: the difficulty of each instruction is left out,
    because only the verdicts on many models determine it, and the penalty on the length effect is fixed instead of
    cross-validated.

    Args:
        outcomes: The outcome of each document: 1 for a win, 0.5 for a tie, 0 for a loss, or a probability.
        lengths: The lengths of the evaluated answer and of the baseline's, in the same order.
        level: Coverage probability.

    Returns:
        The estimate, with an interval by the robust (sandwich) variance; where all outcomes are equal wins or losses,
        the rate is that outcome and its interval is Wilson's. None without outcomes.
    """
    import numpy as np

    n = len(outcomes)
    differences = np.array([one - two for one, two in lengths], dtype=np.float64)
    if n != len(differences):
        raise ValueError(f"{n} outcomes have {len(differences)} lengths")
    if not n:
        return None
    values = np.array(outcomes, dtype=np.float64)
    if values.min() == values.max() and values[0] in (0.0, 1.0):
        found = Interval(*wilson(n * float(values[0]), n, level), "wilson")
        return LengthControlled(float(values[0]), None, found, 0.0)
    spread = float(differences.std())
    columns = np.column_stack([np.ones(n), np.tanh(differences / spread) if spread else np.zeros(n)])
    penalty = np.diag([0.0, _RIDGE])
    beta = np.zeros(2)
    for _ in range(_MAX_STEPS):
        chances = 1 / (1 + np.exp(-columns @ beta))
        hessian = (columns * (chances * (1 - chances))[:, None]).T @ columns + penalty
        step = np.linalg.solve(hessian, columns.T @ (values - chances) - penalty @ beta)
        beta = np.clip(beta + step, -_MAX_LOG_ODDS, _MAX_LOG_ODDS)
        if np.abs(step).max() < 1e-10:
            break
    rate = float(1 / (1 + np.exp(-beta[0])))
    if n < 3 or abs(beta[0]) >= _MAX_LOG_ODDS:
        return LengthControlled(rate, None, None, float(beta[1]))
    residuals = columns * (values - chances)[:, None]
    bread = np.linalg.inv(hessian)
    variance = float((bread @ (residuals.T @ residuals) @ bread)[0, 0]) * n / (n - 2)
    half = t_quantile((1 + level) / 2, n - 2) * math.sqrt(variance)
    low, high = (float(1 / (1 + np.exp(-(beta[0] + shift)))) for shift in (-half, half))
    interval = Interval(low, high, "logistic") if half else None
    return LengthControlled(rate, rate * (1 - rate) * math.sqrt(variance), interval, float(beta[1]))


def of_items(items: Sequence[Sequence[float]], level: float = LEVEL) -> LengthControlled | None:
    """Estimate the win rate at equal length from the values that documents have in results.

    Args:
        items: For each document ``[outcome, length of the evaluated answer, length of the baseline's]``.
        level: Coverage probability.

    Returns:
        As ``length_controlled``.
    """
    return length_controlled([item[0] for item in items], [(item[1], item[2]) for item in items], level)


def length_controlled_rate(items: Sequence[Sequence[float]]) -> float:
    """Return the win rate at equal length: the aggregation ``length_controlled``.

    Args:
        items: As for ``of_items``, at least one.
    """
    found = of_items(items)
    return math.nan if found is None else found.rate


def length_controlled_stderr(items: Sequence[Sequence[float]]) -> float | None:
    """Return the standard error of the win rate at equal length; None when the outcomes determine none.

    Args:
        items: As for ``of_items``.
    """
    found = of_items(items)
    return None if found is None else found.stderr
