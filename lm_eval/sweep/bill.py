"""What a sweep would ask and cost, without asking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lm_eval.config.run import RunSettings
from lm_eval.errors import APIError, UserError
from lm_eval.planning import plan_run
from lm_eval.sweep.file import Cell, Sweep
from lm_eval.sweep.state import outcome_of

__all__ = ["bill"]

_HEAD = ("model", "tasks", "settings", "docs", "requests", "prompt tokens", "generated, at most", "cost, at most")


def bill(sweep: Sweep) -> tuple[str, int]:
    """Plan the runs of a sweep that are not complete.

    Args:
        sweep: The sweep.

    Returns:
        A Markdown table with their sum, and what cannot run; and the number of runs that cannot.
    """
    rows: list[Sequence[str]] = []
    faults: list[str] = []
    sums, costs = [0, 0, 0, 0], list[float | None]()
    for cell in sweep.cells:
        outcome = outcome_of(cell)
        if outcome is not None and not outcome.lost:
            rows.append((*_names(cell), "done", "", "", "", ""))
            continue
        settings = RunSettings.from_mapping(cell.options)
        settings.check_command()
        try:
            plan = plan_run(replace(settings, progress=False))
        except (UserError, APIError) as error:
            faults.append(f"! {cell.name}: {error}")
            rows.append((*_names(cell), "cannot run", "", "", "", ""))
            continue
        faults += [f"! {cell.name}: {name}: {why}" for name, why in {**plan.refused, **plan.faults}.items()]
        total = plan.total
        counts = [total.docs, total.requests, total.prompt_tokens, total.generated_tokens]
        sums = [one + other for one, other in zip(sums, counts, strict=True)]
        costs.append(total.cost)
        rows.append((*_names(cell), *(f"{count:,}" for count in counts), _money(total.cost)))
    rows.append(("all", "", "", *(f"{count:,}" for count in sums), _money(_sum(costs))))
    lines = [_HEAD, ["---"] * 3 + ["---:"] * 5, *rows]
    table = "\n".join(f"| {' | '.join(row)} |" for row in lines)
    note = "Tokens are estimates; equal requests of different runs count each time."
    return "\n".join([table, "", note, *faults]), sum("cannot run" in row for row in rows)


def _sum(costs: Sequence[float | None]) -> float | None:
    """Add up costs; None if one of them is not known."""
    known = [cost for cost in costs if cost is not None]
    return sum(known) if known and len(known) == len(costs) else None


def _names(cell: Cell) -> tuple[str, str, str]:
    return cell.model, cell.tasks, cell.name.removeprefix(f"{cell.model} {cell.tasks}").strip()


def _money(cost: float | None) -> str:
    return "" if cost is None else f"{cost:.2f}"
