"""Refusals, in the words and shapes of the servers played."""

from __future__ import annotations

from typing import Any

from lm_eval.errors import Refused
from lm_eval.mock_server.profiles import Profile

__all__ = [
    "Refused",
    "invalid",
    "malformed_json",
    "no_room_asked",
    "refusal",
    "too_long",
    "unauthorized",
    "unknown_field",
    "unknown_model",
]

_TYPE_NAMES = {400: "BadRequestError", 401: "AuthenticationError", 404: "NotFoundError", 500: "InternalServerError"}


def refusal(
    profile: Profile,
    status: int,
    message: str,
    *,
    kind: str = "invalid_request_error",
    param: str | None = None,
    code: str | int | None = None,
    **extra: object,
) -> Refused:
    """Build an error in a profile's shape.

    Args:
        profile: The server played.
        status: The HTTP status.
        message: What is wrong.
        kind: The ``type`` of the error where the shape has one of its own.
        param: The field at fault.
        code: A short name of the error.
        **extra: Further fields, for shapes that have them.

    Returns:
        The refusal, to be raised.
    """
    shape = profile.errors
    if shape == "transformers":
        return Refused(status, {"detail": message})
    if shape == "tgi":
        return Refused(status, {"error": message, "error_type": kind})
    if shape == "sglang":
        flat = {"object": "error", "message": message, "type": _TYPE_NAMES.get(status, "BadRequest"), "param": param}
        return Refused(status, {**flat, "code": status})
    if shape == "llamacpp":
        return Refused(status, {"error": {"code": status, "message": message, "type": kind, **extra}})
    error: dict[str, Any] = {"message": message, "type": kind, "param": param, "code": code}
    if shape == "vllm":
        error |= {"type": _TYPE_NAMES.get(status, "BadRequestError"), "code": status}
    return Refused(status, {"error": error})


def invalid(profile: Profile, message: str, param: str | None = None) -> Refused:
    """Refuse a request that is not well formed.

    Args:
        profile: The server played.
        message: What is wrong.
        param: The field at fault.

    Returns:
        The refusal.
    """
    if profile.errors == "llamacpp-python":
        return refusal(profile, 500, message, kind="internal_server_error")
    if profile.errors in ("transformers", "tgi"):
        return refusal(profile, 422, message, kind="validation")
    return refusal(profile, 400, message, param=param)


def malformed_json(profile: Profile) -> Refused:
    """Refuse a body that is not JSON.

    Args:
        profile: The server played.

    Returns:
        The refusal.
    """
    if profile.errors == "llamacpp-python":
        return Refused(500, "Internal Server Error")
    if profile.errors == "vllm":
        error = {"message": "The body is not valid JSON.", "type": "Bad Request", "param": None, "code": 400}
        return Refused(400, {"error": error})
    return invalid(profile, "We could not parse the JSON body of your request.")


def too_long(profile: Profile, prompt_tokens: int, limit: int, max_tokens: int) -> Refused:
    """Refuse a prompt, or a prompt and its answer, that do not fit the context.

    Args:
        profile: The server played.
        prompt_tokens: The prompt's length.
        limit: The context length.
        max_tokens: How much room the answer was to have.

    Returns:
        The refusal.
    """
    if profile.errors == "llamacpp":
        message = (
            f"request ({prompt_tokens} tokens) exceeds the available context size ({limit} tokens), try increasing it"
        )
        return refusal(
            profile, 400, message, kind="exceed_context_size_error", n_prompt_tokens=prompt_tokens, n_ctx=limit
        )
    maximum = f"This model's maximum context length is {limit} tokens"
    if profile.errors == "vllm":
        if prompt_tokens >= limit:
            # The count is a lower bound: the prompt is not tokenized to its end.
            message = f"{maximum}. However, your prompt contains at least {limit + 1} input tokens."
            return refusal(profile, 400, message, param="input_tokens")
        message = (
            f"'max_tokens' or 'max_completion_tokens' is too large: {max_tokens}. {maximum} and your request has "
            f"{prompt_tokens} input tokens."
        )
        return refusal(profile, 400, message, param="max_tokens")
    if profile.errors == "sglang":
        message = (
            f"The input ({prompt_tokens} tokens) is longer than the model's context length ({limit} tokens)."
            if prompt_tokens >= limit
            else f"Requested token count exceeds the model's maximum context length of {limit} tokens."
        )
        return refusal(profile, 400, message)
    if profile.errors == "tgi":
        message = (
            f"Input validation error: `inputs` tokens + `max_new_tokens` must be <= {limit}. "
            f"Given: {prompt_tokens} `inputs` tokens and {max_tokens} `max_new_tokens`"
        )
        return refusal(profile, 422, message, kind="validation")
    message = (
        f"{maximum}, however you requested {prompt_tokens + max_tokens} tokens ({prompt_tokens} in your prompt; "
        f"{max_tokens} for the completion). Please reduce your prompt; or completion length."
    )
    return refusal(profile, 400, message, param="messages", code="context_length_exceeded")


def unknown_model(profile: Profile, model: str) -> Refused:
    """Refuse a model that is not served.

    Args:
        profile: The server played.
        model: The name asked for.

    Returns:
        The refusal.
    """
    message = f"The model `{model}` does not exist."
    return refusal(profile, profile.unknown_model, message, param="model", code="model_not_found")


def unknown_field(profile: Profile, name: str) -> Refused:
    """Refuse a field that is not known.

    Args:
        profile: The server played.
        name: The field.

    Returns:
        The refusal.
    """
    return refusal(profile, profile.unknown_fields, f"Unexpected keys in the request: {{'{name}'}}", param=name)


def no_room_asked(profile: Profile) -> Refused:
    """Refuse ``max_tokens: 0`` where that is an error.

    Args:
        profile: The server played.

    Returns:
        The refusal.
    """
    if profile.errors == "transformers":
        return refusal(profile, 500, "`max_new_tokens` must be greater than 0")
    return invalid(profile, "`max_new_tokens` must be strictly positive")


def unauthorized(profile: Profile) -> Refused:
    """Refuse a request without the right key.

    Args:
        profile: The server played.

    Returns:
        The refusal.
    """
    return refusal(profile, 401, "Incorrect API key provided.", code="invalid_api_key")
