"""Format the numbers and sentences that the terminal and the Markdown output share."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval.api.result_keys import NOT_AVAILABLE
from lm_eval.reports.compare.types import Comparison, Flip, GateResult, Row
from lm_eval.statistics.paired import ALPHA

__all__ = [
    *("cells", "flip_ids", "gate_lines", "legend", "mark", "outcome", "shown_flips", "speed_lines", "win_rates"),
]

_MAX_TASKS_WITH_SPEED = 8
_MARKS = {
    "paired bootstrap": "b",
    "clustered paired bootstrap": "c",
    "stratified paired bootstrap": "s",
}


def cells(row: Row) -> dict[str, str]:
    """Format the numbers of a row.

    Args:
        row: The row.

    Returns:
        Title of the column to text; ``N/A`` for a missing score, a dash for any other missing number.
    """
    is_ratio, tested = row.scale == "ratio", row.test is not None
    interval, effect = row.interval, row.minimum_detectable_effect
    return {
        "n": str(row.n) if tested else "-",
        "A": _score(row.score_a if row.a is None else row.a),
        "B": _score(row.score_b if row.b is None else row.b),
        "B-A": _score(row.difference, "x", "") if is_ratio else _score(row.difference, "", "+"),
        "95 % interval": "-" if interval is None else " to ".join(_number(bound, 3) for bound in interval),
        "Test": row.test or "-",
        "p": _probability(row.p_value),
        "exact p": _probability(row.p_exact),
        "Holm": _probability(row.p_holm),
        "won": str(row.wins) if tested else "-",
        "lost": str(row.losses) if tested else "-",
        "MDE": "-" if effect is None else ("x" if is_ratio else "") + _number(effect, 3),
    }


def mark(row: Row) -> str:
    """Return the letter that marks the test of a p-value; empty for McNemar's test and without a test.

    Args:
        row: The row.

    Returns:
        ``b``, ``c``, ``s`` or nothing.
    """
    return _MARKS.get(row.test or "", "")


def _score(value: float | None, start: str = "", sign: str = "") -> str:
    return NOT_AVAILABLE if value is None else start + _number(value, 4, sign)


def _probability(value: float | None) -> str:
    if value is None:
        return "-"
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


def win_rates(rows: Sequence[Row]) -> list[str]:
    """Say on which share of the documents B is better, for scores that a judge gave.

    Args:
        rows: The rows in the table.

    Returns:
        One sentence per score.
    """
    lines = []
    for row in rows:
        if row.win_rate is not None:
            ends = row.win_rate_interval
            within = "" if ends is None else f" [{ends[0]:.1%}, {ends[1]:.1%}]"
            ties = row.n - row.wins - row.losses
            documents = f"{row.n} documents, with {ties} ties as half"
            lines.append(f"{row.task} {row.key}: B wins on {row.win_rate:.1%}{within} of {documents}.")
    return lines


def speed_lines(comparison: Comparison) -> list[str]:
    """Say how long the requests took in both runs; of the tasks only if there are few.

    Args:
        comparison: The comparison.

    Returns:
        One sentence per measure of the runs, and of each of two to eight tasks.
    """
    tasks = sum(bool(row.task) for row in comparison.speed)
    few = 1 < tasks <= _MAX_TASKS_WITH_SPEED
    return [f"{line}." for row in comparison.speed if few or not row.task for line in row.lines()]


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


def gate_lines(gate: GateResult) -> list[str]:
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
    lines = [f"{verdict.outcome}: {verdict.name}: {verdict.text}" for verdict in blocking or gate.verdicts]
    if counts["undecided"]:
        lines.append(
            "Undecided scores pass because of --undecided pass."
            if gate.undecided == "pass"
            else "Undecided scores fail: use more documents, accept a larger drop, or add --undecided pass."
        )
    return [first, *lines, *(f"not gated: {text}" for text in gate.not_gated)]
