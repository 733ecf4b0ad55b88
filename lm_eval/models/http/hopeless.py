"""Ends a run in which no call can succeed: no key, no such model, no quota, or requests that are all rejected alike."""

from __future__ import annotations

import re
from collections import Counter

from lm_eval.errors import (
    APIError,
    AuthenticationError,
    ContextLengthExceeded,
    EndpointNotFound,
    RateLimited,
    RequestRejected,
    RunAborted,
    RunStopped,
)

__all__ = ["Hopeless"]

_MAX_REFUSALS_IN_A_ROW = 20
_MAX_SAME_REJECTIONS = 20
_MIN_CALLS, _MAX_REJECTED_SHARE = 100, 0.95
_VARIABLE = re.compile(r"""(["'`])(?:(?!\1).)*\s(?:(?!\1).)*\1|\b[0-9a-fA-F]{8}[0-9a-fA-F-]*\b|[\w.:-]*\d[\w.:-]*""")
"""What may differ between two messages that say the same: quotations, ids and numbers."""


class Hopeless:
    """Watches how the calls of a run end."""

    def __init__(self, kept: str) -> None:
        """Start without a call.

        Args:
            kept: A sentence about the answers so far, for the messages that end the run.
        """
        self._kept = kept
        self._answers = self._failures = self._refused_in_a_row = 0
        self._accepted = False
        self._rejections: Counter[tuple[int | None, str]] = Counter()

    def answered(self, *, asked: bool) -> None:
        """Count an answer.

        Args:
            asked: Whether the call was one of the run's questions, and not one to the server's tokenizer.
        """
        self._answers += asked
        self._accepted, self._refused_in_a_row = True, 0

    def failed(self, error: APIError) -> None:
        """Count a call that failed for good, and end the run if no call can succeed.

        Args:
            error: The failure.

        Raises:
            RunAborted: Nothing was answered, and the key, the URL, the model or every request was refused.
            RunStopped: There is no quota, or the server has begun to refuse everything.
        """
        self._failures += 1
        if isinstance(error, RateLimited) and not error.retryable:
            raise RunStopped(f"Stopped: {error} {self._kept}") from error
        if isinstance(error, AuthenticationError | EndpointNotFound):
            self._refused_in_a_row += 1
            if not self._accepted:
                raise RunAborted(error)
            if self._refused_in_a_row >= _MAX_REFUSALS_IN_A_ROW:
                raise RunStopped(
                    f"Stopped: {self._refused_in_a_row} requests in a row were refused, the last with: {error} "
                    f"{self._kept}"
                ) from error
        elif isinstance(error, RequestRejected):
            self._rejected(error)

    def _rejected(self, error: RequestRejected) -> None:
        key = error.status, _VARIABLE.sub("#", error.body)
        self._rejections[key] += 1
        same, calls = self._rejections[key], self._answers + self._failures
        # Prompts that are too long may be those of the first task only.
        too_long = isinstance(error, ContextLengthExceeded)
        if not self._answers and same >= _MAX_SAME_REJECTIONS and not too_long:
            what = f"{same} requests were rejected the same way, and none was answered: {error}"
            raise RunAborted(type(error)(what)) from error
        if calls >= _MIN_CALLS and same >= _MAX_REJECTED_SHARE * calls:
            raise RunStopped(
                f"Stopped: {same} of {calls} requests were rejected the same way, the last with: {error} {self._kept}"
            ) from error
