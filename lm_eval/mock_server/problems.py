"""Refusals, in the words and shapes of the imitated servers."""

from __future__ import annotations

from lm_eval.errors import Refused
from lm_eval.mock_server.json_text import JsonObject
from lm_eval.mock_server.profiles import Profile

__all__ = [
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
    """Build an error in the shape of the imitated server.

    Args:
        profile: The profile of the server.
        status: The HTTP status.
        message: What is wrong.
        kind: The ``type`` of the error, for shapes that let a server choose it.
        param: The field at fault.
        code: A short name of the error, for shapes that have one.
        **extra: Additional fields, for shapes that have them.

    Returns:
        The exception; the caller raises it.
    """
    family = profile.family
    if family == "transformers":
        return Refused(status, {"detail": message})
    if family == "tgi":
        return Refused(status, {"error": message, "error_type": kind})
    if family == "sglang":
        flat = {"object": "error", "message": message, "type": _TYPE_NAMES.get(status, "BadRequest"), "param": param}
        return Refused(status, {**flat, "code": status})
    if family == "llamacpp":
        return Refused(status, {"error": {"code": status, "message": message, "type": kind, **extra}})
    error: JsonObject = {"message": message, "type": kind, "param": param, "code": code}
    if family == "vllm":
        error |= {"type": _TYPE_NAMES.get(status, "BadRequestError"), "code": status}
    return Refused(status, {"error": error})


def invalid(profile: Profile, message: str, param: str | None = None) -> Refused:
    """Refuse a request that is malformed.

    Args:
        profile: The profile of the server.
        message: What is wrong.
        param: The field at fault.

    Returns:
        The refusal.
    """
    if profile.family == "llamacpp-python":
        return refusal(profile, 500, message, kind="internal_server_error")
    if profile.family in ("transformers", "tgi"):
        return refusal(profile, 422, message, kind="validation")
    return refusal(profile, 400, message, param=param)


def malformed_json(profile: Profile) -> Refused:
    """Refuse a body that is not JSON.

    Args:
        profile: The profile of the server.

    Returns:
        The refusal.
    """
    if profile.family == "llamacpp-python":
        return Refused(500, "Internal Server Error")
    if profile.family == "vllm":
        error = {"message": "The body is not valid JSON.", "type": "Bad Request", "param": None, "code": 400}
        return Refused(400, {"error": error})
    return invalid(profile, "We could not parse the JSON body of your request.")


def too_long(profile: Profile, prompt_tokens: int, limit: int, max_tokens: int) -> Refused:
    """Refuse a prompt, or a prompt and its answer, that do not fit the context.

    Args:
        profile: The profile of the server.
        prompt_tokens: The length of the prompt.
        limit: The context length.
        max_tokens: The number of tokens requested for the answer.

    Returns:
        The refusal.
    """
    if profile.family == "llamacpp":
        message = (
            f"request ({prompt_tokens} tokens) exceeds the available context size ({limit} tokens), try increasing it"
        )
        return refusal(
            profile, 400, message, kind="exceed_context_size_error", n_prompt_tokens=prompt_tokens, n_ctx=limit
        )
    maximum = f"This model's maximum context length is {limit} tokens"
    if profile.family == "vllm":
        if prompt_tokens >= limit:
            # vLLM gives a lower bound, since it does not tokenize the prompt to its end.
            message = f"{maximum}. However, your prompt contains at least {limit + 1} input tokens."
            return refusal(profile, 400, message, param="input_tokens")
        message = (
            f"'max_tokens' or 'max_completion_tokens' is too large: {max_tokens}. {maximum} and your request has "
            f"{prompt_tokens} input tokens."
        )
        return refusal(profile, 400, message, param="max_tokens")
    if profile.family == "sglang":
        message = (
            f"The input ({prompt_tokens} tokens) is longer than the model's context length ({limit} tokens)."
            if prompt_tokens >= limit
            else f"Requested token count exceeds the model's maximum context length of {limit} tokens."
        )
        return refusal(profile, 400, message)
    if profile.family == "tgi":
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
        profile: The profile of the server.
        model: The name in the request.

    Returns:
        The refusal.
    """
    message = f"The model `{model}` does not exist."
    return refusal(profile, profile.unknown_model, message, param="model", code="model_not_found")


def unknown_field(profile: Profile, name: str) -> Refused:
    """Refuse an unknown field.

    Args:
        profile: The profile of the server.
        name: The field.

    Returns:
        The refusal.
    """
    if profile.family == "openai":
        message = f"Unrecognized request argument supplied: {name}"
    else:
        message = f"Unexpected keys in the request: {{'{name}'}}"
    return refusal(profile, profile.unknown_fields, message, param=name)


def no_room_asked(profile: Profile) -> Refused:
    """Refuse ``max_tokens: 0``, for servers that treat it as an error.

    Args:
        profile: The profile of the server.

    Returns:
        The refusal.
    """
    if profile.family == "transformers":
        return refusal(profile, 500, "`max_new_tokens` must be greater than 0")
    return invalid(profile, "`max_new_tokens` must be strictly positive")


def unauthorized(profile: Profile) -> Refused:
    """Refuse a request without the right key.

    Args:
        profile: The profile of the server.

    Returns:
        The refusal.
    """
    return refusal(profile, 401, "Incorrect API key provided.", code="invalid_api_key")
