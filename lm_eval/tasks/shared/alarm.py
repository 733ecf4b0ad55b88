"""A limit on the clock time of a block, under the name that task folders import."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType

__all__ = ["timeout"]


class timeout:
    """Raises ``TimeoutError`` in a block that takes too long; for the main thread of systems with signals."""

    def __init__(self, seconds: int = 1, error_message: str = "Timeout") -> None:
        """Set the limit.

        Args:
            seconds: The limit.
            error_message: The message of the error.
        """
        self.seconds, self.error_message = seconds, error_message

    def handle_timeout(self, signum: int, frame: FrameType | None) -> None:
        """End the block.

        Args:
            signum: The number of the signal.
            frame: Where the block is.

        Raises:
            TimeoutError: Always.
        """
        raise TimeoutError(self.error_message)

    def __enter__(self) -> None:
        """Start the clock."""
        signal.signal(signal.SIGALRM, self.handle_timeout)
        signal.alarm(self.seconds)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the clock."""
        signal.alarm(0)
