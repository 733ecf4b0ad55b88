"""The entries of a root of task files, cached between runs.

A root is walked at every start. A file is not read again if its path, size and modification time, and those of the
files it includes, are the same as in the last run. The cache is a JSON file in the user's cache folder. It is written
to a temporary file and moved into place, so that several runs may write it at once. A missing or damaged cache only
costs time.
"""

from __future__ import annotations

import json
import logging
import os
import stat
import time
import zlib
from pathlib import Path
from typing import NamedTuple

from lm_eval.errors import TaskFileError
from lm_eval.task_files.entry import Entry, Kind, entries_of

__all__ = ["Scanned", "cache_folder", "scan"]

eval_logger = logging.getLogger("lm_eval")

_FORMAT = 2
_SKIPPED = frozenset({"__pycache__", ".ipynb_checkpoints"})
# A file that changes again within the clock tick in which it was read would look unchanged later.
_SETTLED_NS = 2_000_000_000
_ABSENT = (-1, -1)
_INDEXED = frozenset({"class", "dataset_name", "dataset_path", "group", "include", "output_type", "tag", "task"})
_KINDS = {kind.name: kind for kind in Kind}
_Keys = dict[str, object]
_CachedEntry = tuple[str, str, list[str], str, str]
"""Kind, name, tags, output type, dataset."""
_Record = tuple[int, int, list[str], list[_CachedEntry]]
"""Of a file: size, modification time, included files, entries. A plain tuple, since thousands are read at start."""


class Scanned(NamedTuple):
    """The content of a root.

    Attributes:
        entries: The tasks and groups, sorted by path. At the end come those of files with errors, if their name is
            known. Building such a task reports the error; without the entry, the name would silently stand for a
            task of an earlier root.
        problems: The errors of files whose name is not known either.
    """

    entries: list[Entry]
    problems: list[TaskFileError]


class _Fragments(NamedTuple):
    """The files of a root that were read so far.

    Attributes:
        own: Path to the keys of the file.
        merged: Path to the keys with includes merged, and the included files.
    """

    own: dict[str, _Keys]
    merged: dict[str, tuple[_Keys, list[str]]]


def cache_folder() -> Path:
    """Return the cache folder: LM_HARNESS_CACHE_PATH, else ``lm_eval`` in the user's cache folder."""
    named = os.environ.get("LM_HARNESS_CACHE_PATH")
    if named:
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path("~/.cache").expanduser()) / "lm_eval"


def _walk(root: str) -> tuple[dict[str, tuple[int, int]], list[TaskFileError]]:
    """Return the YAML files below a root, each with its size and modification time in nanoseconds, and what is no file.

    A folder that several paths lead to is walked once, by a path without links if there is one.
    """
    found: dict[str, tuple[int, int]] = {}
    problems: list[TaskFileError] = []
    folders: list[str] = [root]
    linked: list[str] = []
    walked: set[tuple[int, int]] = set()
    start = len(root.rstrip(os.sep)) + 1
    while folders or linked:
        folder = folders.pop() if folders else linked.pop()
        try:
            place = os.stat(folder)
            if (place.st_dev, place.st_ino) in walked:
                continue
            walked.add((place.st_dev, place.st_ino))
            entries = os.scandir(folder)
        except OSError:
            continue
        with entries:
            for entry in entries:
                name = entry.name
                try:
                    if name.endswith(".yaml"):
                        file = entry.stat()
                        if stat.S_ISREG(file.st_mode):
                            found[entry.path[start:]] = (file.st_size, file.st_mtime_ns)
                        else:
                            problems.append(TaskFileError("is no regular file", path=entry.path))
                    elif name not in _SKIPPED and entry.is_dir():
                        (linked if entry.is_symlink() else folders).append(entry.path)
                except OSError as error:
                    if name.endswith(".yaml"):
                        problems.append(TaskFileError(f"cannot be read: {error.strerror or error}", path=entry.path))
    return found, problems


