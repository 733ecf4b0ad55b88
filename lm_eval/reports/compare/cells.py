"""Format the numbers and sentences that the terminal and the Markdown output share."""

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
    """Format a score.

    Args:
        value: The score.

    Returns:
        Four decimals, or four significant digits from 100 on; ``N/A`` for None.
    """
    return "N/A" if value is None else _number(value, 4)


def signed(row: Row) -> str:
    """Format a row's difference or ratio.

    Args:
        row: The row.

    Returns:
        Such as ``+0.0200`` or ``x1.0200``; ``N/A`` when there is none.
    """
    if row.difference is None:
        return "N/A"
    return f"x{_number(row.difference, 4)}" if row.scale == "ratio" else _number(row.difference, 4, "+")


def interval(row: Row) -> str:
    """Format the interval of a row's difference.

    Args:
        row: The row.

    Returns:
        Such as ``-0.110 to 0.070``; a dash when there is none.
    """
    if row.interval is None:
        return "-"
    return " to ".join(_number(bound, 3) for bound in row.interval)


def p_value(row: Row) -> str:
    """Format a row's p-value and mark which test it comes from.

    Args:
        row: The row.

    Returns:
        Three decimals, followed by ``b``, ``c`` or ``s`` for a bootstrap; a dash when there is no test.
    """
    return "-" if row.p_value is None else probability(row.p_value) + _MARKS.get(row.test or "", "")


def effect(row: Row) -> str:
    """Format the minimum detectable effect.

    Args:
        row: The row.

    Returns:
        Three decimals; a dash when there is none.
    """
    if row.minimum_detectable_effect is None:
        return "-"
    return ("x" if row.scale == "ratio" else "") + _number(row.minimum_detectable_effect, 3)


def probability(value: float) -> str:
    """Format a p-value.

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
    # Do not print a tiny negative number as -0.000.
    return text.replace("-", sign) if float(text) == 0 else text


def outcome(comparison: Comparison) -> list[str]:
    """Say which scores differ significantly.

    Args:
        comparison: The comparison.

    Returns:
        One sentence about tasks and one about groups, for those that have tests.
    """
    lines = []
    for name, is_group in (("tasks", False), ("groups", True)):
        rows = [row for row in comparison.rows if row.is_group is is_group]
        tested = [row for row in rows if row.p_holm is not None]
        if not tested:
            continue
        found: dict[str, list[str]] = {"better": [], "worse": [], "different": []}
        for row in tested:
            if (row.p_holm or 0) <= ALPHA:
                word = "different" if not row.gain else "better" if row.gain > 0 else "worse"
                found[word].append(f"{row.task} {row.key}")
        listed = "; ".join(f"{word}: {', '.join(names)}" for word, names in found.items() if names)
        count = comparison.families.get(name, len(tested))
        tests = f"1 test of {name}" if count == 1 else f"{count} tests of {name}"
        lines.append(f"B against A at the 5 % level, corrected for {tests}: {listed or 'no difference found'}.")
    return lines


def legend(rows: Sequence[Row]) -> list[str]:
    """Explain the columns and the marks that occur.

    Args:
        rows: The rows in the table.

    Returns:
        Sentences.
    """
    tests = {row.test for row in rows}
    lines = ["p: two-sided; McNemar's mid-p for 0/1 scores"] if "mcnemar" in tests else ["p: two-sided"]
    for test, mark in _MARKS.items():
        if test in tests:
            lines[0] += f", {mark}: {test}"
    lines[0] += ". Holm: p corrected for all tests of tasks, or of groups, in this table."
    lines.append(
        "won/lost: documents on which B is better, or A. MDE: the true difference that 4 of 5 runs would find."
    )
    if any(row.scale == "ratio" for row in rows):
        lines.append("x: perplexities are compared by their ratio, B divided by A.")
    return lines


def flip_ids(row: Row, limit: int = 5) -> str:
    """List the documents on which a 0/1 score changed.

    Args:
        row: The row.
        limit: Maximum number of ids per direction.

    Returns:
        Such as ``2 lost: 3, 5; 1 won: 8``; empty for other scores, where nearly every document changes a little.
    """
    if any(value not in (0, 1) for flip in row.flips for value in (flip.a, flip.b)):
        return ""
    parts = []
    for better, word in ((False, "lost"), (True, "won"), (None, "changed")):
        ids = [str(flip.doc_id) for flip in row.flips if flip.better is better]
        if ids:
            parts.append(f"{len(ids)} {word}: {', '.join(ids[:limit])}{' …' if len(ids) > limit else ''}")
    return "; ".join(parts)


def shown_flips(row: Row, limit: int) -> list[Flip]:
    """Choose the changed documents to show, those that B lost first.

    Args:
        row: The row.
        limit: Maximum number of documents.

    Returns:
        The flips.
    """
    return sorted(row.flips, key=lambda flip: flip.better is True)[:limit]


def gate_lines(gate: Gate) -> list[str]:
    """Say whether B passes the gate, and why.

    Args:
        gate: The gate.

    Returns:
        A sentence, then one line per score that is worse or undecided; when there is none, one line per other score.
    """
    counts = {word: sum(v.outcome == word for v in gate.verdicts) for word in ("worse", "undecided", "not worse")}
    counted = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    result = "passed" if gate.passed else "FAILED"
    first = f"Gate {result}: a drop of more than {gate.margin:g} is not accepted; {counted}."
    blocking = [verdict for verdict in gate.verdicts if verdict.outcome != "not worse"]
    lines = [
        f"{verdict.outcome}: {' '.join(filter(None, (verdict.task, _key(verdict.metric, verdict.filter))))}: "
        f"{verdict.text}"
        for verdict in blocking or gate.verdicts
    ]
    if counts["undecided"]:
        lines.append(
            "Undecided scores pass because of --undecided pass."
            if gate.undecided == "pass"
            else "Undecided scores fail: use more documents, accept a larger drop, or add --undecided pass."
        )
    return [first, *lines, *(f"not gated: {text}" for text in gate.not_gated)]


def _key(metric: str, pipeline: str) -> str:
    return metric if pipeline in ("none", "") else f"{metric},{pipeline}"
