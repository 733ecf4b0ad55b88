"""Reads a response of the Responses API as the choice that a chat API would send."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["choice_of_response", "with_cut"]


def choice_of_response(body: object) -> dict[str, object] | None:
    """Read the items of a response: reasoning, message, refusal and function calls.

    Args:
        body: The parsed JSON of a reply.

    Returns:
        A choice with a ``message`` and a ``finish_reason``; None for a reply of another API.
    """
    if not isinstance(body, dict) or "choices" in body or not isinstance(body.get("output"), list):
        return None
    items = [item for item in body["output"] if isinstance(item, dict)]
    parts = [part for item in items if item.get("type") == "message" for part in _parts(item.get("content"))]
    texts = [part for part in parts if part.get("type") != "refusal"]
    message: dict[str, object] = {"role": "assistant", "content": texts or None}
    refusals = [str(part.get("refusal")) for part in parts if part.get("type") == "refusal"]
    if refusals:
        message["refusal"] = "\n".join(refusals)
    thoughts = [thought for item in items if item.get("type") == "reasoning" if (thought := _thought(item))]
    if thoughts:
        message["reasoning"] = "\n".join(thoughts)
    calls = [_call(item) for item in items if item.get("type") == "function_call"]
    if calls:
        message["tool_calls"] = calls
    return {"index": 0, "message": message, "finish_reason": _finish(body)}


def with_cut(body: object, limit: object) -> object:
    """Mark a response that its limit has cut, where the server calls it complete, as llama.cpp does.

    Args:
        body: The parsed JSON of a reply.
        limit: ``max_output_tokens`` of the request.

    Returns:
        The response; with the status ``incomplete`` if it has as many tokens as the limit allows.
    """
    if not isinstance(body, dict) or body.get("status") != "completed" or not isinstance(limit, int):
        return body
    usage = body.get("usage")
    tokens = usage.get("output_tokens") if isinstance(usage, dict) else None
    if not isinstance(tokens, int) or tokens < limit:
        return body
    return {**body, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}


def _parts(content: object) -> list[dict[str, object]]:
    if isinstance(content, str):
        return [{"type": "output_text", "text": content}]
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _thought(item: Mapping[str, object]) -> str:
    """Return the text of a thought, or its summary where the server keeps the text to itself."""
    return _joined(_parts(item.get("content"))) or _joined(_parts(item.get("summary")))


def _joined(parts: Iterable[Mapping[str, object]]) -> str:
    return "\n".join(text for part in parts if isinstance(text := part.get("text"), str) and text)


def _call(item: Mapping[str, object]) -> dict[str, object]:
    function = {"name": item.get("name"), "arguments": item.get("arguments")}
    return {"id": item.get("call_id"), "type": "function", "function": function}


def _finish(body: Mapping[str, object]) -> object:
    """Return why a response ended: ``stop``, the reason why it is incomplete, or its status."""
    status, details = body.get("status"), body.get("incomplete_details")
    if status == "incomplete" and isinstance(details, dict) and details.get("reason"):
        return details["reason"]
    return "stop" if status in ("completed", None) else status
