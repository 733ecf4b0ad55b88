"""How files of requests get answered: by a Batch API, or by a program that the user starts."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shlex
import time
from collections.abc import Collection, Mapping
from typing import Protocol

from lm_eval.errors import (
    APIError,
    BatchesPending,
    ConfigError,
    ConnectionBroken,
    EndpointNotFound,
    MalformedResponse,
    RequestTimeout,
    RunStopped,
    ServerError,
)
from lm_eval.models.batches.api import BatchAPI, batch_words
from lm_eval.models.batches.folder import NO_ROOM, BatchFile
from lm_eval.text import count_of

__all__ = ["ApiCourier", "Courier", "FileCourier"]

eval_logger = logging.getLogger("lm_eval")

_FIRST_POLL, _POLL_GROWTH, _MAX_POLL = 0.2, 1.5, 60.0
_ENDED = ("completed", "failed", "expired", "cancelled")
_AMBIGUOUS = (ConnectionBroken, RequestTimeout, MalformedResponse)
"""Failures after which a batch may have been created."""


class Courier(Protocol):
    """Takes files of requests away, and brings their answers."""

    def start(self, file: BatchFile) -> None:
        """See to it that a file is answered.

        Args:
            file: A complete file.
        """

    async def next_answered(self, waited: Collection[int]) -> BatchFile:
        """Wait for a file to be answered.

        Args:
            waited: The numbers of the files that matter.

        Returns:
            One of them, with its answers in place.

        Raises:
            BatchesPending: The time to wait is over, or somebody else has to do something.
            RunStopped: The server does not answer.
        """

    def status(self) -> str:
        """Say in a few words how far the files are."""

    async def close(self) -> None:
        """Stop what is under way here; batches of a server run on."""


class FileCourier:
    """Waits for files that another program writes, such as ``vllm run-batch``."""

    def __init__(self, model: str) -> None:
        """Start without files.

        Args:
            model: The name of the model, for the commands.
        """
        self._model = model
        self._files: dict[int, BatchFile] = {}

    def start(self, file: BatchFile) -> None:
        """Wait for the replies to a file."""
        self._files[file.number] = file

    async def next_answered(self, waited: Collection[int]) -> BatchFile:
        """Return a file whose replies are there; else end the run with the commands that bring them."""
        for number in sorted(waited):
            if self._files[number].replies.is_file():
                return self._files.pop(number)
        files = [self._files[number] for number in sorted(waited)]
        count = sum(len(file.keys) for file in files)
        what = (
            f"{count_of(len(files), 'file')} with {count_of(count, 'request')} to answer; then the same command reads"
        )
        raise BatchesPending(f"{what} the replies.", [self._command(file) for file in files])

    def _command(self, file: BatchFile) -> str:
        words = ["vllm", "run-batch", "-i", str(file.requests), "-o", str(file.replies), "--model", self._model]
        return shlex.join(words)

    def status(self) -> str:
        """Say how many files wait."""
        return f"{count_of(len(self._files), 'file')} to answer"

    async def close(self) -> None:
        """Do nothing."""


class ApiCourier:
    """Uploads files, creates batches, waits for them and downloads their files, each in a task of its own."""

    def __init__(self, api: BatchAPI, wait: float | None) -> None:
        """Start without files.

        Args:
            api: The Batch API.
            wait: Maximum seconds to wait for batches, from now on; None waits until they end.
        """
        self._api, self._wait, self._began = api, wait, time.monotonic()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._files: dict[int, BatchFile] = {}
        self._seen: dict[int, asyncio.Event] = {}
        self._counts: dict[int, tuple[int, int]] = {}
        self._answered, self._said = 0, False
        self._sending = asyncio.Lock()
        self._held: set[int] = set()
        self._room = asyncio.Event()

    def start(self, file: BatchFile) -> None:
        """Take a file away."""
        self._files[file.number], self._seen[file.number] = file, asyncio.Event()
        self._tasks[file.number] = asyncio.ensure_future(self._carry(file))

    async def next_answered(self, waited: Collection[int]) -> BatchFile:
        """Wait for the first batch to end."""
        while True:
            tasks = [self._tasks[number] for number in waited]
            for number in sorted(waited):
                if self._tasks[number].done():
                    return self._take(number)
            left = None
            if self._wait is not None:
                left = self._began + self._wait - time.monotonic()
                if left <= 0:
                    # Every batch is submitted and looked at once, however short the wait is.
                    seen = [asyncio.ensure_future(self._seen[number].wait()) for number in waited]
                    try:
                        for number, event in zip(waited, seen, strict=True):
                            await asyncio.wait([self._tasks[number], event], return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        for event in seen:
                            event.cancel()
                    if not any(task.done() for task in tasks):
                        raise self._pending(waited)
                    continue
            await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)

    def _take(self, number: int) -> BatchFile:
        file, task = self._files[number], self._tasks[number]
        task.result()
        del self._files[number], self._tasks[number], self._seen[number]
        self._counts.pop(number, None)
        self._answered += 1
        return file

    def _pending(self, waited: Collection[int]) -> BatchesPending:
        self._said = True
        notes = [self._files[number].note for number in sorted(waited)]
        shown = [f"{note.batch_id} ({note.status})" for note in notes]
        lines = sum(len(self._files[number].keys) for number in waited)
        names = ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")
        what = f"{count_of(len(shown), 'batch', 'batches')} with {count_of(lines, 'request')} under way: {names}."
        return BatchesPending(f"{what} The same command collects the answers.")

    def status(self) -> str:
        """Say how many batches have ended, and how many of their requests are answered."""
        total = self._answered + len(self._files)
        done, lines = (sum(column) for column in zip((0, 0), *self._counts.values(), strict=True))
        rest = f", {done:,} of {lines:,} lines" if lines else ""
        return f"{self._answered} of {count_of(total, 'batch', 'batches')} ended{rest}" if total else ""

    async def close(self) -> None:
        """Cancel the tasks; the batches run on, which is said unless an error has said it."""
        ids = [self._files[number].note.batch_id for number, task in self._tasks.items() if not task.done()]
        if running := [batch_id for batch_id in ids if batch_id and not self._said]:
            eval_logger.warning(
                "Under way at the server, and to be paid: %s. The same command collects the answers.",
                count_of(len(running), "batch", "batches"),
            )
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()

    # The way of one file.

    async def _carry(self, file: BatchFile) -> None:
        try:
            while not file.note.ended:
                async with self._sending:
                    await self._submit(file)
                if not await self._await_end(file):
                    continue  # There was no room for it.
                await self._bring(file)
        except APIError as error:
            if error.retryable:
                raise RunStopped(
                    f"Stopped: the Batch API does not answer: {error}. Batches run on; the same command waits for them."
                ) from error
            raise
        finally:
            self._room.set()

    async def _submit(self, file: BatchFile) -> None:
        """Upload a file and create its batch, unless an earlier process has. Each id is on disk before it is used."""
        note = file.note
        if note.batch_id:
            return
        if not note.file_id:
            known = bool(note.token)
            note.token = note.token or secrets.token_hex(8)
            file.save_note()
            name = f"lm-eval-{note.token}.jsonl"
            found = await self._api.find_file(name) if known else None
            try:
                note.file_id = found or await self._api.upload(file.requests, name)
            except EndpointNotFound as error:
                raise EndpointNotFound(
                    f"The server has no Batch API: {error}",
                    advice="--batch file:DIR writes files that vllm run-batch answers",
                ) from error
            file.save_note()
        batch = await self._created(file)
        note.batch_id, note.submitting = str(batch.get("id") or ""), False
        note.status = str(batch.get("status") or "")
        if not note.batch_id:
            raise MalformedResponse("The Batch API sent no id of the batch", status=200, body=str(batch)[:300])
        file.save_note()
        count = count_of(len(file.keys), "request")
        eval_logger.info("Batch %s has the %s of %s.", note.batch_id, count, file.requests.name)

    async def _created(self, file: BatchFile) -> Mapping[str, object]:
        """Create a batch exactly once, also where an earlier attempt may have created it."""
        note = file.note

        async def create() -> Mapping[str, object]:
            if note.submitting:
                found = await self._find(file)
                if found is not None:
                    return found
            note.submitting = True
            file.save_note()
            try:
                return await self._api.create(note.file_id, file.path, note.token)
            except APIError as error:
                if not isinstance(error, _AMBIGUOUS) and not _is_gateway(error):
                    note.submitting = False
                    file.save_note()
                raise

        return await self._api.patiently(create)

    async def _find(self, file: BatchFile) -> Mapping[str, object] | None:
        note = file.note
        try:
            return await self._api.find_batch(note.token, note.file_id)
        except EndpointNotFound:
            raise ConfigError(
                f"A batch of {file.requests} may have been created when the connection or an earlier process ended, "
                f"and this server lists no batches. If there is one with the input file {note.file_id}, write its id "
                f"as batch_id into {file.note_file}; if there is none, remove {file.note_file}."
            ) from None

    async def _await_end(self, file: BatchFile) -> bool:
        """Look at a batch until it has ended; say whether it has, and not only found no room."""
        note, pause = file.note, _FIRST_POLL
        while True:
            try:
                batch = await self._api.batch(note.batch_id)
            except EndpointNotFound as error:
                raise ConfigError(
                    f"The server does not know the batch {note.batch_id}: {error}. To submit {file.requests} again, "
                    f"remove {file.note_file}."
                ) from error
            self._look_at(file, batch)
            self._seen[file.number].set()
            if note.status in _ENDED:
                break
            await asyncio.sleep(pause)
            pause = min(pause * _POLL_GROWTH, _MAX_POLL)
        note.code, note.words = batch_words(batch)
        running = {number for number, task in self._tasks.items() if not task.done()} - {file.number} - self._held
        if note.status == "failed" and note.code == NO_ROOM and running:
            eval_logger.info("Batch %s waits for the end of another one: %s", note.batch_id, note.words)
            note.batch_id, note.token = "", secrets.token_hex(8)
            file.save_note()
            self._held.add(file.number)
            self._room.clear()
            try:
                await self._room.wait()
            finally:
                self._held.discard(file.number)
            return False
        return True

    def _look_at(self, file: BatchFile, batch: Mapping[str, object]) -> None:
        note, counts = file.note, batch.get("request_counts")
        status = str(batch.get("status") or "")
        done = 0
        if isinstance(counts, Mapping):
            done = sum(value for name in ("completed", "failed") if isinstance(value := counts.get(name), int))
        self._counts[file.number] = min(done, len(file.keys)), len(file.keys)
        note.output_file_id = str(batch.get("output_file_id") or "")
        note.error_file_id = str(batch.get("error_file_id") or "")
        if status != note.status:
            note.status = status
            file.save_note()

    async def _bring(self, file: BatchFile) -> None:
        """Download the files of a batch that has ended."""
        note = file.note
        for file_id, path in ((note.output_file_id, file.replies), (note.error_file_id, file.errors)):
            if file_id and not path.exists():
                await self._api.download(file_id, path)
        note.ended = True
        file.save_note()


def _is_gateway(error: APIError) -> bool:
    """Say whether a gateway may have lost the reply to a request that the server has carried out."""
    return isinstance(error, ServerError) and error.status in (500, 502, 504)
