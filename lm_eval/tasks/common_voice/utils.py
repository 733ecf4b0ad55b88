"""Common Voice: a recording with the question what is said in it."""

from __future__ import annotations

from typing import Any

_PROMPT = "Listen to the audio <audio> and output what a human has said on it. Answer:"


def doc_to_text(doc: dict[str, Any]) -> str:
    """Return the question, which is always the same.

    Args:
        doc: The document.
    """
    return _PROMPT


def doc_to_audio(doc: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the recording.

    Args:
        doc: The document.
    """
    return [{key: doc["audio"][key] for key in ("array", "sampling_rate")}]
