"""``/v1/responses``: the chat model behind the Responses API, with items instead of messages and choices."""

from __future__ import annotations

from collections.abc import Mapping

from lm_eval.mock_server.chat import chat
from lm_eval.mock_server.json_text import JsonObject
from lm_eval.mock_server.problems import invalid, refusal
from lm_eval.mock_server.profiles import Profile
from lm_eval.mock_server.refused_fields import check_refused
from lm_eval.mock_server.served_model import ServedModel
from lm_eval.mock_server.token_counts import TokenCounts

__all__ = ["answer_response", "as_response"]

_KNOWN_FIELDS = frozenset(
    {
        *("model", "input", "instructions", "max_output_tokens", "temperature", "top_p", "store", "reasoning", "text"),
        *("metadata", "user", "stream", "tools", "tool_choice", "parallel_tool_calls", "previous_response_id"),
        *("include", "truncation", "service_tier", "top_logprobs", "background", "max_tool_calls", "safety_identifier"),
        *("prompt", "prompt_cache_key"),
    }
)
_PASSED_ON = ("model", "temperature", "top_p", "stream", "chat_template_kwargs")
_TEXTS = ("input_text", "output_text", "text")
_CUT = {"length": "max_output_tokens", "content_filter": "content_filter"}


def answer_response(served: ServedModel, fields: JsonObject) -> tuple[JsonObject, TokenCounts]:
    """Answer a request of the Responses API as the chat endpoint would.

    Args:
        served: The served model.
        fields: The JSON body.

    Returns:
        The answer in the form of the chat endpoint, which ``as_response`` changes, and its token counts.

    Raises:
        Refused: The imitated server would refuse.
    """
    profile = served.profile
    if profile.unknown_fields != 200:
        for name in fields:
            if name not in _KNOWN_FIELDS:
                message = f"Unknown parameter: '{name}'."
                raise refusal(profile, 400, message, param=name, code="unknown_parameter")
    check_refused(served.refused, fields)
    if fields.get("previous_response_id") is not None:
        raise refusal(profile, 404, "Previous response not found.", param="previous_response_id")
    asked: JsonObject = {name: fields[name] for name in _PASSED_ON if name in fields}
    asked["messages"] = _messages(profile, fields)
    tools = fields.get("tools")
    if isinstance(tools, list):
        asked["tools"] = [_nested(tool) for tool in tools]
    if fields.get("tool_choice") is not None:
        asked["tool_choice"] = _nested(fields["tool_choice"])
    limit = fields.get("max_output_tokens")
    if limit is not None:
        if isinstance(limit, int) and limit < profile.min_output_tokens:
            message = (
                "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= "
                f"{profile.min_output_tokens}, but got {limit} instead."
            )
            raise refusal(profile, 400, message, param="max_output_tokens", code="integer_below_min_value")
        asked[profile.chat_limit_fields[0]] = limit
    effort = fields.get("reasoning")
    if isinstance(effort, Mapping) and effort.get("effort") is not None:
        asked["reasoning_effort"] = effort["effort"]
    return chat(served, asked)


def _nested(tool: object) -> object:
    """Put a function one level deeper, as the chat endpoint has it; one that is there already is malformed."""
    if not isinstance(tool, dict) or tool.get("type") != "function" or "function" in tool:
        return tool if isinstance(tool, str) else {"type": "malformed"}
    return {"type": "function", "function": {name: value for name, value in tool.items() if name != "type"}}


def _messages(profile: Profile, fields: JsonObject) -> list[JsonObject]:
    """Turn instructions and input items into messages."""
    given = fields.get("input")
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise invalid(profile, "input must be a string or a list of items.", "input")
    messages: list[JsonObject] = []
    if isinstance(fields.get("instructions"), str):
        messages.append({"role": "system", "content": fields["instructions"]})
    for item in items:
        if profile.typed_items and item.get("role") == "assistant" and "type" not in item:
            raise invalid(profile, "Cannot determine type of 'item'", "input")
        if item.get("type", "message") != "message":
            raise invalid(profile, f"An input item of type {item.get('type')!r} is not understood.", "input")
        content = item.get("content")
        if isinstance(content, list):
            content = [_part(profile, part, str(item.get("role"))) for part in content]
        messages.append({"role": item.get("role"), "content": content})
    return messages


