"""Decides which requests ask for a streamed answer, and stops where a server refuses it."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from lm_eval.config.generation import LIMITS
from lm_eval.errors import APIError, RequestRejected
from lm_eval.models.http.hints import refused_field
from lm_eval.models.work import Call

__all__ = ["Streaming"]

eval_logger = logging.getLogger("lm_eval")

_CHAT_AND_COMPLETIONS, _RESPONSES = "/completions", "/responses"
_READ_WHOLE = ("echo", "prompt_logprobs", "stream")
_REFUSALS = (500, 501)
"""Statuses with which some servers refuse a field; 502 to 504 speak of the server, not of the request."""
_NO_STREAMS = re.compile(
    r"(?i)\bstream(?:ing|ed|s)?\b.{0,60}\b(?:not|n['\u2019]t|un)[ -]?(?:be |yet )?(?:support|allow|availab)"
    r"|does not stream|unsupported.{0,30}\bstream"
)


class Streaming:
    """Adds the fields that ask for a stream to the bytes of a request, as the last step before it is sent.

    The journal's key is computed from the bytes without these fields, so that a streamed run resumes one that was not
    streamed, and the other way round.

    Attributes:
        wanted: Whether answers are to be streamed, as far as the server does it.
    """

    def __init__(self, wanted: bool) -> None:
        """Begin without knowing what the server refuses.

        Args:
            wanted: Whether answers are to be streamed.
        """
        self.wanted = wanted
        self._counts_tokens = True

    def applied(self, call: Call, body: bytes) -> bytes:
        """Return the bytes to send.

        Scored prompts are not streamed: their answers have one token, and servers differ in what they stream of it.

        Args:
            call: The call.
            body: Its payload as JSON bytes.

        Returns:
            The same bytes, or with ``stream`` and, except for the Responses API, ``stream_options``.
        """
        if not self.wanted or not body or not _generates(call.payload):
            return body
        if call.path.endswith(_RESPONSES) or (call.path.endswith(_CHAT_AND_COMPLETIONS) and not self._counts_tokens):
            return body[:-1] + b',"stream":true}'
        if call.path.endswith(_CHAT_AND_COMPLETIONS):
            return body[:-1] + b',"stream":true,"stream_options":{"include_usage":true}}'
        return body

    def learn(self, error: APIError) -> bool:
        """Learn from a refusal of a streamed request, and log one line when it is news.

        Args:
            error: How the request failed.

        Returns:
            Whether another attempt is worth it, because other bytes will be sent.
        """
        if not isinstance(error, RequestRejected) and error.status not in _REFUSALS:
            return False
        name = refused_field(error.body, ("stream_options", "stream"))
        if name == "stream_options":
            if self._counts_tokens:
                eval_logger.warning("The server refuses 'stream_options': it may count no tokens of streamed answers.")
            self._counts_tokens = False
            return True
        if name == "stream" or _NO_STREAMS.search(error.body[:1000]):
            if self.wanted:
                eval_logger.warning("The server does not stream; answers are asked for whole: %s", error)
            self.wanted = False
            return True
        return False


def _generates(payload: Mapping[str, object]) -> bool:
    """Say whether a request generates a text of more than one token, and nothing else."""
    if any(payload.get(name) for name in _READ_WHOLE):
        return False
    limit = next((payload[name] for name in LIMITS if payload.get(name) is not None), None)
    return not isinstance(limit, int) or limit > 1
