"""The scores as the page carries them: a tree of groups and tasks, with intervals and differences."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from lm_eval.reports.compare import Row
from lm_eval.reports.html.choices import finite
from lm_eval.results import Run, Score
from lm_eval.statistics.intervals import normal_quantile

__all__ = ["score_tree"]


def score_tree(run: Run, against: Run | None = None, rows: Iterable[Row] = ()) -> dict[str, Any]:
    """Lay scores out as groups with their members.

    Args:
        run: The run.
        against: The run to compare it with.
        rows: The comparison's rows, with ``against`` as A and ``run`` as B.

    Returns:
        ``roots``, names of groups and tasks that are in no group, and ``nodes``, name to what is shown of it.
    """
    others = {(score.task, score.key): score for score in against.scores} if against else {}
    compared = {(row.task, row.metric, row.filter): row for row in rows}
    members = {name: list(dict.fromkeys(names)) for name, names in run.group_subtasks.items()}
    nodes: dict[str, dict[str, Any]] = {}
    for name in [*members, *run.results["results"]]:
        if name not in nodes:
            nodes[name] = _node(run, name, members.get(name, ()))
    for name in {child for children in members.values() for child in children} - nodes.keys():
        nodes[name] = _node(run, name, ())
    for score in run.scores:
        entry = _entry(run, score)
        if (other := others.get((score.task, score.key))) is not None:
            entry |= _numbers(other=other.value, other_stderr=other.stderr)
        if (row := compared.get((score.task, score.metric, score.filter))) is not None:
            entry |= _difference(row)
        nodes[score.task]["scores"].append(entry)
    inside = {child for name, children in members.items() for child in children if child != name}
    return {"roots": [name for name in nodes if name not in inside], "nodes": list(nodes.items())}


def _node(run: Run, name: str, members: Collection[str]) -> dict[str, Any]:
    row = run.results["results"].get(name) or {}
    node: dict[str, Any] = {"label": str(row.get("alias") or name).lstrip(" -"), "scores": []}
    if members:
        node["members"] = list(members)
    for key, value in (
        ("shots", (run.results.get("n-shot") or {}).get(name)),
        ("version", (run.results.get("versions") or {}).get(name)),
        ("n", _docs(run, name, row)),
        ("lost", row.get("n_errors")),
    ):
        if value is not None:
            node[key] = value if isinstance(value, int | float) else str(value)
    return node


def _docs(run: Run, name: str, row: Mapping[str, Any]) -> int | None:
    counted = ((run.results.get("n-samples") or {}).get(name) or {}).get("effective")
    found = counted if counted is not None else row.get("sample_len")
    return found if isinstance(found, int) else None


def _entry(run: Run, score: Score) -> dict[str, Any]:
    entry: dict[str, Any] = {"metric": score.metric, "filter": score.filter, "value": finite(score.value)}
    if score.value is not None and entry["value"] is None:
        entry["text"] = str(score.value)
    if score.stderr is not None and math.isfinite(score.stderr):
        entry["stderr"] = score.stderr
    if score.higher_is_better is not None:
        entry["up"] = bool(score.higher_is_better)
    found = ((run.results.get("statistics") or {}).get(score.task) or {}).get(score.key) or {}
    for name in ("bounds", "clusters", "effective_n"):
        if name in found:
            entry[name] = found[name]
    ends = [finite(end) for end in score.interval or ()]
    if len(ends) == 2 and None not in ends:
        entry["interval"], entry["method"] = ends, str(found.get("method") or "")
    elif "stderr" in entry and entry["value"] is not None:
        half = normal_quantile(0.975) * entry["stderr"]
        entry["interval"], entry["method"] = [entry["value"] - half, entry["value"] + half], "normal"
    return entry


def _difference(row: Row) -> dict[str, Any]:
    """Return what the comparison says of a score: the numbers of ``lm_eval compare``."""
    entry: dict[str, Any] = _numbers(difference=row.difference)
    if row.scale == "ratio":
        entry["ratio"] = True
    if row.test is None:
        return entry | ({"no_test": row.reason} if row.reason else {})
    entry |= _numbers(p=row.p_value, p_holm=row.p_holm, mde=row.minimum_detectable_effect)
    entry |= {"test": row.test, "paired": row.n, "paired_values": [finite(row.b), finite(row.a)]}
    entry |= {"wins": row.wins, "losses": row.losses}
    ends = [finite(end) for end in row.interval or ()]
    if ends and None not in ends:
        entry["difference_interval"] = ends
    return entry


def _numbers(**values: float | None) -> dict[str, Any]:
    return {name: number for name, value in values.items() if (number := finite(value)) is not None}
