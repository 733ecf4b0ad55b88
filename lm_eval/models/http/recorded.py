"""What a server answered to the probe, so that one process asks for all processes of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lm_eval.config.redact import Redactor
from lm_eval.errors import APIError, AuthenticationError, EndpointNotFound, RequestRejected
from lm_eval.models.http.transport import Transport, TransportSettings, decode

if TYPE_CHECKING:
    from lm_eval.models.http.timing import Arrivals

__all__ = ["Recorded", "RecordedTransport"]

_SAID_NO = (AuthenticationError, EndpointNotFound, RequestRejected)
"""Refusals that would be the same the next time; a timeout or an overloaded server would not."""


@dataclass(slots=True)
class Recorded:
    """Replies by URL and body; it can be pickled.

    Attributes:
        replies: The bytes and the headers of replies.
        refusals: The errors of requests that the server refuses.
    """

    replies: dict[tuple[str, bytes], tuple[bytes, dict[str, str]]] = field(default_factory=dict)
    refusals: dict[tuple[str, bytes], APIError] = field(default_factory=dict)


class RecordedTransport(Transport):
    """Sends what was not sent before, and answers the rest from the record."""

    def __init__(self, settings: TransportSettings, redact: Redactor, recorded: Recorded) -> None:
        """Store the settings; opens nothing.

        Args:
            settings: How connections are made.
            redact: Removes secrets from error texts.
            recorded: The record; it grows.
        """
        super().__init__(settings, redact)
        self._recorded = recorded

    async def send(
        self, url: str, body: bytes, arrivals: Arrivals | None = None
    ) -> tuple[object, bytes, Mapping[str, str]]:
        """Answer from the record, or send; see ``Transport.send``."""
        key, recorded = (url, body), self._recorded
        if key in recorded.refusals:
            raise recorded.refusals[key]
        if key in recorded.replies:
            raw, headers = recorded.replies[key]
            return decode(raw), raw, headers
        try:
            parsed, raw, found = await super().send(url, body, arrivals)
        except _SAID_NO as error:
            recorded.refusals[key] = error
            raise
        recorded.replies[key] = raw, {name: text for name, text in found.items() if name.lower() == "date"}
        return parsed, raw, found
