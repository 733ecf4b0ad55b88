"""Finish reasons: the words by which servers say why an answer ended, and failures inside an answer with status 200."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

__all__ = ["COMPLETE", "FAILED", "FILTERED", "LENGTH", "UNKNOWN", "failed_finish", "finish_reason", "meaning_of"]

COMPLETE, LENGTH, FILTERED, FAILED, UNKNOWN = "complete", "length", "filtered", "failed", "unknown"

_MEANINGS = {
    **dict.fromkeys(
        (
            "stop", "tool_calls", "tool_call", "tool_use", "function_call", "eos", "eos_token", "stop_sequence",
            "stop_token", "end_turn", "complete", "completed", "finish", "finished", "done", "normal", "end", "refusal",
        ),
        COMPLETE,
    ),
    **dict.fromkeys(
        (
            "length", "max_tokens", "max_length", "max_new_tokens", "max_output_tokens", "model_length", "limit",
            "token_limit", "error_limit", "model_context_window_exceeded", "context_length_exceeded", "incomplete",
        ),
        LENGTH,
    ),
    **dict.fromkeys(
        (
            "content_filter", "content_filtered", "contentfilter", "filter", "filtered", "safety", "sensitive",
            "recitation", "blocklist", "prohibited_content", "spii", "error_toxic", "guardrail_intervened",
        ),
        FILTERED,
    ),
    # Ollama ends an answer without text this way when it only loaded or unloaded the model.
    **dict.fromkeys(("load", "unload", "insufficient_system_resource"), FAILED),
}  # fmt: skip
_FAILURE = re.compile(
    r"(?:^|[\W_])(?:errors?|errored|abort(?:ed)?|cancel(?:l?ed)?|fail(?:ed|ure)?|time_?out|timed_?out|network|exception"
    r"|interrupted|disconnect(?:ed)?|overloaded|unavailable|preempted|crash(?:ed)?|killed)(?:$|[\W_])"
)


def finish_reason(choice: Mapping[str, object], name: str = "finish_reason") -> str | None:
    """Read why an answer ended.

    Args:
        choice: A choice of a reply.
        name: The field; ``native_finish_reason`` is what a gateway got from the server behind it.

    Returns:
        The reason as text; None if there is none.
    """
    reason = choice.get(name)
    if isinstance(reason, dict):  # SGLang's own form: {"type": "abort", "message": ...}
        reason = reason.get("type")
    if reason is None or reason == "":
        return None
    return reason if isinstance(reason, str) else str(reason)[:40]


@functools.lru_cache(maxsize=256)
def meaning_of(reason: str | None) -> str:
    """Say what a finish reason means.

    Args:
        reason: The reason; None if the server gave none.

    Returns:
        ``complete``, ``length``, ``filtered``, ``failed`` or ``unknown``; ``complete`` for None.
    """
    if reason is None:
        return COMPLETE
    word = reason.strip().lower().replace("-", "_").replace(" ", "_").rpartition(".")[2]
    return _MEANINGS.get(word) or (FAILED if _FAILURE.search(word) else UNKNOWN)


def failed_finish(choice: Mapping[str, object]) -> str | None:
    """Find a finish reason that means that the server failed.

    Args:
        choice: A choice of a reply.

    Returns:
        The field and its value, such as ``finish_reason: abort``; None if the answer did not fail.
    """
    for name in ("finish_reason", "native_finish_reason"):
        reason = finish_reason(choice, name)
        if reason is not None and reason != "stop" and meaning_of(reason) == FAILED:
            return f"{name}: {reason}"
    return None
