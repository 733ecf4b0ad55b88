"""What a server says of itself, read once per run: the replies to requests without a body."""

from __future__ import annotations

from dataclasses import dataclass, field

from lm_eval.errors import EndpointNotFound
from lm_eval.models.work import Reply

__all__ = ["Descriptions"]


@dataclass(slots=True)
class Descriptions:
    """The descriptions that a server gave, by API path.

    Attributes:
        replies: The replies, such as that to ``/models``.
        missing: The errors of paths that the server does not have.
        dates: The time on the server's clock, as the HTTP header ``Date`` of each reply has it.
    """

    replies: dict[str, Reply] = field(default_factory=dict)
    missing: dict[str, EndpointNotFound] = field(default_factory=dict)
    dates: dict[str, str] = field(default_factory=dict)

    def known(self, path: str) -> Reply | None:
        """Return what is known of a path.

        Args:
            path: The API path.

        Returns:
            The reply; None if the server was not asked.

        Raises:
            EndpointNotFound: The server does not have the path.
        """
        if path in self.missing:
            raise self.missing[path]
        return self.replies.get(path)

    def clear(self) -> None:
        """Forget everything, because the server may serve another model."""
        for kept in (self.replies, self.missing, self.dates):
            kept.clear()
