"""The rows of the printed table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Row", "render"]

_HEADER = ("what", "this package", "peer", "ratio", "target", "met", "note")


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement.

    Attributes:
        what: What was measured.
        figure: The figure of this package, with its unit.
        peer: The figure of the peer, with its unit.
        ratio: The ratio of both figures, in the direction of the target; None without a peer.
        target: The target.
        met: Whether the target is met; None if the row has no target.
        note: Details: the peer, more figures, the spread.
    """

    what: str
    figure: str
    peer: str = ""
    ratio: float | None = None
    target: str = ""
    met: bool | None = None
    note: str = ""


def render(rows: Iterable[Row]) -> str:
    """Write rows as a Markdown table.

    Args:
        rows: The rows.

    Returns:
        The table, without a newline at its end.
    """
    lines = [_HEADER, tuple("---" for _ in _HEADER)]
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.3g}" if row.ratio < 100 else f"{row.ratio:,.0f}"
        met = "" if row.met is None else "yes" if row.met else "**no**"
        lines.append((row.what, row.figure, row.peer, ratio, row.target, met, row.note))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
