"""The endpoints that describe a server: models, health, version, properties."""

from __future__ import annotations

import time
from collections.abc import Callable

from lm_eval.mock_server.json_text import JsonObject
from lm_eval.mock_server.profiles import Family
from lm_eval.mock_server.served_model import ServedModel

__all__ = ["INFO_ROUTES", "models"]

_CREATED = 1_700_000_000
"""When the model was created, where the imitated server says that. vLLM and llama.cpp say the time of the request."""


def models(served: ServedModel) -> JsonObject:
    """Answer ``/v1/models``.

    Args:
        served: The served model.

    Returns:
        The list of models, with the context length if the imitated server shows it.
    """
    card: JsonObject = {
        "id": served.settings.model,
        "object": "model",
        "created": _CREATED if served.profile.model_card == "plain" else int(time.time()),
        "owned_by": "lm_eval mock server",
    }
    if served.profile.model_card == "max_model_len":
        card |= {"root": served.settings.model, "parent": None, "max_model_len": served.settings.max_model_len}
    elif served.profile.model_card == "meta":
        card["meta"] = {
            "n_vocab": served.tokenizer.vocab_size,
            "n_ctx": served.settings.max_model_len,
            "n_ctx_train": 4 * served.settings.max_model_len,
        }
        return {
            "models": [{"name": served.settings.model, "model": served.settings.model}],
            "object": "list",
            "data": [card],
        }
    return {"object": "list", "data": [card]}


def _empty(served: ServedModel) -> None:
    return None


def _version(served: ServedModel) -> JsonObject:
    return {"version": "0.0.0+mock"}


def _llamacpp_health(served: ServedModel) -> JsonObject:
    return {"status": "ok"}


def _llamacpp_props(served: ServedModel) -> JsonObject:
    return {
        "default_generation_settings": {"n_ctx": served.settings.max_model_len},
        "total_slots": 1,
        "model_path": served.settings.model,
        "chat_template": "",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "build_info": "mock",
    }


def _sglang_info(served: ServedModel) -> JsonObject:
    return {"model_path": served.settings.model, "tokenizer_path": served.settings.model, "is_generation": True}


def _tgi_info(served: ServedModel) -> JsonObject:
    return {
        "model_id": served.settings.model,
        "max_input_tokens": served.settings.max_model_len - 1,
        "max_total_tokens": served.settings.max_model_len,
        "version": "mock",
    }


INFO_ROUTES: dict[Family, dict[str, Callable[[ServedModel], JsonObject | None]]] = {
    "vllm": {"/health": _empty, "/ping": _empty, "/version": _version},
    "llamacpp": {"/health": _llamacpp_health, "/v1/health": _llamacpp_health, "/props": _llamacpp_props},
    "sglang": {"/health": _empty, "/get_model_info": _sglang_info, "/model_info": _sglang_info},
    "tgi": {"/health": _empty, "/info": _tgi_info},
}
"""Family → path → the function that answers; None is an empty answer. Other families have no such endpoints."""
