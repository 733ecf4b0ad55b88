"""What a root of task files holds, kept between runs.

A root is walked at every start. A file whose path, size and time are those of the last run, and whose included files
are unchanged too, is not read again. The record is JSON in the user's cache folder; it is written to a temporary
file and moved into place, so that runs may write it at once, and nothing depends on it being there.
"""

from __future__ import annotations

import json
import logging
import os
import time
import zlib
from pathlib import Path
from typing import Any, NamedTuple

from lm_eval.errors import TaskFileError
from lm_eval.task_files.entry import Entry, Kind, describe

__all__ = ["Held", "cache_folder", "scan"]

eval_logger = logging.getLogger("lm_eval")

_FORMAT = 1
_SKIPPED = frozenset({"__pycache__", ".ipynb_checkpoints"})
# A file changed within the tick of the clock in which it was read would look unchanged later.
_SETTLED_NS = 2_000_000_000
_ABSENT = (-1, -1)
_INDEXED = frozenset({"class", "dataset_name", "dataset_path", "group", "include", "output_type", "tag", "task"})
_Keys = dict[str, Any]
_Record = Any
"""Of a file: size, time, included files, kind (empty for a fragment), name, tags, output type, dataset."""
_KINDS = {kind.name: kind for kind in Kind}


class Held(NamedTuple):
    """What a root holds.

    Attributes:
        entries: Its tasks and groups, sorted by path.
            Those of a file with a fault are among them, last, when it can be told: building them says what is wrong,
            where leaving them out would give their names to an earlier root's tasks.
        problems: What is wrong with the files of which not even a name can be told.
    """

    entries: list[Entry]
    problems: list[TaskFileError]


def cache_folder() -> Path:
    """Return the folder for what is kept between runs: LM_HARNESS_CACHE_PATH, else the user's cache folder."""
    named = os.environ.get("LM_HARNESS_CACHE_PATH")
    if named:
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path("~/.cache").expanduser()) / "lm_eval"


def _walk(root: str) -> dict[str, tuple[int, int]]:
    """Return the YAML files below a root with size and time."""
    found: dict[str, tuple[int, int]] = {}
    folders = [root]
    start = len(root.rstrip(os.sep)) + 1
    while folders:
        try:
            entries = os.scandir(folders.pop())
        except OSError:
            continue
        with entries:
            for entry in entries:
                name = entry.name
                if name.endswith(".yaml"):
                    try:
                        stat = entry.stat()
                    except OSError:
                        continue
                    found[entry.path[start:]] = (stat.st_size, stat.st_mtime_ns)
                elif name not in _SKIPPED and entry.is_dir():
                    folders.append(entry.path)
    return found


def _stamp(path: str) -> tuple[int, int]:
    try:
        stat = os.stat(path)
    except OSError:
        return _ABSENT
    return stat.st_size, stat.st_mtime_ns


def scan(root: Path) -> Held:
    """List what a root holds, without running any code in it.

    Args:
        root: A folder of task files.

    Returns:
        Its entries and its faults.
    """
    base = os.path.abspath(root)
    target = cache_folder() / f"task-index-{zlib.crc32(os.fsencode(base)):08x}.json"
    began = time.time_ns()
    files = _walk(base)
    known = _read(target, base)
    kept = {path: old for path, old in known.items() if files.get(path) == (old[0], old[1])}
    problems: list[TaskFileError] = []
    faulty: list[Entry] = []
    if len(kept) < len(files):
        from lm_eval.task_files.parse import parse_keys

        fragments: dict[str, tuple[_Keys, list[str]]] = {}
        found: dict[str, _Record] = {}
        for path in sorted(files, key=lambda path: path.split(os.sep)):
            if path in kept:
                found[path] = kept[path]
                continue
            try:
                found[path] = (*files[path], *_examine(base, path, fragments))
            except TaskFileError as error:
                try:
                    alone = describe(parse_keys(f"{base}{os.sep}{path}", _INDEXED), f"{base}{os.sep}{path}")
                except TaskFileError:
                    problems.append(error)
                else:
                    faulty += [alone] if alone is not None else []
        if len(found) > len(kept):
            _write(target, base, began, found)
        kept = found
    start = base.rstrip(os.sep) + os.sep
    entries = [
        Entry(name, _KINDS[kind], start + path, tags=tags, output_type=output_type, dataset=dataset)
        for path, (_, _, _, kind, name, tags, output_type, dataset) in kept.items()
        if kind
    ]
    return Held([*entries, *faulty], problems)


def _examine(
    base: str, path: str, fragments: dict[str, tuple[_Keys, list[str]]]
) -> tuple[list[str], str, str, list[str], str, str]:
    """Read a file and what it includes; return its part of the record."""
    keys, used = _index_keys(f"{base}{os.sep}{path}", fragments, ())
    entry = describe(keys, f"{base}{os.sep}{path}")
    if entry is None:
        return used, "", "", [], "", ""
    return used, entry.kind.name, entry.name, sorted(entry.tags), entry.output_type, entry.dataset


def _index_keys(
    path: str, fragments: dict[str, tuple[_Keys, list[str]]], open_files: tuple[str, ...]
) -> tuple[_Keys, list[str]]:
    """Return the keys an index needs, with includes merged, and the files included."""
    from lm_eval.task_files.loader import included_files
    from lm_eval.task_files.parse import parse_keys

    own = parse_keys(path, _INDEXED)
    if "include" not in own:
        return own, []
    merged: _Keys = {}
    used: dict[str, None] = {}
    for name in included_files(path, own["include"], None, open_files):
        if name not in fragments:
            fragments[name] = _index_keys(name, fragments, (*open_files, path))
        keys, further = fragments[name]
        merged.update(keys)
        used.update(dict.fromkeys((name, *further)))
    merged.update(own)
    return merged, list(used)


def _read(target: Path, base: str) -> dict[str, _Record]:
    """Return the kept records of a root whose included files are unchanged."""
    try:
        with open(target, "rb") as file:
            kept = json.loads(file.read())
        if kept["format"] != _FORMAT or kept["root"] != base:
            return {}
        names, stamps, records = kept["includes"], kept["stamps"], kept["files"]
        stale = {place for place, name in enumerate(names) if _stamp(name) != tuple(stamps[place])}
        if stale:
            records = {path: record for path, record in records.items() if stale.isdisjoint(record[2])}
        for record in records.values():
            if record[2]:
                record[2] = [names[place] for place in record[2]]
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return {}
    return dict(records)


def _write(target: Path, base: str, began: int, records: dict[str, _Record]) -> None:
    """Keep the records of files that have settled, or go without when the folder cannot be written."""
    import tempfile

    names = list(dict.fromkeys(name for record in records.values() for name in record[2]))
    places = {name: place for place, name in enumerate(names)}
    stamps = [_stamp(name) for name in names]
    settled = [mtime < began - _SETTLED_NS for _, mtime in stamps]
    files = {}
    for path, (size, mtime, used, *rest) in records.items():
        included = [places[name] for name in used]
        if mtime < began - _SETTLED_NS and all(settled[place] for place in included):
            files[path] = (size, mtime, included, *rest)
    kept = {"format": _FORMAT, "root": base, "includes": names, "stamps": stamps, "files": files}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=target.stem, suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(json.dumps(kept, separators=(",", ":"), ensure_ascii=False))
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except (OSError, UnicodeEncodeError) as error:
        eval_logger.debug("The index of task files is not kept: %s", error)