def _stamp(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return _ABSENT
    return found.st_size, found.st_mtime_ns


def scan(root: Path) -> Scanned:
    """List the entries of a root without running any code in it.

    Args:
        root: A folder of task files.

    Returns:
        The entries and the errors.
    """
    base = os.path.abspath(root)
    target = cache_folder() / f"task-index-{zlib.crc32(os.fsencode(base)):08x}.json"
    began = time.time_ns()
    files, problems = _walk(base)
    known = _read(target, base)
    kept = {path: old for path, old in known.items() if files.get(path) == (old[0], old[1])}
    faulty: list[Entry] = []
    if len(kept) < len(files):
        from lm_eval.task_files.parse import parse_keys

        fragments = _Fragments({}, {})
        found: dict[str, _Record] = {}
        for path in sorted(files, key=lambda path: path.split(os.sep)):
            if path in kept:
                found[path] = kept[path]
                continue
            try:
                found[path] = (*files[path], *_examine(base, path, fragments))
            except TaskFileError as error:
                file = f"{base}{os.sep}{path}"
                try:
                    faulty += entries_of(parse_keys(file, _INDEXED), file)
                except TaskFileError:
                    problems.append(error)
        if len(found) > len(kept):
            _write(target, base, began, found)
        kept = found
    start = base.rstrip(os.sep) + os.sep
    entries = [
        Entry(name, _KINDS[kind], start + path, tags=tags, output_type=output_type, dataset=dataset)
        for path, (_, _, _, defined) in kept.items()
        for kind, name, tags, output_type, dataset in defined
    ]
    return Scanned([*entries, *faulty], problems)


def _examine(base: str, path: str, fragments: _Fragments) -> tuple[list[str], list[_CachedEntry]]:
    """Read a file and the files it includes; return the included files and the entries."""
    file = f"{base}{os.sep}{path}"
    keys, included = _index_keys(file, fragments, ())
    return included, [
        (entry.kind.name, entry.name, sorted(entry.tags), entry.output_type, entry.dataset)
        for entry in entries_of(keys, file)
    ]


def _index_keys(path: str, fragments: _Fragments, open_files: tuple[str, ...]) -> tuple[_Keys, list[str]]:
    """Return the keys that the index needs, with includes merged, and the included files."""
    from lm_eval.task_files.loader import included_files
    from lm_eval.task_files.parse import parse_keys

    if path not in fragments.own:
        fragments.own[path] = parse_keys(path, _INDEXED)
    own = fragments.own[path]
    if "include" not in own:
        return own, []
    merged: _Keys = {}
    included: dict[str, None] = {}
    for name in included_files(path, own["include"], None, open_files):
        if name not in fragments.merged:
            fragments.merged[name] = _index_keys(name, fragments, (*open_files, path))
        keys, further = fragments.merged[name]
        merged.update(keys)
        included.update(dict.fromkeys((name, *further)))
    merged.update(own)
    return merged, list(included)


def _read(target: Path, base: str) -> dict[str, _Record]:
    """Return the cached records of a root; without those whose included files have changed."""
    try:
        with open(target, "rb") as file:
            cached = json.loads(file.read())
        if cached["format"] != _FORMAT or cached["root"] != base:
            return {}
        names, records = cached["includes"], cached["files"]
        stale = {number for number, stamp in enumerate(cached["stamps"]) if _stamp(names[number]) != tuple(stamp)}
        if stale:
            records = {path: record for path, record in records.items() if stale.isdisjoint(record[2])}
        for record in records.values():
            if record[2]:
                record[2] = [names[number] for number in record[2]]
        return dict(records)
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return {}


def _write(target: Path, base: str, began: int, records: dict[str, _Record]) -> None:
    """Cache the records of files that have settled; do without if the folder cannot be written."""
    import tempfile

    names = list(dict.fromkeys(name for (_, _, included, _) in records.values() for name in included))
    numbers = {name: number for number, name in enumerate(names)}
    stamps = [_stamp(name) for name in names]
    settled = [mtime < began - _SETTLED_NS for _, mtime in stamps]
    files = {}
    for path, (size, mtime, included, entries) in records.items():
        places = [numbers[name] for name in included]
        if mtime < began - _SETTLED_NS and all(settled[place] for place in places):
            files[path] = (size, mtime, places, entries)
    content = {"format": _FORMAT, "root": base, "includes": names, "stamps": stamps, "files": files}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=target.stem, suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(json.dumps(content, separators=(",", ":"), ensure_ascii=False))
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except (OSError, UnicodeEncodeError) as error:
        eval_logger.debug("The index of task files is not cached: %s", error)
