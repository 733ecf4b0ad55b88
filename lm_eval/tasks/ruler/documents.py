"""Makes documents of a number of tokens, and keeps them for the next run with the same tokenizer, length and seeds."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lm_eval.api.current_run import current_run
from lm_eval.api.token_counter import TokenCounter
from lm_eval.errors import ConfigError, DatasetError
from lm_eval.task_files.index_cache import cache_folder
from lm_eval.tasks.ruler.common_utils import DEFAULT_SEQ_LENGTHS
from lm_eval.tasks.ruler.sizing import Doc, Draft, Draws, SyntheticTask, lengths, one_that_fits, size_of, whole
from lm_eval.tasks.shared.token_counter import LinearCounter, RatioCounter, token_counter

__all__ = ["MadeDocuments", "made"]

eval_logger = logging.getLogger("lm_eval")

_AT_ONCE = 32
_MAX_ADJUSTMENTS = 4
_FORMAT = 1
"""Raised when documents change for other reasons than their key, so that kept ones are made anew."""


@dataclass(frozen=True)
class MadeDocuments(Mapping[str, Sequence[Doc]]):
    """The split ``test`` of a task.

    Attributes:
        test: The documents.
        metadata: How they were made; merged into the metadata of the task.
    """

    test: Sequence[Doc]
    metadata: Mapping[str, object] = field(default_factory=dict)

    def __getitem__(self, split: str) -> Sequence[Doc]:
        """Return the documents of the split ``test``."""
        if split != "test":
            raise KeyError(split)
        return self.test

    def __iter__(self) -> Iterator[str]:
        """List the only split."""
        return iter(("test",))

    def __len__(self) -> int:
        """Count the splits."""
        return 1


def made(task: Callable[[int], SyntheticTask], metadata: Mapping[str, Any]) -> MadeDocuments:
    """Make the documents of a task, or read those that an earlier run made.

    Args:
        task: Builds the task for a number of tokens.
        metadata: The metadata of the task: ``max_seq_lengths``, ``tokenizer`` and the other arguments of the model.

    Returns:
        500 documents for each length, apart from those that do not fit.

    Raises:
        ConfigError: ``max_seq_lengths`` holds no numbers.
        DatasetError: No document fits a length.
    """
    wanted, counter, run = _lengths(metadata), token_counter(metadata), current_run()
    seeds = [random.randrange(2**32) if seed is None else seed for seed in (run.random_seed, run.numpy_seed)]
    docs: list[Doc] = []
    for length in wanted:
        at_length = task(length)
        key = json.dumps([_FORMAT, at_length.name, length, counter.identity, *seeds, at_length.data])
        file = cache_folder() / "ruler" / f"{hashlib.sha256(key.encode()).hexdigest()[:24]}.json.gz"
        kept = _read(file)
        if kept is None:
            kept = _make(at_length, counter, seeds)
            _write(file, kept)
        docs += kept
    facts: dict[str, object] = {"token_counter": counter.identity}
    if isinstance(counter, RatioCounter):
        facts["version"] = f"{metadata.get('version', 1)}-{counter.version}"
    return MadeDocuments(docs, facts)


def _lengths(metadata: Mapping[str, Any]) -> list[int]:
    given = metadata.get("max_seq_lengths", DEFAULT_SEQ_LENGTHS)
    try:
        wanted = [int(length) for length in (given if isinstance(given, list | tuple) else [given])]
    except (TypeError, ValueError):
        wanted = []
    if not wanted or min(wanted) <= 0:
        raise ConfigError(f"max_seq_lengths is a list of numbers of tokens, such as [4096, 8192], not {given!r}.")
    return wanted


def _read(file: Path) -> list[Doc] | None:
    with suppress(OSError, ValueError, EOFError):
        docs: list[Doc] = json.loads(gzip.decompress(file.read_bytes()))
        return docs
    return None


def _write(file: Path, docs: Sequence[Doc]) -> None:
    unfinished = file.with_suffix(f".{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(gzip.compress(json.dumps(docs).encode(), 1))
        unfinished.replace(file)
    except OSError as error:
        eval_logger.debug("The documents of RULER are not kept: %s", error)


def _make(task: SyntheticTask, counter: TokenCounter, seeds: Sequence[int]) -> list[Doc]:
    """Make the documents of one length. Where counts cost, compute them, and measure the longest document."""
    eval_logger.info("Making %d documents of %s with %d tokens.", task.samples, task.name, task.max_length)
    if counter.is_free:
        return _Maker(task, counter, seeds).documents()
    line = LinearCounter(counter, _of_three_sizes(task, seeds))
    docs: list[Doc] = []
    for _ in range(_MAX_ADJUSTMENTS):
        docs = _Maker(task, line, seeds).documents()
        longest = max(docs, key=lambda doc: int(doc["length"]))
        (measured,) = counter.count([whole(longest)])
        excess = measured + task.answer_tokens - task.max_length
        if excess <= 0:
            break
        line.raise_by(excess)
    return docs


def _of_three_sizes(task: SyntheticTask, seeds: Sequence[int]) -> list[str]:
    """Write prompts of about a quarter, a half and the whole of the length, by three characters for each token."""
    draws, units = Draws(*seeds), 4 * task.step
    task.prepare(RatioCounter(), draws)

    def prompt(size: int) -> str:
        return whole(task.draft(max(size, task.least), 0, draws).finish(draws))

    while len(prompt(units)) < 3 * task.max_length and 2 * units <= (task.most or 2 * units):
        units *= 2
    return [prompt(size) for size in (units // 4, units // 2, units)]


class _Maker:
    """Makes the documents of one length."""

    def __init__(self, task: SyntheticTask, counter: TokenCounter, seeds: Sequence[int]) -> None:
        self._task, self._counter, self._draws = task, counter, Draws(*seeds)
        task.prepare(counter, self._draws)

    def documents(self) -> list[Doc]:
        task = self._task
        units = size_of(task, self._counter, self._draws)
        docs: list[Doc] = []
        skipped = index = 0
        while index < task.samples:
            found, all_fit = self._several(units, range(index, min(index + _AT_ONCE, task.samples)))
            docs += found
            index += len(found)
            if not all_fit:
                fitting = one_that_fits(task, self._counter, self._draws, units, index)
                docs += [] if fitting is None else [self._complete(index, *fitting)]
                skipped += fitting is None
                index += 1
        if not docs:
            raise DatasetError(f"{task.name}: no document fits {task.max_length} tokens; give larger max_seq_lengths.")
        if skipped:
            what = "%s: %d of %d documents do not fit %d tokens and are left out."
            eval_logger.warning(what, task.name, skipped, task.samples, task.max_length)
        return docs

    def _several(self, units: int, indexes: range) -> tuple[list[Doc], bool]:
        """Draw documents as if all fitted, and count them at once.

        Returns:
            The documents before the first that does not fit, with the generators in the state before that one; and
            whether all fit.
        """
        drawn: list[tuple[Draft, Doc, tuple[Any, ...]]] = []
        all_fit = True
        for index in indexes:
            before = self._draws.keep()
            try:
                draft = self._task.draft(next(self._task.sizes(units, index)), index, self._draws)
            except ValueError:
                self._draws.restore(before)
                all_fit = False
                break
            drawn.append((draft, draft.finish(self._draws), before))
        docs: list[Doc] = []
        found = lengths(self._task, self._counter, [(draft, doc) for draft, doc, _ in drawn])
        for index, (_, doc, before), length in zip(indexes, drawn, found, strict=False):
            if length is None and self._task.fine and (fitting := self._again(units, index)) is not None:
                doc, length = fitting
            if length is None:
                self._draws.restore(before)
                return docs, False
            docs.append(self._complete(index, doc, length))
        return docs, all_fit

    def _again(self, units: int, index: int) -> tuple[Doc, int] | None:
        """Draw a document again, smaller; those that were drawn after it stay."""
        return one_that_fits(self._task, self._counter, self._draws, max(units - self._task.fine_step, 1), index)

    def _complete(self, index: int, doc: Doc, length: int) -> Doc:
        parts = {key: value for key, value in doc.items() if key != "gen_prefix"}
        facts = {"length": length, "max_length": self._task.max_length, "gen_prefix": doc["gen_prefix"]}
        return {"index": index, **parts, **facts}
