"""Find results files and the samples files that belong to them, and read samples."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from lm_eval.errors import ConfigError
from lm_eval.results.names import hashed_name
from lm_eval.results.sample import with_numbers
from lm_eval.utils import sanitize_task_name

__all__ = ["SamplesFiles", "find", "is_results", "parse_sample", "read_samples", "time_of"]

_TIME = r"_(?P<time>\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}[0-9.]*)"
_DATED = re.compile(_TIME + r"\.(?:jsonl?|parquet)$")
_SUFFIXES = (".jsonl", ".parquet")


def time_of(file: Path) -> str:
    """Return the time in a file's name.

    Args:
        file: A results or samples file.

    Returns:
        Such as ``2026-01-31T10-20-30.123456``; an empty string when the name has none.
    """
    match = _DATED.search(file.name)
    return match["time"] if match else ""


def find(path: str | Path) -> list[Path]:
    """List results files, oldest first by the time in their names.

    Args:
        path: A folder, or a results file.

    Returns:
        The files; the given file alone when it is one.

    Raises:
        ConfigError: There is none.
    """
    place = Path(path).expanduser()
    if place.is_file():
        return [place]
    if not place.is_dir():
        raise ConfigError(f"There is no folder or file {place}.")
    found = [file for file in place.rglob("*.json") if is_results(file, place)]
    if not found:
        raise ConfigError(f"No results file (results_<time>.json) under {place}; runs save one with --output_path.")
    return sorted(found, key=lambda file: (time_of(file), str(file)))


def is_results(file: Path, place: Path) -> bool:
    """Tell a results file from other files by its name, and by the names of its folders.

    Args:
        file: The file.
        place: A folder above it; names of folders above ``place`` do not count.

    Returns:
        Whether it is one.
    """
    # Earlier versions saved a model such as ./models/x in a hidden folder, .__models__x.
    hidden = any(part.startswith(".") and "__" not in part for part in file.relative_to(place).parts)
    return not hidden and file.suffix == ".json" and (bool(time_of(file)) or file.name == "results.json")


class SamplesFiles:
    """The samples files of a folder, listed once for all runs in it."""

    def __init__(self, files: Iterable[Path]) -> None:
        """Sort the files by run.

        Args:
            files: All files of the folder.
        """
        self._by_name: dict[str, list[Path]] = {}
        self._by_time: dict[str, dict[str, Path]] = {}
        self._runs = 0
        for file in sorted(files):
            if file.name.startswith("samples_") and file.suffix in _SUFFIXES:
                name = _DATED.sub("", file.name).removeprefix("samples_")
                self._by_name.setdefault(name, []).append(file)
                self._by_time.setdefault(time_of(file), {}).setdefault(name, file)
            self._runs += file.suffix == ".json" and not file.name.startswith(".")

    def of_run(self, results_file: Path, tasks: Sequence[str]) -> dict[str, Path]:
        """Find the samples files that were saved with a results file.

        Samples files with the same time in their names belong to it. A file with another time is taken only when the
        folder holds no other results file, and no other samples file of the task.

        Args:
            results_file: The results file, in the same folder.
            tasks: The tasks that were run.

        Returns:
            Task name to file, for the tasks that have one.
        """
        time = time_of(results_file)
        files = dict(self._by_time.get(time, {})) if time else {}
        if self._runs == 1:
            files |= {name: same[0] for name, same in self._by_name.items() if name not in files and len(same) == 1}
        return _files_of_tasks(files, tasks)


def _files_of_tasks(files: Mapping[str, Path], tasks: Sequence[str]) -> dict[str, Path]:
    """Find the file of each task: that with the hash of its name, else with its name, else with its plain name."""
    found: dict[str, Path] = {}
    left = dict(files)
    for name_of in (lambda task: _hashed(task, left), str, sanitize_task_name):
        for task in tasks:
            name = name_of(task)
            if task not in found and name in left:
                found[task] = left.pop(name)
    return {task: found[task] for task in tasks if task in found}


def _hashed(task: str, names: Iterable[str]) -> str:
    """Return the name that ends with the hash of a task; without such a name, an empty one."""
    ending = hashed_name("", task)
    return next((name for name in names if name.endswith(ending)), "")


def read_samples(file: Path) -> Iterator[dict[str, object]]:
    """Read a samples file.

    Log-likelihoods, which the reference harness writes as texts, are turned into numbers.

    Args:
        file: JSON lines or Parquet.

    Yields:
        One sample per document and filter.

    Raises:
        ConfigError: The file cannot be read.
    """
    if file.suffix == ".parquet":
        from lm_eval.results.parquet import read_samples as rows
    else:
        rows = _lines
    try:
        for sample in rows(file):
            yield with_numbers(sample)
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror or error}.") from error


def _lines(file: Path) -> Iterator[dict[str, object]]:
    # Read bytes: json accepts lone surrogates in them, and reports invalid UTF-8 as it reports invalid JSON.
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield parse_sample(line, file, number)


def parse_sample(line: bytes, file: Path, number: int) -> dict[str, object]:
    """Parse a line of a samples file.

    Args:
        line: The line.
        file: The file, for the message of an error.
        number: The number of the line, from 1, for the message of an error.

    Returns:
        The sample, as it was written.

    Raises:
        ConfigError: The line is no sample.
    """
    try:
        sample = json.loads(line)
    except ValueError as error:
        raise ConfigError(f"{file}, line {number}, is not JSON: {error}.") from error
    if not isinstance(sample, dict):
        raise ConfigError(f"{file}, line {number}, is not a sample.")
    return sample
