"""The runs below a folder, read once and kept: each start and each look reads only what changed."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path

from lm_eval.errors import ConfigError, UnknownNameError
from lm_eval.reports.runs.documents import Documents
from lm_eval.reports.runs.live import LiveRun, read_state
from lm_eval.reports.runs.store import Stamp, Store, stamp_of, store_path
from lm_eval.reports.runs.summary import RunSummary, summarise
from lm_eval.results import Run, Sample
from lm_eval.results.discovery import SamplesFiles, is_results, time_of
from lm_eval.results.saved import read_run

__all__ = ["IndexedRun", "RunIndex"]

_STATE_SUFFIX = ".state.json"
_OPEN_RUNS, _OPEN_LINES = 16, 200_000
"""Maximum numbers of runs, and of lines of samples files, that are kept in memory."""


class IndexedRun(Run):
    """A run whose samples come from the index: without documents, prompts and answers, which ``Documents`` finds.

    They have what pairs two runs and tests their difference, and cost a hundredth of the file.
    """

    def __init__(self, run: Run, index: RunIndex) -> None:
        """Wrap a run.

        Args:
            run: The run.
            index: Where its samples are.
        """
        super().__init__(run.path, run.results, run.sample_files)
        self._index = index

    def read(self, task: str) -> Iterable[Sample]:  # type: ignore[override]
        """Return a task's samples without texts.

        Args:
            task: The task's name.

        Returns:
            One sample per document and filter, in the file's order.
        """
        return map(Sample, self._index.documents(self.sample_files[task]).lines)


class RunIndex:
    """All runs below a folder. Methods may be called from several threads.

    Attributes:
        root: The folder.
        problems: Path of a results file to why it cannot be read.
    """

    def __init__(self, root: str | Path, store: Path | None = None) -> None:
        """Open the index of a folder; ``refresh`` reads the folder.

        Args:
            root: The folder.
            store: The file of the index; None takes one in the user's cache folder.

        Raises:
            ConfigError: There is no such folder.
        """
        self.root = Path(root).expanduser().resolve()
        if not self.root.is_dir():
            raise ConfigError(f"There is no folder {root}.")
        self.problems: dict[str, str] = {}
        self._lock = threading.RLock()
        self._store = Store(store_path(self.root) if store is None else store)
        self._by_key: dict[str, RunSummary] = {}
        self._stamps: dict[str, Stamp] = {}
        self._summaries: dict[str, RunSummary] = {}
        self._states: list[str] = []
        self._folders: dict[str, tuple[str, ...]] = {}
        self._samples: dict[str, SamplesFiles] = {}
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._documents: OrderedDict[tuple[Path, Stamp], Documents] = OrderedDict()
        for path, (stamp, content) in self._store.all_of("run").items():
            try:
                self._summaries[path] = RunSummary.from_json(content.decode())
                self._stamps[path] = stamp
            except (TypeError, ValueError, KeyError):  # another version wrote it
                continue

    def refresh(self) -> bool:
        """Walk the folder, and read the results files that are new or changed.

        Returns:
            Whether a run came, changed or went.
        """
        with self._lock:
            found: dict[str, Stamp] = {}
            states: list[str] = []
            folders: dict[str, tuple[str, ...]] = {}
            self._walk(self.root, ".", found, states, folders)
            gone = [path for path in self._stamps if path not in found]
            new = [path for path, stamp in found.items() if self._stamps.get(path) != stamp]
            changed_folders = {path for path, names in folders.items() if self._folders.get(path) != names}
            for path in gone:
                self._forget(path)
            self._read(new, found)
            for path in [path for path in self._runs if Path(path).parent.as_posix() in changed_folders]:
                del self._runs[path]
            for folder in changed_folders:
                self._samples.pop(folder, None)
            self._store.remove("run", gone)
            self._states, self._folders = states, folders
            if gone or new:
                self._by_key = {summary.key: summary for summary in self._summaries.values()}
            return bool(gone or new)

    def _walk(
        self,
        folder: Path,
        relative: str,
        found: dict[str, Stamp],
        states: list[str],
        folders: dict[str, tuple[str, ...]],
    ) -> None:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            return
        start = "" if relative == "." else f"{relative}/"
        names = []
        for entry in entries:
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                self._walk(folder / name, start + name, found, states, folders)
                continue
            names.append(name)
            if name.endswith(_STATE_SUFFIX) and folder.name == ".journal":
                states.append(start + name)
            elif name.endswith(".json") and is_results(folder / name, self.root):
                try:
                    stamp = entry.stat()
                except OSError:
                    continue
                found[start + name] = (stamp.st_size, stamp.st_mtime_ns)
        folders[relative] = tuple(names)

    def _read(self, paths: Sequence[str], stamps: dict[str, Stamp]) -> None:
        kept: dict[str, tuple[Stamp, bytes]] = {}
        nothing = SamplesFiles([])
        for path in paths:
            self._forget(path)
            self._stamps[path] = stamps[path]
            try:
                summary = summarise(read_run(self.root / path, nothing), path)
            except Exception as error:
                # Any program may have written the file; one that holds nonsense must not hide the other runs.
                told = error if isinstance(error, ConfigError) else f"it cannot be read as results: {error!r}"
                self.problems[path] = str(told)
                continue
            self._summaries[path] = summary
            kept[path] = (stamps[path], summary.to_json().encode())
        self._store.put("run", kept)

    def _forget(self, path: str) -> None:
        for known in (self._stamps, self._summaries, self.problems, self._runs):
            known.pop(path, None)

    @property
    def runs(self) -> list[RunSummary]:
        """All runs, the newest first."""
        with self._lock:
            return sorted(self._summaries.values(), key=_time, reverse=True)

    @property
    def live(self) -> list[LiveRun]:
        """Runs that are not saved, the newest first."""
        with self._lock:
            found = [read_state(self.root / path, path) for path in self._states]
            return sorted((run for run in found if run is not None), key=lambda run: run.started, reverse=True)

    def summary(self, key: str) -> RunSummary:
        """Find a run.

        Args:
            key: Its key.

        Returns:
            Its summary.

        Raises:
            UnknownNameError: There is none with this key.
        """
        with self._lock:
            if len(self._by_key) != len(self._summaries):
                self._by_key = {summary.key: summary for summary in self._summaries.values()}
            if key not in self._by_key:
                raise UnknownNameError("run", key, [])
            return self._by_key[key]

    def run(self, key: str) -> Run:
        """Read a run's results file.

        Args:
            key: Its key.

        Returns:
            The run; its samples are those of the index.

        Raises:
            UnknownNameError: There is none with this key.
            ConfigError: The file cannot be read.
        """
        path = self.summary(key).path
        with self._lock:
            if path not in self._runs:
                self._runs[path] = read_run(self.root / path, self._samples_of(path))
                if len(self._runs) > _OPEN_RUNS:
                    self._runs.popitem(last=False)
            self._runs.move_to_end(path)
            return self._runs[path]

    def _samples_of(self, path: str) -> SamplesFiles:
        folder = Path(path).parent.as_posix()
        if folder not in self._samples:
            self._samples[folder] = SamplesFiles(self.root / folder / name for name in self._folders.get(folder, ()))
        return self._samples[folder]

    def sample_files(self, key: str) -> dict[str, Path]:
        """Find the samples files of a run, without reading its results file.

        Args:
            key: The key of the run.

        Returns:
            Task name to file, for the tasks that have one.

        Raises:
            UnknownNameError: There is no run with this key.
        """
        summary = self.summary(key)
        with self._lock:
            return self._samples_of(summary.path).of_run(self.root / summary.path, list(summary.tasks))

    def indexed(self, key: str) -> Run:
        """Return a run whose ``read`` gives samples without texts, from the index.

        Args:
            key: Its key.

        Returns:
            The run.

        Raises:
            UnknownNameError: There is none with this key.
            ConfigError: The file cannot be read.
        """
        return IndexedRun(self.run(key), self)

    def documents(self, file: Path) -> Documents:
        """Return where the samples of a file are, and their values.

        Args:
            file: A samples file of a run.

        Returns:
            The documents; the file is read unless the index knows it.

        Raises:
            ConfigError: The file cannot be read.
        """
        try:
            stamp = stamp_of(file)
        except OSError as error:
            raise ConfigError(f"{file} cannot be read: {error.strerror or error}.") from error
        key = (file, stamp)
        with self._lock:
            if (known := self._documents.get(key)) is not None:
                self._documents.move_to_end(key)
                return known
        kept = self._store.get("documents", str(file), stamp)
        known = None if kept is None else Documents.from_bytes(file, kept)
        if known is None:  # without the lock: a large file takes seconds
            known = Documents.read(file)
            self._store.put("documents", {str(file): (stamp, known.to_bytes())})
        with self._lock:
            self._documents[key] = known
            lines = sum(len(documents.lines) for documents in self._documents.values())
            while lines > _OPEN_LINES and len(self._documents) > 1:
                lines -= len(self._documents.popitem(last=False)[1].lines)
        return known

    def kept(self, kind: str, name: str, stamp: Stamp = (0, 0)) -> bytes | None:
        """Return something that ``keep`` kept.

        Args:
            kind: What it is.
            name: Its name.
            stamp: The stamp that it was kept for.

        Returns:
            The content; None when there is none.
        """
        return self._store.get(kind, name, stamp)

    def keep(self, kind: str, name: str, content: bytes, stamp: Stamp = (0, 0)) -> None:
        """Keep something that was computed from files of the folder.

        Args:
            kind: What it is.
            name: Its name.
            content: The content.
            stamp: The stamp that it holds for.
        """
        self._store.put(kind, {name: (stamp, content)})

    def close(self) -> None:
        """Close the index."""
        self._store.close()


def _time(summary: RunSummary) -> tuple[str, float, str]:
    return time_of(Path(summary.path)), summary.date or 0.0, summary.path
