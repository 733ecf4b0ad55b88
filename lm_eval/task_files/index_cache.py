"""The entries of a root of task files, cached between runs.

A root is walked at every start. A file is not read again if its path, size and modification time, and those of the
files it includes, are the same as in the last run. The cache is a JSON file in the user's cache folder. It is written
to a temporary file and moved into place, so that several runs may write it at once. A missing or damaged cache only
costs time.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import logging
import os
import stat
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lm_eval.errors import TaskFileError
from lm_eval.task_files.entry import Entry, Kind, entries_of

if TYPE_CHECKING:
    from lm_eval.task_files.reader import Reader

__all__ = ["Scanned", "cache_folder", "scan"]

eval_logger = logging.getLogger("lm_eval")

_FORMAT = 3
_SKIPPED = frozenset({"__pycache__", ".ipynb_checkpoints"})
# A file that changes again within the clock tick in which it was read would look unchanged later.
_SETTLED_NS = 2_000_000_000
_ABSENT = (-1, -1)
_INDEXED = frozenset(
    {
        "class",
        "dataset_name",
        "dataset_path",
        "each",
        "group",
        "include",
        "output_type",
        "tag",
        "task",
        "task_list",
    }
)
_KINDS = {kind.name: kind for kind in Kind}
_CachedEntry = tuple[str, str, list[str], str, str, int]
"""Kind, name, tags, output type, dataset, line."""
_Record = tuple[int, int, list[str], list[_CachedEntry]]
"""Of a file: size, modification time, the files it depends on, entries. A plain tuple, since thousands are read."""


class Scanned(NamedTuple):
    """The content of a root.

    Attributes:
        entries: The tasks and groups, sorted by path. At the end come those of files with errors, if their name is
            known. Building such a task reports the error; without the entry, the name would silently stand for a
            task of an earlier root.
        problems: The errors of files whose name is not known either, and of single rows.
    """

    entries: list[Entry]
    problems: list[TaskFileError]


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
        with _no_collection():
            found, faulty, further = _examine_all(base, files, kept)
        problems += further
        if len(found) > len(kept):
            # A file with a faulty row is read at every start, so that the error is seen.
            _write(target, base, began, found, {str(problem.path) for problem in further})
        kept = found
    start = base.rstrip(os.sep) + os.sep
    entries = [
        Entry(name, _KINDS[kind], start + path, tags=tags, output_type=output_type, dataset=dataset, line=line)
        for path, (_, _, _, defined) in kept.items()
        for kind, name, tags, output_type, dataset, line in defined
    ]
    return Scanned([*entries, *faulty], problems)


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Switch the garbage collector off: the many small objects of a scan stay, so that it would search them in vain."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _examine_all(
    base: str, files: dict[str, tuple[int, int]], kept: dict[str, _Record]
) -> tuple[dict[str, _Record], list[Entry], list[TaskFileError]]:
    """Read the files whose records are not kept; return all records, the entries of faulty files, and the errors."""
    from lm_eval.task_files.parse import parse_keys
    from lm_eval.task_files.reader import Reader

    read = functools.cache(functools.partial(parse_keys, keys=_INDEXED))
    reader = Reader(read, with_origins=False)
    alone = Reader(read, follow_includes=False, with_origins=False)
    found: dict[str, _Record] = {}
    faulty: list[Entry] = []
    problems: list[TaskFileError] = []
    for path in sorted(files, key=lambda path: path.split(os.sep)):
        if path in kept:
            found[path] = kept[path]
            continue
        file = f"{base}{os.sep}{path}"
        try:
            entries = _entries(reader, file, problems)
            found[path] = (*files[path], reader.files(file), [_cached(entry) for entry in entries])
        except TaskFileError as error:
            try:
                faulty += _entries(alone, file, problems)
            except TaskFileError:
                problems.append(error)
    return found, faulty, problems


def _entries(reader: Reader, file: str, problems: list[TaskFileError]) -> list[Entry]:
    return [entry for keys, line in reader.definitions(file, problems) for entry in entries_of(keys.data, file, line)]


def _cached(entry: Entry) -> _CachedEntry:
    return entry.kind.name, entry.name, sorted(entry.tags), entry.output_type, entry.dataset, entry.line


def _read(target: Path, base: str) -> dict[str, _Record]:
    """Return the cached records of a root; without those that depend on changed files."""
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


def _write(target: Path, base: str, began: int, records: dict[str, _Record], faulty: set[str]) -> None:
    """Cache the records of files that have settled and have no faults; do without if the folder cannot be written."""
    import tempfile

    names = list(dict.fromkeys(name for (_, _, included, _) in records.values() for name in included))
    numbers = {name: number for number, name in enumerate(names)}
    stamps = [_stamp(name) for name in names]
    settled = [mtime < began - _SETTLED_NS for _, mtime in stamps]
    files = {}
    for path, (size, mtime, included, entries) in records.items():
        places = [numbers[name] for name in included]
        good = f"{base}{os.sep}{path}" not in faulty
        if good and mtime < began - _SETTLED_NS and all(settled[place] for place in places):
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
