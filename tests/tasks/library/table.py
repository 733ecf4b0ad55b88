"""Write the table of docs/tasks.md from the task files; a test keeps the page up to date.

``python -m tests.tasks.library.table`` writes the page; run it in the root of the repository. The column about checks
comes from ``tests/parity``. ``checked.json`` lists the tasks whose requests and scores equal those of the reference
harness on rows of the real dataset or on written documents; the folders under ``cases`` hold tests with written
documents.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import lm_eval.tasks
from lm_eval.task_files.entry import Entry, Kind
from lm_eval.task_files.index import TaskIndex
from lm_eval.task_files.loader import load_yaml

ROOT = Path(lm_eval.tasks.__file__).parent
PAGE = Path(__file__).resolve().parents[3] / "docs" / "tasks.md"
PARITY = Path(__file__).parents[2] / "parity"
# The maximum number of names that a row shows; more names are shown as a pattern.
_FEW = 4
_HEAD = """\
# Built-in tasks

{tasks} tasks in {families} families. A row has the tasks of a family that share output type, metrics and few-shot
setting; `*` stands for a subject or a language, followed by the number of tasks. `lm_eval ls tasks` lists all names.
The page of a family has the prompt, the versions, the paper and the licence of the data.

- **Few-shot**: the default number of shots. `first` means the first rows of the few-shot split; other shots are
  sampled. A task with *fixed at 0* takes no shots.
- **Checked**: the reference harness (lm-evaluation-harness 0.4.13 with its task files) and this package sent the same
  requests to the same deterministic fake model and computed the same scores. *Real data*: on rows of the dataset.
  *Written data*: on documents written in the schema of the dataset. *Not run*: on neither. The figures are the number
  of checked tasks of a row, most of them on 3 to 20 rows with several few-shot settings and chat templates.

A known difference: one of the 7,993 scores of `triviaqa`. There `İ` in lower case has two characters, and the
fixed-width arrays of the reference harness cut off the end of the answer.

Missing: `realtoxicityprompts`, which needs an external service (Perspective API). Other tasks written for
lm-evaluation-harness run with `--include_path FOLDER`, see [task files](task_files.md).

