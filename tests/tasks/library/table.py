"""Write docs/tasks.md and the pages below docs/tasks from the task files; a test keeps the pages up to date.

``python -m tests.tasks.library.table`` writes the pages; run it in the root of the repository. The column about checks
comes from ``tests/parity``. ``checked.json`` lists the tasks whose requests and scores equal those of the reference
harness on rows of the real dataset or on written documents, and the number of tasks of each family that are the same on
made documents; the folders under ``cases`` hold tests with written documents. ``left_out.tsv`` names the tasks of the
reference harness that are not here.
"""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import lm_eval.tasks
from lm_eval.task_files.entry import Entry, Kind, names_under
from lm_eval.task_files.families import SKILLS, Family, families
from lm_eval.task_files.languages import languages
from lm_eval.tasks import TaskManager

ROOT = Path(lm_eval.tasks.__file__).parent
DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = DOCS / "tasks.md"
FOLDER = DOCS / "tasks"
PARITY = Path(__file__).parents[2] / "parity"
LEFT_OUT = Path(__file__).with_name("left_out.tsv")
# The maximum number of names that a row shows; more names are shown as a pattern.
_FEW = 4
_HEAD = """\
# Built-in tasks

{tasks} tasks in {families} families. `lm_eval ls tasks` lists all names, and
`lm_eval ls tasks --language kor --skill math` those of a language and a skill. The page of a family has the prompt, the
versions, the paper and the licence of the data.

By skill: {skills}.

By region of the language: {regions}.

**Checked**: the reference harness (lm-evaluation-harness 0.4.13 with its task files) and this package sent the same
requests to the same deterministic fake model and computed the same scores. *Real data*: on rows of the dataset.
*Written data*: on documents written in the schema of the dataset. *Made data*: on documents with the columns of the
dataset and meaningless texts. *Not run*: on none. The figures are the number of checked tasks of a family.

A known difference: one of the 7,993 scores of `triviaqa`. There `İ` in lower case has two characters, and the
fixed-width arrays of the reference harness cut off the end of the answer.

| Family | | Tasks | Languages | Skills | Output types | Checked |
|---|---|---|---|---|---|---|
"""
_LEFT_OUT_HEAD = """
## Left out

Names of the reference harness that are not here:

| Names | Reason |
|---|---|
"""
_PAGE_HEAD = """\
# Tasks: {title}

A row has the tasks of a family that share output type, metrics and few-shot setting; `*` stands for a subject or a
language, followed by the number of tasks. **Few-shot**: the default number of shots. `first` means the first rows of
the few-shot split; other shots are sampled. A task with *fixed at 0* takes no shots. [All families](../tasks.md).

| Family | Tasks | Groups and tags | Languages | Output type | Metrics | Few-shot | Dataset |
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
    judged = (config.get("scorer") or {}).get("metrics", ["judge_score"]) if config.get("scorer") else []
    listed = [*(config.get("metric_list") or ()), *judged]
    names = [str(item if isinstance(item, str) else item["metric"]).rpartition(".")[2] for item in listed]
    # One metric per category is too many to read.
    return tuple(names if len(names) <= 6 else [*names[:5], "…"]) or _DEFAULT_METRICS.get(output_type, ())


def _row(entry: Entry) -> tuple[_Row, str]:
    """Return the row of a task and its dataset."""
    path = Path(entry.yaml_path or "")
    family, *parts = path.relative_to(ROOT).parent.parts
    if entry.kind is Kind.PY_TASK:
        return _Row(family, "", "a Python task", (), ""), ""
    config: Mapping[str, Any] = entry.cfg or {}
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


class Library:
    """What the pages say about the tasks of the library."""

    def __init__(self) -> None:
        """Read the index, the READMEs and the list of checked tasks."""
        manager = TaskManager()
        self.index = dict(manager.task_index.items())
        self.families: Mapping[str, Family] = families(manager)
        self.rows: dict[str, tuple[_Row, str]] = {
            name: _row(entry) for name, entry in self.index.items() if entry.kind in (Kind.TASK, Kind.PY_TASK)
        }
        self.members: dict[str, set[str]] = defaultdict(set)
        """The groups and tags of each task."""
        self.spread: dict[str, set[str]] = defaultdict(set)
        """The families of each group and tag."""
        for name, entry in self.index.items():
            if entry.kind in (Kind.GROUP, Kind.TAG):
                for task in names_under(self.index, [name]).intersection(self.rows):
                    self.members[task].add(name)
                    self.spread[name].add(self.rows[task][0].family)
        checked = json.loads((PARITY / "checked.json").read_text(encoding="utf-8"))
        self.real, self.written = set(checked["real data"]), set(checked["written data"])
        self.made: Mapping[str, int] = checked["made data"]
        for recorded in PARITY.glob("cases/*/expected.json"):
            cases = json.loads(recorded.read_text(encoding="utf-8"))
            self.written.update(case.partition(",")[0] for case in cases)

    def languages_of(self, name: str) -> list[str]:
        """Return the codes of a task's languages."""
        family = self.families.get(self.rows[name][0].family)
        return family.languages_of(name) if family else []

    def skills_of(self, name: str) -> list[str]:
        """Return the skills of a task."""
        family = self.families.get(self.rows[name][0].family)
        return family.skills_of(name) if family else []

    def checked(self, family: str, names: Sequence[str]) -> str:
        """Say how many tasks of a family were compared with the reference harness."""
        real, written = self.real.intersection(names), (self.written - self.real).intersection(names)
        counts = {"real data": len(real), "written data": len(written), "made data": self.made.get(family, 0)}
        parts = [f"{kind}: {count}" for kind, count in counts.items() if count]
        return f"{', '.join(parts)} of {len(names)}" if parts else "not run"


