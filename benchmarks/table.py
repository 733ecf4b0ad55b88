"""The rows of the printed table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Row", "render"]

_HEADER = ("what", "ours", "peer", "ratio", "target", "met", "note")


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement.

    Attributes:
        what: What was measured.
        ours: Our figure, with its unit.
        peer: The figure of what it is compared to.
        ratio: Ours to the peer's, as the target counts it; None when there is no peer.
        target: What is to be reached.
        met: Whether it is; None when the row is for information only.
        note: What else a reader needs: the peer, further figures, the spread.
    """

    what: str
    ours: str
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
        lines.append((row.what, row.ours, row.peer, ratio, row.target, met, row.note))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
