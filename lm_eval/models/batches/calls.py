"""The calls that wait for a batch: each is in one file at a time, and fails when its lines have failed often enough."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from lm_eval.config.redact import Redactor
from lm_eval.errors import APIError, EndpointNotFound, MalformedResponse, RateLimited, RequestRejected
from lm_eval.models.batches.folder import NO_ROOM, BatchFile, BatchFolder
from lm_eval.models.batches.lines import Outcome
from lm_eval.models.work import Call, Postponed
from lm_eval.text import count_of

__all__ = ["BatchCalls"]

eval_logger = logging.getLogger("lm_eval")

_PATHS = ("/completions", "/chat/completions", "/responses")
"""The APIs that batches are for; other calls, such as those to a tokenizer, are sent at once."""
_CALLS_AT_ONCE = 50
_MAX_TRIES = 3


@dataclass(slots=True)
class _Failure:
    """How often a line has failed, and how it failed last."""

    error: APIError
    times: int = 0


class BatchCalls:
    """Writes calls to files, and knows which of them wait, and which have failed for good.

    Attributes:
        full: Called with each file that is full.
        folder: The files.
        endpoint: The URL of the server, for errors.
    """

    def __init__(
        self,
        folder: BatchFolder,
        endpoint: str,
        redact: Redactor,
        counts: Counter[str],
        *,
        path: str,
        max_tries: int = _MAX_TRIES,
        has_server: bool = True,
    ) -> None:
        """Start with what the folder has.

        Args:
            folder: The files.
            endpoint: The URL of the server, for errors; empty if there is none.
            redact: Removes secrets from error texts.
            counts: Counts files, requests and replies, for the results.
            path: The API of calls without a path of their own.
            max_tries: How often a line is asked whose failure may pass.
            has_server: Whether calls that are for no batch can be sent.
        """
        self.full: Callable[[BatchFile], None] = lambda file: None
        self.folder, self.endpoint, self._counts = folder, endpoint, counts
        self._redact, self._path, self._max_tries, self._has_server = redact, path, max_tries, has_server
        self._waiting: dict[bytes, BatchFile] = {}
        self._failures: dict[bytes, _Failure] = {}
        self._calls = 0

    def takes(self, path: str) -> bool:
        """Say whether calls to an API are asked in batches.

        Args:
            path: The path of the API.

        Raises:
            EndpointNotFound: They are not, and there is no server to send them to.
        """
        if (path or self._path) in _PATHS:
            return True
        if not self._has_server:
            raise EndpointNotFound(f"There is no server to ask for {path}: the run goes through files")
        return False

    async def postpone(self, key: bytes, call: Call, body: bytes) -> None:
        """Write a call to a file, unless it is in one already.

        Args:
            key: The key of the call.
            call: The call.
            body: The bytes of its payload.

        Raises:
            Postponed: The call waits for a batch; always, unless it has failed.
            APIError: The call has failed for good.
        """
        self._calls += 1
        if self._calls % _CALLS_AT_ONCE == 0:
            await asyncio.sleep(0)  # The units of a run make their calls without a pause.
        file = self._waiting.get(key)
        if file is None:
            failure = self._failures.get(key)
            if failure is not None and self._is_final(failure):
                raise failure.error
            file, full = self.folder.write(key, call.path or self._path, body)
            self._waiting[key] = file
            file.generated += _limit_of(call)
            self._counts["requests"] += 1
            if full is not None:
                self.full(full)
        raise Postponed(file.number)

    def wait_for(self, file: BatchFile) -> None:
        """Note that the requests of a file are on their way.

        Args:
            file: A file of an earlier process.
        """
        for key in file.keys:
            self._waiting[key] = file

    def read(self, file: BatchFile, *, quiet: bool = False) -> Iterator[Outcome]:
        """Read what a batch has answered, and note what it has not.

        Args:
            file: A file whose batch has ended.
            quiet: Neither count nor warn, because the file is read once more.

        Yields:
            One outcome per answered request, as it comes from the file, and then one per request that failed for good.
        """
        left, unusable, strange = set(file.keys), 0, 0
        failed: dict[bytes, APIError] = {}
        spared: set[bytes] = set()
        for outcome in file.outcomes(self.endpoint, self._redact):
            if outcome is None:
                unusable += 1
            elif outcome.key not in file.keys:
                strange += 1
            elif not outcome.done:
                spared.add(outcome.key)
            elif outcome.error is not None:
                failed[outcome.key] = outcome.error
            elif outcome.key in left:
                left.discard(outcome.key)
                failed.pop(outcome.key, None)
                self._failures.pop(outcome.key, None)
                self._counts["replies"] += not quiet
                yield outcome
        if not quiet:
            self._counts["files"] += 1
            for count, what in ((unusable, "cut or without an id of lm_eval"), (strange, "with an id of another file")):
                if count:
                    eval_logger.warning("%s: %s left out, %s.", file.replies.name, count_of(count, "line"), what)
        for key in file.keys:
            self._waiting.pop(key, None)
        cancelled = file.note.status in ("cancelled", "cancelling")
        for key in left:
            error = failed.get(key)
            if error is None and (key in spared or cancelled):
                continue
            error = error or self._lack(file)
            failure = self._failures.setdefault(key, _Failure(error))
            failure.error, failure.times = error, failure.times + 1
            error.attempts = failure.times
            if self._is_final(failure):
                yield Outcome(key, error=error)

    def left_out(self, file: BatchFile) -> int:
        """Count the requests of a file that have neither a reply nor a failure, because the batch was cancelled.

        Args:
            file: A file whose batch has ended.
        """
        answered = {item.key for item in file.outcomes(self.endpoint, self._redact) if item is not None and item.done}
        return len(file.keys - answered)

    def _lack(self, file: BatchFile) -> APIError:
        """Say why there is no line for a request."""
        note, words = file.note, self._redact(file.note.words)
        if note.status == "failed" and note.code == NO_ROOM:
            advice = "wait until other batches have ended, or lower --batch_lines."
            what = "There is no room for the batch"
            return RateLimited(what, endpoint=self.endpoint, body=words, advice=advice, retryable=False)
        if note.status == "failed":
            return RequestRejected("The batch failed", endpoint=self.endpoint, body=words)
        expired = "The batch expired before this was answered"
        what = expired if note.status == "expired" else f"{file.replies.name} has no line for this request"
        return MalformedResponse(what, endpoint=self.endpoint)

    def _is_final(self, failure: _Failure) -> bool:
        return not failure.error.retryable or failure.times >= self._max_tries

    def forget(self, file: BatchFile) -> None:
        """Leave out a file, so that the next process asks its requests again.

        Args:
            file: A file whose batch has ended.
        """
        file.set_aside()
        if file in self.folder.files:
            self.folder.files.remove(file)


def _limit_of(call: Call) -> int:
    """Return the most tokens that a call generates; 0 if it does not say."""
    limits = (call.payload.get(name) for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"))
    return next((limit for limit in limits if isinstance(limit, int)), 0)
