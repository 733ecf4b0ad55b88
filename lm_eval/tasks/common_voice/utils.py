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


def process_docs(dataset: Any) -> Any:
    """Leave recordings as the files that they are: decoding them needs PyTorch, and servers take files.

    Args:
        dataset: The rows.
    """
    features = getattr(dataset, "features", None)
    if features is None or type(features.get("audio")).__name__ != "Audio":
        return dataset
    from datasets import Audio

    return dataset.cast_column("audio", Audio(decode=False))


def doc_to_audio(doc: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the recording: its samples where the row has them, else its file.

    Args:
        doc: The document.
    """
    audio = doc["audio"]
    if "array" in audio:
        return [{key: audio[key] for key in ("array", "sampling_rate")}]
    return [{key: audio[key] for key in ("bytes", "path")}]
