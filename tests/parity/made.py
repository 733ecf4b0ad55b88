"""Compare tasks with the reference harness on made documents.

The cases, the documents and the program that runs them lie in ``parity/autodoc`` of the shared folder: what the
reference harness asked and scored on documents that have the right columns and meaningless texts. This module runs our
tasks on the same documents and compares. ``python -m tests.parity.made`` runs them all, in as many processes as there
are cores; ``--match REGEX`` runs some.
"""

from __future__ import annotations

import argparse
import fnmatch
import gzip
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from lm_eval.tasks import TaskManager

__all__ = [
    "UNFAIR",
    "differences",
    "known_reason",
    "one_per_template",
    "read_cases",
    "run_cases",
    "scores",
    "tasks_with_cases",
]

ROOT = Path(__file__).resolve().parents[2]
_MAX_PER_FOLDER = 20
# Patterns of the tasks in which the reference harness and this package differ for a reason that is not a fault of ours.
UNFAIR: dict[str, str] = json.loads(Path(__file__).with_name("unfair.json").read_text(encoding="utf-8"))


def known_reason(key: str) -> str | None:
    """Return why a case may differ from the reference harness; None if it may not.

    Args:
        key: The case, ``task|variant``.
    """
    task = key.partition("|")[0]
    return next((reason for pattern, reason in UNFAIR.items() if fnmatch.fnmatchcase(task, pattern)), None)


def read_cases(folder: Path) -> dict[str, Any]:
    """Return the recorded cases by ``task|variant``, without those in which the reference harness failed.

    Args:
        folder: The folder with ``visible.json.gz``.
    """
    with gzip.open(folder / "visible.json.gz", "rt", encoding="utf-8") as file:
        return {key: case for key, case in json.load(file).items() if "error" not in case}


def tasks_with_cases(folder: Path) -> list[str]:
    """Return the names of the tasks that have made documents and exist here, sorted.

    Args:
        folder: The folder with ``documents-visible.json.gz``.
    """
    with gzip.open(folder / "documents-visible.json.gz", "rt", encoding="utf-8") as file:
        named = json.load(file)["tasks"]
    return sorted(set(named).intersection(TaskManager().all_subtasks))


def one_per_template(names: Iterable[str]) -> list[str]:
    """Choose one task of each template, which is a row of a task file, and at most twenty of a folder.

    Args:
        names: The names of tasks.

    Returns:
        The chosen names, sorted.
    """
    index = TaskManager().task_index
    folders: dict[Path, dict[tuple[str, int], str]] = {}
    for name in sorted(names):
        entry = index[name]
        path = Path(entry.file or name)
        folders.setdefault(path.parent, {}).setdefault((path.name, entry.line), name)
    chosen: list[str] = []
    for templates in folders.values():
        step = -(-len(templates) // _MAX_PER_FOLDER)
        chosen += list(templates.values())[::step]
    return sorted(chosen)


def run_cases(
    folder: Path, names: Sequence[str], variants: Sequence[str] = (), processes: int | None = None
) -> dict[str, Any]:
    """Run tasks on their made documents.

    Args:
        folder: The folder with the program and the documents.
        names: The tasks.
        variants: The variants to run; empty runs those that the documents name.
        processes: The number of processes; None takes the number of cores.

    Returns:
        The cases by ``task|variant``; a case that failed has the key ``error``.
    """
    count = processes or os.cpu_count() or 1
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "PYTHONHASHSEED": "0"}
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        chosen = Path(temporary) / "names"
        chosen.write_text("\n".join(names), encoding="utf-8")
        running = []
        for number in range(count):
            out = Path(temporary) / f"{number}.jsonl"
            words = [sys.executable, str(folder / "run_cases.py"), "--out", str(out), "--only-known"]
            words += ["--cases", str(folder / "documents-visible.json.gz"), "--tasks", str(chosen)]
            words += ["--shard", f"{number}/{count}", *(word for name in variants for word in ("--variant", name))]
            running.append((out, subprocess.Popen(words, env=environment, cwd=temporary, stderr=subprocess.PIPE)))
        for out, process in running:
            _, errors = process.communicate()
            if process.returncode:
                raise RuntimeError(errors.decode()[-2000:])
            found.update(json.loads(line) for line in out.read_text(encoding="utf-8").splitlines())
    return found


def _program(folder: Path) -> ModuleType:
    """Import the program that compares numbers."""
    spec = importlib.util.spec_from_file_location("run_cases", folder / "run_cases.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def scores(case: Mapping[str, Any]) -> dict[str, object]:
    """Return the scores of a recorded case, without standard errors, by task and metric.

    Args:
        case: The case.
    """
    return {
        f"{task} {key}": value
        for task, row in case["results"].items()
        for key, value in row.items()
        if "_stderr" not in key
    }


def differences(folder: Path, expected: Mapping[str, Any], measured: Mapping[str, Any]) -> dict[str, str]:
    """Compare cases.

    Args:
        folder: The folder with the program, which knows when two numbers are close.
        expected: The cases of the reference harness.
        measured: Our cases; only theirs are compared.

    Returns:
        What differs, by ``task|variant``.
    """
    close = _program(folder).close
    found: dict[str, str] = {}
    for key, mine in measured.items():
        theirs = expected.get(key)
        if theirs is None:
            continue
        if "error" in mine:
            found[key] = str(mine["error"])
            continue
        a, b = scores(theirs), scores(mine)
        parts = [] if theirs["per_request"] == mine["per_request"] else ["requests"]
        parts += [
            f"{name}: {a.get(name)} and {b.get(name)}" for name in sorted({*a, *b}) if not _same(close, a, b, name)
        ]
        for field in ("n-shot", "versions"):
            parts += [] if all(theirs[field].get(k) == mine[field].get(k) for k in theirs["results"]) else [field]
        for field in ("higher_is_better", "n-samples"):
            parts += [] if theirs.get(field) == mine.get(field) else [field]
        # A dataset may be loaded once here and twice there.
        if {str(call[:2]) for call in theirs["datasets"]} != {str(call[:2]) for call in mine["datasets"]}:
            parts.append("datasets")
        if parts:
            found[key] = "; ".join(parts)
    return found


def _same(close: Any, a: Mapping[str, object], b: Mapping[str, object], name: str) -> bool:
    return name in a and name in b and bool(close(a[name], b[name]))


def main() -> int:
    """Run the cases and print those that differ.

    Returns:
        0 if all are the same but those of ``unfair.json``, else 1.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared", help="The shared folder.")
    parser.add_argument("--match", default="", help="A regular expression; only tasks whose names have a match run.")
    parser.add_argument("--variant", action="append", default=[], help="Only this variant; may be given several times.")
    options = parser.parse_args()
    folder = options.shared / "parity" / "autodoc"
    names = [name for name in tasks_with_cases(folder) if re.search(options.match, name)]
    expected, measured = read_cases(folder), run_cases(folder, names, options.variant)
    found = differences(folder, expected, measured)
    for key, text in sorted(found.items()):
        reason = known_reason(key)
        print(f"{key}: {text[:300]}{f' (known: {reason})' if reason else ''}")
    compared = sum(key in expected for key in measured)
    unknown = [key for key in found if known_reason(key) is None]
    print(f"{len(names)} tasks: {compared - len(found)} of {compared} cases are the same")
    print(f"{len(unknown)} differ without a known reason")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
