"""Faults of task files that do not stop a run but make its numbers wrong or useless.

They are found without data: from a task that was built, and from the keys that the members of a group report. The
prompts of a few documents show more; see `prompt_faults`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from lm_eval.api.result_keys import score_key
from lm_eval.task_files.entry import Entry, Kind, names_under
from lm_eval.text import first_names

if TYPE_CHECKING:
    from lm_eval.api.group import Group
    from lm_eval.api.task import Task
    from lm_eval.config.group import AggMetricConfig

__all__ = ["FaultFinder", "group_faults", "prompt_faults", "reported_keys", "task_faults"]

_FIELDS = ("doc_to_text", "doc_to_target", "doc_to_choice")
_SINGLE_BRACES = re.compile(r"(?<!\{)\{\s*[A-Za-z_]\w*\s*\}(?!\})")
# These filters look at one response at a time, so all repeats pass through them.
_PER_RESPONSE = frozenset(
    {"lowercase", "uppercase", "map", "format_span", "regex", "regex_pos", "multi_choice_regex", "remove_whitespace"}
)


def task_faults(task: Task) -> list[str]:
    """Find the faults of a task that show without data.

    Args:
        task: The task.

    Returns:
        One sentence per fault, with the key first.
    """
    return [*_template_faults(task), *_dropped_repeats(task), *_unknown_directions(task)]


def _template_faults(task: Task) -> list[str]:
    found = []
    for key in _FIELDS:
        value = getattr(task.config, key, None)
        if not isinstance(value, str) or "{{" in value or "{%" in value:
            continue
        braces = _SINGLE_BRACES.search(value)
        if braces:
            name = braces.group(0)
            found.append(f"{key} has {name} as it is; a template needs two braces: {{{name}}}")
        elif key == "doc_to_text" and _is_sentence(value):
            found.append(f"{key} is the same text for every document: it is neither a template nor a column")
    return found


def _is_sentence(value: str) -> bool:
    """Whether a text is too much for the name of a column, which may have spaces."""
    return "\n" in value.strip() or value.rstrip()[-1:] in {".", ":", "?"} or len(value.split()) > 4


def _dropped_repeats(task: Task) -> list[str]:
    """Find tasks that ask each Instance more than once and score one answer only."""
    repeats = task.config.repeats
    if repeats < 2 or task.over_repeats:
        return []
    pipelines = task.config.filter_list or [{"name": "none", "filter": [{"function": "take_first"}]}]
    if not all(_drops(pipeline) for pipeline in pipelines):
        return []
    return [
        f"repeats is {repeats}, but every filter pipeline keeps the first answer only; vote with majority_vote, or "
        "give a metric over_repeats"
    ]


def _drops(pipeline: Mapping[str, object]) -> bool:
    """Whether a pipeline takes the first answer before any step that looks at all of them."""
    steps = pipeline.get("filter")
    for step in steps if isinstance(steps, list) else []:
        name = step.get("function") if isinstance(step, Mapping) else None
        if name == "take_first":
            return True
        if name not in _PER_RESPONSE:
            return False
    return False


def _unknown_directions(task: Task) -> list[str]:
    unknown = [name for name, better in task.higher_is_better().items() if better is None]
    if not unknown:
        return []
    names = first_names(unknown)
    return [f"metric_list does not say whether higher is better for {names}: a gate cannot use it"]


def reported_keys(task: Task) -> set[str]:
    """Return the keys of the scores that a task reports, such as ``acc,none``.

    Args:
        task: The task.
    """
    pipelines = [str(pipeline.get("name")) for pipeline in task.config.filter_list or ()] or ["none"]
    return {score_key(metric, pipeline) for metric in task.aggregation() for pipeline in pipelines}


def group_faults(metrics: Sequence[AggMetricConfig], reported: Collection[str]) -> list[str]:
    """Find the faults of a group that show without data.

    Args:
        metrics: What the group aggregates.
        reported: The keys of the scores that its tasks report, such as ``acc,none``; empty if they are not known.

    Returns:
        One sentence per metric that no task reports.
    """
    found = []
    for config in metrics if reported else ():
        if config.filter_list is None:
            wanted, known = [_name_of(config.metric)], {key.partition(",")[0] for key in reported}
        else:
            wanted, known = [score_key(config.metric, name) for name in config.filter_list], set(reported)
        if not known.intersection(wanted):
            shown = first_names(sorted(reported))
            found.append(f"aggregate_metric_list has {first_names(wanted)}, which none of its tasks reports: {shown}")
    return found


def _name_of(metric: object) -> str:
    return str(getattr(metric, "__name__", metric))


def prompt_faults(prompts: Sequence[str]) -> list[str]:
    """Find faults that show in the prompts of documents.

    Args:
        prompts: The prompts of different documents, without shots.

    Returns:
        A sentence if all of at least two prompts are equal.
    """
    if len(prompts) < 2 or len(set(prompts)) > 1:
        return []
    return [f"the prompts of the first {len(prompts)} documents are equal: doc_to_text does not use the document"]


class FaultFinder:
    """Collects the faults of tasks and groups that are built one by one."""

    def __init__(self, index: Mapping[str, Entry]) -> None:
        """Start without faults.

        Args:
            index: The known names.
        """
        self._index = index
        self._reported: dict[str, set[str]] = {}
        self._aggregated: dict[str, Sequence[AggMetricConfig]] = {}
        self._found: list[tuple[str, str]] = []

    def add_task(self, name: str, task: Task) -> None:
        """Look at a task.

        Args:
            name: Its name in the index; the name of its group if it is written out there.
            task: The task.
        """
        self._found += [(name, fault) for fault in task_faults(task)]
        self._reported.setdefault(name, set()).update(reported_keys(task))

    def add_group(self, name: str, group: Group) -> None:
        """Look at a group, and at the tasks that are written out in it.

        Args:
            name: Its name in the index.
            group: The group, of which the members with files of their own may be missing.
        """
        for task in group.get_all_tasks():
            self.add_task(name, task)
        self._aggregated[name] = group.aggregate_metric_list or ()

    def found(self) -> list[tuple[str, str]]:
        """Return the names and faults, sorted by name; call it when everything was added."""
        of_groups = [
            (name, fault)
            for name, metrics in self._aggregated.items()
            for fault in group_faults(metrics, self._keys_under(name))
        ]
        return sorted([*self._found, *of_groups])

    def _keys_under(self, name: str) -> set[str]:
        """Return the keys that the tasks of a group report; none if those of any task are not known."""
        names = names_under(self._index, [name])
        if any(self._index[inner].kind in (Kind.TASK, Kind.PY_TASK) and inner not in self._reported for inner in names):
            return set()
        return {key for inner in names for key in self._reported.get(inner, ())}