| Family | Tasks | Groups and tags | Output type | Metrics | Few-shot | Dataset | Checked |
|---|---|---|---|---|---|---|---|
"""
_DEFAULT_METRICS = {
    "loglikelihood": ("perplexity", "acc"),
    "loglikelihood_rolling": ("word_perplexity", "byte_perplexity", "bits_per_byte"),
    "multiple_choice": ("acc", "acc_norm"),
    "generate_until": ("exact_match",),
}


class _Row(NamedTuple):
    """The fields that the tasks of a row share."""

    family: str
    part: str
    output_type: str
    metrics: tuple[str, ...]
    fewshot: str


def _fewshot(config: Mapping[str, Any]) -> str:
    shots = config.get("num_fewshot")
    fewshot = config.get("fewshot_config") or {}
    if shots == 0:
        return "fixed at 0"
    if isinstance(fewshot.get("samples"), list):
        return f"{shots or 0}, written out"
    return f"{shots or 0}, first" if fewshot.get("sampler") == "first_n" else f"{shots or 0}"


def _metrics(config: Mapping[str, Any], output_type: str) -> tuple[str, ...]:
    names = [str(item["metric"]).rpartition(".")[2] for item in config.get("metric_list") or ()]
    # One metric per category is too many to read.
    return tuple(names if len(names) <= 6 else [*names[:5], "…"]) or _DEFAULT_METRICS.get(output_type, ())


def _row(entry: Entry) -> tuple[_Row, str]:
    """Return the row of a task and its dataset."""
    path = Path(entry.yaml_path or "")
    family, *parts = path.relative_to(ROOT).parent.parts
    config = load_yaml(path, resolve_func=False)
    if entry.kind is Kind.PY_TASK:
        return _Row(family, "", "a Python task", (), ""), ""
    output_type = str(config.get("output_type") or "generate_until")
    row = _Row(family, parts[0] if parts else "", output_type, _metrics(config, output_type), _fewshot(config))
    return row, str(config.get("dataset_path") or "Python code")


def _shared_start(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    return first[: next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]


def collapse(names: Iterable[str]) -> str:
    """Write many names as a pattern.

    Args:
        names: The names.

    Returns:
        Markdown: the names, or ``first*last`` and their number.
    """
    distinct = sorted(set(names))
    if len(distinct) <= _FEW:
        return ", ".join(f"`{name}`" for name in distinct)
    start = _shared_start(distinct)
    end = _shared_start([name[len(start) :][::-1] for name in distinct])[::-1]
    # Complete words only, so that the star replaces a word.
    start = re.sub(r"[^_/-]*$", "", start) or start
    end = re.sub(r"^[^_/-]*", "", end)
    if not start and not end:
        return ", ".join(f"`{name}`" for name in distinct)
    return f"`{start}*{end}` ({len(distinct)})"


def _leaves(item: object, index: Mapping[str, Entry]) -> Iterator[str]:
    """Yield the tasks under a name, a list or an inline item of a group."""
    if isinstance(item, list):
        for member in item:
            yield from _leaves(member, index)
    elif isinstance(item, dict):
        yield from _leaves(item.get("task", item.get("group")), index)
    elif (entry := index.get(str(item))) is None:
        return
    elif entry.kind is Kind.GROUP:
        yield from _leaves(load_yaml(entry.yaml_path or "", resolve_func=False)["task"], index)
    elif entry.kind is Kind.TAG:
        yield from entry.tags
    else:
        yield entry.name


def _members(index: Mapping[str, Entry]) -> dict[str, set[str]]:
    """Return the groups and tags of each task."""
    members: dict[str, set[str]] = defaultdict(set)
    for name, entry in index.items():
        if entry.kind in (Kind.GROUP, Kind.TAG):
            for task in _leaves(name, index):
                members[task].add(name)
    return members


def _checked(names: Sequence[str], real: set[str], written: set[str]) -> str:
    counts = {"real data": len(real.intersection(names)), "written data": len((written - real).intersection(names))}
    checks = [f"{kind}: {count} of {len(names)}" for kind, count in counts.items() if count]
    return "; ".join(checks) if checks else "not run"


def render() -> str:
    """Return the text of the page."""
    index = TaskIndex.build([ROOT])
    rows: dict[_Row, dict[str, str]] = defaultdict(dict)
    families: dict[str, set[str]] = defaultdict(set)
    members = _members(index)
    for name, entry in index.items():
        if entry.kind in (Kind.TASK, Kind.PY_TASK):
            shared, dataset = _row(entry)
            rows[shared][name] = dataset
            for group in members[name]:
                families[group].add(shared.family)
    checked = json.loads((PARITY / "checked.json").read_text(encoding="utf-8"))
    real, written = set(checked["real data"]), set(checked["written data"])
    for recorded in PARITY.glob("cases/*/expected.json"):
        written.update(case.partition(",")[0] for case in json.loads(recorded.read_text(encoding="utf-8")))
    lines = []
    for row, datasets in sorted(rows.items(), key=lambda item: (item[0].family, min(item[1]))):
        groups = {group for name in datasets for group in members[name]}
        of_family = {group for group in groups if len(families[group]) == 1}
        shown = (
            f"[{row.family}](../lm_eval/tasks/{row.family}/README.md)",
            collapse(datasets),
            # Groups and tags of several families, such as a leaderboard, are named in addition to those of the family.
            ", ".join(filter(None, (collapse(of_family), *(f"`{group}`" for group in sorted(groups - of_family))))),
            row.output_type,
            ", ".join(row.metrics),
            row.fewshot,
            collapse(filter(None, datasets.values())),
            _checked(list(datasets), real, written),
        )
        lines.append(f"| {' | '.join(shown)} |\n")
    head = _HEAD.format(tasks=sum(map(len, rows.values())), families=len({row.family for row in rows}))
    return head + "".join(lines)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
