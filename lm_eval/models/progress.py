"""One line that says how far a run is."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lm_eval.models.engine import Engine

__all__ = ["Progress"]


class Progress:
    """A tqdm line: done of total, rate, requests in flight, retries, errors, time left; silent where nobody looks."""

    def __init__(self, total: int, engine: Engine, shown: bool | None = None) -> None:
        """Open the line.

        Args:
            total: Responses to come.
            engine: Knows requests in flight and retries.
            shown: Whether to show it; None means when stderr is a terminal.
        """
        self.errors = 0
        self._engine = engine
        self._bar: Any = None
        if total and (sys.stderr.isatty() if shown is None else shown):
            from tqdm import tqdm

            self._bar = tqdm(
                total=total,
                desc="Requests",
                unit="req",
                mininterval=0.2,
                dynamic_ncols=True,
                bar_format="{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, "
                "{rate_fmt}{postfix}]",
            )

    def advance(self) -> None:
        """Count one response."""
        bar = self._bar
        if bar is not None and bar.update(1):
            bar.set_postfix_str(self._state(), refresh=False)

    def fail(self) -> None:
        """Count one response that was lost."""
        self.errors += 1
        self.advance()

    def _state(self) -> str:
        counts = self._engine.accounting
        cost = "" if counts.cost is None else f", cost {counts.cost:.4g}"
        return f"{self._engine.gate.inside} in flight, {counts.retries} retries, {self.errors} errors{cost}"

    def close(self) -> None:
        """Leave the line as it is."""
        if self._bar is not None:
            self._bar.set_postfix_str(self._state(), refresh=False)
            self._bar.close()
            self._bar = None
