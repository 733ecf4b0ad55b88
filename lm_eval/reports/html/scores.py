"""The scores as the page carries them: a tree of groups and tasks, with intervals and differences."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from lm_eval.reports.html.choices import finite
from lm_eval.results import Run, Score
from lm_eval.statistics.intervals import normal_quantile, t_interval

__all__ = ["score_tree"]

_SCORE_IS_THE_MEAN = 1e-6


def score_tree(
    run: Run, against: Run | None, pairs: Mapping[tuple[str, str, str], Sequence[tuple[float, float]]]
) -> dict[str, Any]:
    """Lay scores out as groups with their members.

    Args:
        run: The run.
        against: The run to compare it with.
        pairs: ``(task, filter, metric)`` to the values of docs that both runs have.

    Returns:
        ``roots``, names of groups and tasks that are in no group, and ``nodes``, name to what is shown of it.
    """
    others = {(score.task, score.key): score for score in against.scores} if against else {}
    members = {name: list(dict.fromkeys(names)) for name, names in run.group_subtasks.items()}
    nodes: dict[str, dict[str, Any]] = {}
    for name in [*members, *run.results["results"]]:
        if name not in nodes:
            nodes[name] = _node(run, name, members.get(name, ()))
    for name in {child for children in members.values() for child in children} - nodes.keys():
        nodes[name] = _node(run, name, ())
    for score in run.scores:
        entry = _entry(run, score)
        other = others.get((score.task, score.key))
        if other is not None:
            shared = [
                p for task in _leaves(score.task, members) for p in pairs.get((task, score.filter, score.metric), ())
            ]
            entry |= _difference(score, other, shared)
        nodes[score.task]["scores"].append(entry)
    inside = {child for name, children in members.items() for child in children if child != name}
    return {"roots": [name for name in nodes if name not in inside], "nodes": list(nodes.items())}


def _leaves(name: str, members: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the tasks of a group, or the task itself."""
    found: dict[str, None] = {}
    waiting, seen = [name], {name}
    while waiting:
        one = waiting.pop()
        inside = members.get(one)
        if not inside:
            found[one] = None
        new = [child for child in inside or () if child not in seen]
        seen.update(new)
        waiting += new
    return list(found)


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


def _difference(score: Score, other: Score, pairs: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Compare with the other run's score; with an interval of the difference where paired docs make up the scores."""
    entry: dict[str, Any] = {"other": finite(other.value)}
    if (stderr := finite(other.stderr)) is not None:
        entry["other_stderr"] = stderr
    if finite(score.value) is None or entry["other"] is None or score.value is None or other.value is None:
        return entry
    entry["difference"] = score.value - other.value
    n = len(pairs)
    if n < 2:
        return entry
    changes = [ours - theirs for ours, theirs in pairs]
    mean = math.fsum(changes) / n
    entry["wins"], entry["losses"] = sum(c > 0 for c in changes), sum(c < 0 for c in changes)
    if score.higher_is_better is False:
        entry["wins"], entry["losses"] = entry["losses"], entry["wins"]
    ours, theirs = (math.fsum(side) / n for side in zip(*pairs, strict=True))
    if max(abs(ours - score.value), abs(theirs - other.value)) <= _SCORE_IS_THE_MEAN:
        spread = math.sqrt(math.fsum((change - mean) ** 2 for change in changes) / (n - 1) / n)
        entry["difference_interval"] = [finite(end) for end in t_interval(mean, spread, n - 1)]
    return entry
