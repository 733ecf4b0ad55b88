"""Samples of a task in a file that has no name, for a run with more samples than memory should hold."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, overload

from lm_eval.results.atomic import to_json
from lm_eval.results.sample import HASHED, file_form

__all__ = ["SpooledSamples"]


class SpooledSamples(Sequence[dict[str, Any]]):
    """Samples in the form of a samples file, one line each; the file vanishes with this object.

    An index is slow: it reads all lines before its own.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Create the file.

        Args:
            folder: Where the file takes its space, an existing folder; None takes that of temporary files.
        """
        self._folder, self._count = folder, 0
        self._file = self._new_file()
        self._hash = hashlib.sha256()

    def _new_file(self) -> IO[bytes]:
        file: IO[bytes] = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 (closed with this object)
        weakref.finalize(self, file.close)
        return file

    @property
    def task_hash(self) -> str:
        """What ``lm_eval.results.sample.task_hash`` gives for these samples."""
        return self._hash.hexdigest()

    def add(self, sample: Mapping[str, object]) -> None:
        """Append a sample.

        Args:
            sample: The sample, as ``results["samples"]`` has it.
        """
        for key in HASHED:
            self._hash.update(str(sample.get(key, "")).encode())
        self._file.write(f"{to_json(file_form(sample))}\n".encode("utf-8", "surrogatepass"))
        self._count += 1

    def without_values(self) -> None:
        """Take the values of all metrics out, for a task whose code has failed."""
        file = self._new_file()
        for sample in self:
            for metric in sample["metrics"]:
                del sample[metric]
            kept = {**sample, "metrics": []}
            file.write(f"{to_json(kept)}\n".encode("utf-8", "surrogatepass"))
        self._file.close()
        self._file = file

    def copy_to(self, file: IO[bytes]) -> None:
        """Write all lines to a file.

        Args:
            file: An open file.
        """
        self._file.seek(0)
        shutil.copyfileobj(self._file, file, 1 << 20)
        self._file.seek(0, 2)

    def lines(self) -> Iterator[bytes]:
        """Yield all lines, with line ends."""
        position = 0
        while True:
            self._file.seek(position)
            line = self._file.readline()
            if not line:
                return
            position = self._file.tell()
            yield line

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(json.loads, self.lines())

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        return list(self)[index]