def _link(family: str, up: str = "..") -> str:
    return f"[{family}]({up}/lm_eval/tasks/{family}/README.md)"


def _few_codes(codes: Iterable[str]) -> str:
    found = sorted(set(codes))
    return ", ".join(found) if len(found) <= _FEW else f"{len(found)} languages"


def overview(library: Library) -> str:
    """Return the text of docs/tasks.md.

    Args:
        library: The library.
    """
    by_family: dict[str, list[str]] = defaultdict(list)
    for name, (row, _) in library.rows.items():
        by_family[row.family].append(name)
    lines = []
    for family, names in sorted(by_family.items()):
        about = library.families.get(family)
        shown = (
            _link(family),
            about.title if about else "",
            str(len(names)),
            _few_codes(code for name in names for code in library.languages_of(name)),
            ", ".join(sorted({skill for name in names for skill in library.skills_of(name)})),
            ", ".join(sorted({library.rows[name][0].output_type for name in names})),
            library.checked(family, names),
        )
        lines.append(f"| {' | '.join(shown)} |\n")
    skills = ", ".join(f"[{skill}](tasks/{skill}.md)" for skill in _used_skills(library))
    regions = ", ".join(f"[{region}](tasks/{region}.md)" for region in _used_regions(library))
    head = _HEAD.format(tasks=len(library.rows), families=len(by_family), skills=skills, regions=regions)
    return head + "".join(lines) + _left_out()


def _left_out() -> str:
    with LEFT_OUT.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t"))[1:]
    return _LEFT_OUT_HEAD + "".join(f"| `{names}` | {reason} |\n" for names, reason in rows) if rows else ""


def _used_skills(library: Library) -> list[str]:
    used = {skill for name in library.rows for skill in library.skills_of(name)}
    return [skill for skill in SKILLS if skill in used]


def _used_regions(library: Library) -> list[str]:
    known = languages()
    return sorted({known[code].region for name in library.rows for code in library.languages_of(name)})


def _page(title: str, library: Library, names: Iterable[str]) -> str:
    """Return the text of a page about some tasks."""
    rows: dict[_Row, list[str]] = defaultdict(list)
    for name in names:
        rows[library.rows[name][0]].append(name)
    lines = []
    for row, tasks in sorted(rows.items(), key=lambda item: (item[0].family, min(item[1]))):
        groups = {group for name in tasks for group in library.members[name]}
        of_family = {group for group in groups if len(library.spread[group]) == 1}
        shown = (
            _link(row.family, "../.."),
            collapse(tasks),
            # Groups and tags of several families, such as a leaderboard, are named in addition to those of the family.
            ", ".join(filter(None, (collapse(of_family), *(f"`{group}`" for group in sorted(groups - of_family))))),
            _few_codes(code for name in tasks for code in library.languages_of(name)),
            row.output_type,
            ", ".join(row.metrics),
            row.fewshot,
            collapse(filter(None, (library.rows[name][1] for name in tasks))),
        )
        lines.append(f"| {' | '.join(shown)} |\n")
    return _PAGE_HEAD.format(title=title) + "".join(lines)


def render() -> dict[Path, str]:
    """Return the text of all pages."""
    library, known = Library(), languages()
    pages = {PAGE: overview(library)}
    for skill in _used_skills(library):
        names = [name for name in library.rows if skill in library.skills_of(name)]
        pages[FOLDER / f"{skill}.md"] = _page(skill.replace("-", " "), library, names)
    for region in _used_regions(library):
        names = [n for n in library.rows if any(known[code].region == region for code in library.languages_of(n))]
        pages[FOLDER / f"{region}.md"] = _page(f"{region.replace('-', ' ')} languages", library, names)
    return pages


def write() -> None:
    """Write all pages, and delete those of skills and regions that no task has."""
    pages = render()
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.md"):
        if path not in pages:
            path.unlink()
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
