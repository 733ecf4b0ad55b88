"""Numbers and sentences that the terminal's and the Markdown form share."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval.reports.compare.types import Comparison, Flip, Gate, Row
from lm_eval.statistics.paired import ALPHA

__all__ = [
    "effect",
    "flip_ids",
    "gate_lines",
    "interval",
    "legend",
    "outcome",
    "p_value",
    "probability",
    "score",
    "shown_flips",
    "signed",
]

_MARKS = {
    "paired bootstrap": "b",
    "clustered paired bootstrap": "c",
    "stratified paired bootstrap": "s",
}


def score(value: float | None) -> str:
    """Show a score.

    Args:
        value: The score.

    Returns:
        Four decimals, or four digits of a large number; ``N/A`` for none.
    """
    return "N/A" if value is None else _number(value, 4)


def signed(row: Row) -> str:
    """Show a row's difference, or its ratio.

    Args:
        row: The row.

    Returns:
        ``+0.0200`` or ``x1.0200``; ``N/A`` for none.
    """
    if row.difference is None:
        return "N/A"
    return f"x{_number(row.difference, 4)}" if row.scale == "ratio" else _number(row.difference, 4, "+")


def interval(row: Row) -> str:
    """Show the interval of a row's difference.

    Args:
        row: The row.

    Returns:
        ``-0.110 to 0.070``; a dash for none.
    """
    if row.interval is None:
        return "-"
    return " to ".join(_number(bound, 3) for bound in row.interval)


def p_value(row: Row) -> str:
    """Show a row's p-value, marked with the test.

    Args:
        row: The row.

    Returns:
        Three decimals and no mark for McNemar's test, ``b``, ``c`` or ``s`` for bootstraps; a dash for no test.
    """
    return "-" if row.p_value is None else probability(row.p_value) + _MARKS.get(row.test or "", "")


def effect(row: Row) -> str:
    """Show the smallest detectable effect.

    Args:
        row: The row.

    Returns:
        Three decimals; a dash for none.
    """
    if row.minimum_detectable_effect is None:
        return "-"
    return ("x" if row.scale == "ratio" else "") + _number(row.minimum_detectable_effect, 3)


def probability(value: float) -> str:
    """Show a p-value.

    Args:
        value: A p-value.

    Returns:
        Three decimals, or ``<0.001``.
    """
    return "<0.001" if value < 0.0005 else f"{value:.3f}"


def _number(value: float, decimals: int, sign: str = "") -> str:
    if abs(value) >= 100:
        return f"{value:{sign}.{decimals}g}"
    text = f"{value:{sign}.{decimals}f}"
    # A tiny negative number is no negative zero.
    return text.replace("-", sign) if float(text) == 0 else text


def outcome(comparison: Comparison) -> list[str]:
    """Say which scores differ.

    Args:
        comparison: The comparison.

    Returns:
        Sentences, of tasks and of groups.
    """
    lines = []
    for name, rows in (("tasks", _rows(comparison, False)), ("groups", _rows(comparison, True))):
        tested = [row for row in rows if row.p_holm is not None]
        if not tested:
            continue
        found: dict[str, list[str]] = {"better": [], "worse": [], "different": []}
        for row in tested:
            if (row.p_holm or 0) <= ALPHA:
                word = "different" if not row.gain else "better" if row.gain > 0 else "worse"
                found[word].append(f"{row.task} {row.key}")
        said = "; ".join(f"{word}: {', '.join(names)}" for word, names in found.items() if names)
        count = comparison.families.get(name, len(tested))
        tests = f"1 test of {name}" if count == 1 else f"{count} tests of {name}"
        lines.append(f"B against A at 5 %, corrected for {tests}: {said or 'no difference found'}.")
    return lines


def legend(rows: Sequence[Row]) -> list[str]:
    """Explain the columns, and the marks that occur.

    Args:
        rows: The rows shown.

    Returns:
        Sentences.
    """
    tests = {row.test for row in rows}
    lines = ["p: two-sided; McNemar's mid-p for 0/1 scores"] if "mcnemar" in tests else ["p: two-sided"]
    for test, mark in _MARKS.items():
        if test in tests:
            lines[0] += f", {mark}: {test}"
    lines[0] += ". Holm: p corrected for all tests of tasks, or of groups, shown."
    lines.append("won/lost: documents on which B, or A, is better. MDE: the true difference found 4 times out of 5.")
    if any(row.scale == "ratio" for row in rows):
        lines.append("x: perplexities are compared by their ratio, B's divided by A's.")
    return lines


def flip_ids(row: Row, most: int = 5) -> str:
    """Name the docs of a 0/1 score that changed.

    Args:
        row: The row.
        most: The most ids a direction.

    Returns:
        ``2 lost: 3, 5; 1 won: 8``; empty when the score has other values, of which nearly all change a little.
    """
    if any(value not in (0, 1) for flip in row.flips for value in (flip.a, flip.b)):
        return ""
    parts = []
    for better, word in ((False, "lost"), (True, "won"), (None, "changed")):
        ids = [str(flip.doc_id) for flip in row.flips if flip.better is better]
        if ids:
            parts.append(f"{len(ids)} {word}: {', '.join(ids[:most])}{' …' if len(ids) > most else ''}")
    return "; ".join(parts)


def shown_flips(row: Row, most: int) -> list[Flip]:
    """Choose the flips to show: those that B lost first.

    Args:
        row: The row.
        most: How many.

    Returns:
        The flips.
    """
    return sorted(row.flips, key=lambda flip: flip.better is True)[:most]


def gate_lines(gate: Gate) -> list[str]:
    """Say whether B passes, and why.

    Args:
        gate: The gate.

    Returns:
        A sentence, then a line for each score that is worse or undecided, or for the others when there is none.
    """
    counts = {word: sum(v.outcome == word for v in gate.verdicts) for word in ("worse", "undecided", "not worse")}
    said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    first = (
        f"Gate {'passed' if gate.passed else 'FAILED'}: a fall of more than {gate.margin:g} is not accepted; {said}."
    )
    against = [verdict for verdict in gate.verdicts if verdict.outcome != "not worse"]
    lines = [
        f"{verdict.outcome}: {' '.join(filter(None, (verdict.task, _key(verdict.metric, verdict.filter))))}: "
        f"{verdict.text}"
        for verdict in against or gate.verdicts
    ]
    if counts["undecided"]:
        lines.append(
            "Undecided scores are let through as asked."
            if gate.undecided == "pass"
            else "Undecided scores fail: take more documents, accept a larger fall, or add --undecided pass."
        )
    return [first, *lines, *(f"not gated: {text}" for text in gate.not_gated)]


def _key(metric: str, pipeline: str) -> str:
    return metric if pipeline in ("none", "") else f"{metric},{pipeline}"


def _rows(comparison: Comparison, groups: bool) -> list[Row]:
    return [row for row in comparison.rows if row.is_group is groups]
