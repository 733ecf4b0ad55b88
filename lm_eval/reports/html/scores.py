"""Lay out the scores of a page: a tree of groups and tasks, with intervals and differences."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from lm_eval.reports.compare import Row
from lm_eval.reports.html.packing import finite
from lm_eval.results import Run, Score

__all__ = ["Node", "ScoreTree", "score_tree"]


class Node(TypedDict, total=False):
    """A group or a task as the page shows it."""

    label: str
    scores: list[dict[str, object]]
    members: list[str]
    shots: int
    n: int
    lost: int


class ScoreTree(TypedDict):
    """All scores of the page."""

    roots: list[str]
    """Names of groups and tasks that are in no group."""
    nodes: list[tuple[str, Node]]


def score_tree(run: Run, against: Run | None = None, rows: Iterable[Row] = ()) -> ScoreTree:
    """Lay scores out as groups with their members.

    Args:
        run: The run.
        against: The run to compare it with.
        rows: The rows of the comparison, with ``against`` as A and ``run`` as B.

    Returns:
        The tree.
    """
    others = {(score.task, score.key): score for score in against.scores} if against else {}
    compared = {(row.task, row.metric, row.filter): row for row in rows}
    children = {name: list(dict.fromkeys(group.children)) for name, group in run.groups.items()}
    inside = {child for name, names in children.items() for child in names if child != name}
    nodes = {name: _node(run, name) for name in dict.fromkeys([*children, *run.members, *sorted(inside)])}
    for name, names in children.items():
        nodes[name]["members"] = names
    for score in run.scores:
        entry = _entry(score)
        if (other := others.get((score.task, score.key))) is not None:
            entry |= _numbers(other=other.value, other_stderr=other.stderr)
        if (row := compared.get((score.task, score.metric, score.filter))) is not None:
            entry |= _difference(row)
        nodes[score.task]["scores"].append(entry)
    return {"roots": [name for name in nodes if name not in inside], "nodes": list(nodes.items())}


def _node(run: Run, name: str) -> Node:
    member = run.members.get(name)
    if member is None:
        return {"label": name, "scores": []}
    node: Node = {"label": member.alias, "scores": [], "lost": member.lost}
    if member.shots is not None:
        node["shots"] = member.shots
    if member.n is not None:
        node["n"] = member.n
    return node


def _entry(score: Score) -> dict[str, object]:
    if score.metric == "bypass":  # of predict_only; its value 999 stands for no score
        return {"metric": score.metric, "filter": score.filter, "value": None, "text": "not scored"}
    if score.not_computed:
        return {"metric": score.metric, "filter": score.filter, "value": None, "text": "not computed"}
    value, stderr = finite(score.value), finite(score.stderr)
    entry: dict[str, object] = {"metric": score.metric, "filter": score.filter, "value": value}
    if score.value is not None and value is None:
        entry["text"] = str(score.value)
    entry |= _numbers(stderr=stderr, clusters=score.clusters, effective_n=score.effective_n)
    if score.higher_is_better is not None:
        entry["up"] = score.higher_is_better
    if (bounds := _ends(score.bounds)) is not None:
        entry["bounds"] = bounds
    if (ends := _ends(score.interval)) is not None:
        entry["interval"], entry["method"] = ends, score.method
    elif (ends := _ends(score.shown_interval)) is not None:
        entry["interval"], entry["method"] = ends, "normal"
    return entry


def _difference(row: Row) -> dict[str, object]:
    """Return the numbers that ``lm_eval compare`` shows about a score."""
    entry: dict[str, object] = {**_numbers(difference=row.difference)}
    if row.scale == "ratio":
        entry["ratio"] = True
    if row.test is None:
        return entry | ({"no_test": row.reason} if row.reason else {})
    entry |= _numbers(p=row.p_value, p_holm=row.p_holm, mde=row.minimum_detectable_effect)
    entry |= {"test": row.test, "paired": row.n, "paired_values": [finite(row.b), finite(row.a)]}
    entry |= {"wins": row.wins, "losses": row.losses}
    if (ends := _ends(row.interval)) is not None:
        entry["difference_interval"] = ends
    return entry


def _ends(interval: tuple[float, float] | None) -> list[float | int] | None:
    """Return both ends of an interval; None when an end is missing or not finite."""
    ends = [end for end in map(finite, interval or ()) if end is not None]
    return ends if len(ends) == 2 else None


def _numbers(**values: float | None) -> dict[str, float | int]:
    return {name: number for name, value in values.items() if (number := finite(value)) is not None}
