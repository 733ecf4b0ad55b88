"""Write a run's files: its results, its samples, and the journal that a run keeps while it goes on."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

from lm_eval.config.redact import redact
from lm_eval.config.values import sample_format
from lm_eval.errors import SavingError
from lm_eval.models.http.run_state import state_path
from lm_eval.results.atomic import complete_file, to_json, write_atomically
from lm_eval.results.names import DistinctNames, file_name, hashed_name, plain_name
from lm_eval.results.run import Results
from lm_eval.results.sample import file_form
from lm_eval.results.spooled import SpooledSamples

__all__ = ["ResultFiles"]

eval_logger = logging.getLogger("lm_eval")


class ResultFiles:
    """The files of a run under an output path.

    Under a folder they are ``<model>/results_<time>.json`` and ``<model>/samples_<task>_<time>.jsonl`` (or
    ``.parquet``); with a path that ends in ``.json`` they are ``<stem>_<time>.json`` and the samples next to it. Each
    file is complete or absent, and holds no secrets.

    Attributes:
        output_path: The folder or ``.json`` path; None saves nothing.
        output_format: ``jsonl`` or ``parquet``, of the samples.
        saved: The files written so far, in order.
        date_id: The time in the names of the files; empty before the first file.
    """

    def __init__(self, output_path: str | Path | None = None, output_format: str = "jsonl") -> None:
        """Choose where files go; nothing is written.

        Args:
            output_path: A folder, or a path that ends in ``.json``; None saves nothing.
            output_format: ``jsonl`` or ``parquet``, of the samples.

        Raises:
            ConfigError: There is no such format.
        """
        self.output_path = Path(output_path).expanduser() if output_path else None
        self.output_format = sample_format("output_format", output_format)
        self.saved: list[Path] = []
        self.date_id = ""
        self._journal: Path | None = None
        self._samples_names = DistinctNames()

    def journal_path(self, key: str) -> Path | None:
        """Name the journal, in which a run keeps its answers while it goes on.

        Args:
            key: Identifies the run among others.

        Returns:
            A path under the output folder, or None when nothing is saved.

        Raises:
            SavingError: Nothing can be saved under the output path.
        """
        folder = self._folder("")
        if folder is not None:
            _check_writable(folder)
        self._journal = folder and folder / ".journal" / f"{key}.sqlite"
        return self._journal

    @property
    def keeps_answers(self) -> bool:
        """Whether there is a journal from which the run resumes."""
        return self._journal is not None and self._journal.exists()

    def finish(self, results: Mapping[str, object]) -> None:
        """Delete the state of the run and, unless documents are left to ask or to score again, the journal.

        Args:
            results: What ``simple_evaluate`` returned.
        """
        run = Results(results)
        if self._journal is None:
            return
        for journal in _with_judges(self._journal):
            state_path(journal).unlink(missing_ok=True)
        if run.lost or run.failed or run.unjudged:
            return
        for journal in _with_judges(self._journal):
            for file in (*_files_of(journal), *_files_of(_set_aside(journal))):
                file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # journals of other runs may be in the same folder
            self._journal.parent.rmdir()

    def set_aside(self, results: Mapping[str, object]) -> None:
        """Rename the journal of a run that has all its answers, so that no other run resumes from it.

        Args:
            results: What ``simple_evaluate`` returned; with lost documents the journal stays, to ask for them again.
        """
        run = Results(results)
        if self._journal is not None and not run.lost and not run.unjudged:
            for journal in _with_judges(self._journal):
                _move(journal, _set_aside(journal))

    @contextlib.contextmanager
    def _saving(self) -> Iterator[None]:
        """Let the run resume from its journal again if the block fails to save it."""
        try:
            yield
        except BaseException:
            for journal in _with_judges(self._journal) if self._journal is not None else ():
                if not journal.exists():
                    _move(_set_aside(journal), journal)
            raise

    def _folder(self, model: str) -> Path | None:
        if self.output_path is None:
            return None
        return self.output_path.parent if self.output_path.suffix == ".json" else self.output_path / model

    def write_results(self, content: Mapping[str, object], model: str) -> Path | None:
        """Write the results file; the samples written after it have the same time in their names.

        Args:
            content: The results, without samples.
            model: The folder of the model.

        Returns:
            The file; None without an output path.
        """
        folder = self._folder(model)
        if folder is None or self.output_path is None:
            return None
        stem = self.output_path.stem if self.output_path.suffix == ".json" else "results"
        path = self._new_path(folder, stem)
        write_atomically(path, [to_json({**content, "config": redact(content.get("config"))}, indent=2), "\n"])
        return self._written(path)

    def write_samples(self, task: str, samples: Iterable[Mapping[str, object]], model: str) -> Path | None:
        """Write a task's samples: one line each, or one row each of a Parquet file.

        Args:
            task: The task's name.
            samples: Its samples.
            model: The folder of the model.

        Returns:
            The file; None without an output path.
        """
        folder = self._folder(model)
        if folder is None:
            return None
        path = folder / self._samples_name(task, folder)
        if isinstance(samples, SpooledSamples) and self.output_format == "jsonl":
            with complete_file(path) as file:
                samples.copy_to(file)
            return self._written(path)
        lines = (to_json(file_form(sample)) for sample in samples)
        if self.output_format == "parquet":
            from lm_eval.results.parquet import write_samples

            with complete_file(path) as file:
                write_samples(file, [json.loads(line) for line in lines])
        else:
            write_atomically(path, (f"{line}\n" for line in lines))
        return self._written(path)

    def _new_path(self, folder: Path, stem: str) -> Path:
        """Choose the time of a run, and the path of a results file that is not there."""
        while True:
            self.date_id = _now()
            path = folder / file_name(f"{{}}_{self.date_id}.json", stem, stem, folder)
            if not path.exists():
                self._samples_names = DistinctNames()
                return path

    def _samples_name(self, task: str, folder: Path) -> str:
        """Choose the name of a samples file that no other task of the run has, also where case does not count."""
        self.date_id = self.date_id or _now()
        pattern, plain = f"samples_{{}}_{self.date_id}.{self.output_format}", plain_name(task)
        hashed = file_name(pattern, hashed_name(plain, task), task, folder)
        return self._samples_names.choose(task, file_name(pattern, plain, task, folder), hashed)

    def _written(self, path: Path) -> Path:
        self.saved.append(path)
        eval_logger.info("Saved %s", path)
        return path


def _check_writable(folder: Path) -> None:
    """Find out before the model is asked that nothing can be saved in a folder, which need not exist."""
    try:
        existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    except OSError as error:  # such as a name that is too long
        raise SavingError(f"{folder} cannot be written: {error.strerror or error}.") from error
    if not existing.is_dir():
        raise SavingError(f"{folder} cannot be written: {existing} is no folder.")
    if not os.access(existing, os.W_OK):
        raise SavingError(f"{folder} cannot be written: {os.strerror(errno.EACCES)}.")


def _now() -> str:
    return datetime.now().isoformat().replace(":", "-")


def _with_judges(journal: Path) -> list[Path]:
    """List the journal of a run and those of its judges, which are next to it."""
    beside = {path.name.split(".sqlite")[0] for path in journal.parent.glob(f"{journal.stem}.judge-*.sqlite")}
    names = sorted({name.removesuffix(".complete") for name in beside})
    return [journal, *(journal.with_name(f"{name}.sqlite") for name in names)]


def _set_aside(journal: Path) -> Path:
    return journal.with_suffix(".complete.sqlite")


def _files_of(journal: Path) -> list[Path]:
    """List the files of a journal: those that SQLite keeps, and the lock."""
    return [journal.with_name(journal.name + suffix) for suffix in ("", "-wal", "-shm", "-lock")]


def _move(journal: Path, place: Path) -> None:
    for old, new in zip(_files_of(journal), _files_of(place), strict=True):
        with contextlib.suppress(FileNotFoundError):
            old.replace(new)