def _part(profile: Profile, part: object, role: str) -> JsonObject:
    match part:
        case {"type": str(kind), "text": str(text)} if kind in _TEXTS:
            if kind == ("input_text" if role == "assistant" else "output_text"):
                raise invalid(profile, f"Invalid value: '{kind}' in a message of the role {role}.", "input")
            return {"type": "text", "text": text}
        case {"type": "input_image", "image_url": str(url)}:
            return {"type": "image_url", "image_url": {"url": url}}
    found = part.get("type") if isinstance(part, dict) else None
    raise invalid(profile, f"An input part of type {found!r} is not understood.", "input")


def as_response(served: ServedModel, fields: JsonObject, answer: JsonObject) -> JsonObject:
    """Write a chat answer as a response.

    Args:
        served: The served model.
        fields: The JSON body of the request.
        answer: The answer of the chat endpoint; one without choices stays as it is.

    Returns:
        The response.
    """
    choices = answer.get("choices")
    if not isinstance(choices, list):
        return answer
    choice, usage = _object(choices[0] if choices else None), _object(answer.get("usage"))
    finish = choice.get("finish_reason")
    cut, failed = _CUT.get(str(finish)), finish in ("error", "abort")
    if not served.profile.cut_is_incomplete:
        cut = None
    number = str(answer["id"]).rpartition("-")[2]
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": answer["created"],
        "status": "failed" if failed else "incomplete" if cut else "completed",
        "error": {"code": "server_error", "message": "The model failed."} if failed else None,
        "incomplete_details": {"reason": cut} if cut else None,
        "instructions": fields.get("instructions"),
        "max_output_tokens": fields.get("max_output_tokens"),
        "model": answer["model"],
        "output": _items(served.profile, _object(choice.get("message")), usage, number, cut is None),
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": fields.get("reasoning") or {"effort": None, "summary": None},
        "store": fields.get("store", True),
        "temperature": fields.get("temperature", 1.0),
        "text": {"format": {"type": "text"}},
        "tool_choice": fields.get("tool_choice") or "auto",
        "tools": fields.get("tools") or [],
        "top_p": fields.get("top_p", 1.0),
        "truncation": "disabled",
        "usage": _usage(usage),
    }


def _items(profile: Profile, message: JsonObject, usage: JsonObject, number: str, complete: bool) -> list[JsonObject]:
    """List the reasoning and the message of an answer; a part that is empty has no item."""
    items: list[JsonObject] = []
    thought = message.get(profile.reasoning_field) if profile.reasoning_field else None
    if thought or "completion_tokens_details" in usage:
        shown: JsonObject = {"content": [{"type": "reasoning_text", "text": thought}]} if thought else {}
        items.append({"id": f"rs_{number}", "type": "reasoning", "summary": [], **shown})
    parts: list[JsonObject] = []
    if isinstance(message.get("content"), str) and (message["content"] or not thought):
        parts.append({"type": "output_text", "text": message["content"], "annotations": [], "logprobs": []})
    if message.get("refusal"):
        parts = [{"type": "refusal", "refusal": message["refusal"]}]
    if parts:
        status = "completed" if complete else "incomplete"
        items.append(
            {"id": f"msg_{number}", "type": "message", "role": "assistant", "status": status, "content": parts}
        )
    return items + _calls(message)


def _calls(message: JsonObject) -> list[JsonObject]:
    """List the calls of an answer."""
    calls = message.get("tool_calls")
    return [
        {"id": f"fc_{call['id']}", "type": "function_call", "status": "completed", "call_id": call["id"]}
        | call["function"]
        for call in (calls if isinstance(calls, list) else [])
    ]


def _usage(usage: JsonObject) -> JsonObject:
    prompt, completion = (_object(usage.get(f"{name}_tokens_details")) for name in ("prompt", "completion"))
    return {
        "input_tokens": usage["prompt_tokens"],
        "input_tokens_details": {"cached_tokens": prompt.get("cached_tokens", 0)},
        "output_tokens": usage["completion_tokens"],
        "output_tokens_details": {"reasoning_tokens": completion.get("reasoning_tokens", 0)},
        "total_tokens": usage["total_tokens"],
    }


def _object(value: object) -> JsonObject:
    """Return a JSON object; an empty one for any other value."""
    return value if isinstance(value, dict) else {}
