"""What a server tells about itself: models, health, version, properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lm_eval.mock_server.engine import Engine

__all__ = ["INFO_ROUTES", "models"]


def models(engine: Engine, fields: dict[str, Any]) -> dict[str, Any]:
    """Answer ``/v1/models``.

    Args:
        engine: The served model.
        fields: Not used; every route is given the body.

    Returns:
        The list of models, with the context length where the server played gives it.
    """
    card: dict[str, Any] = {
        "id": engine.model_name,
        "object": "model",
        "created": engine.started,
        "owned_by": "lm_eval mock server",
    }
    if engine.profile.model_card == "max_model_len":
        card |= {"root": engine.model_name, "parent": None, "max_model_len": engine.max_model_len}
    elif engine.profile.model_card == "meta":
        card["meta"] = {
            "n_vocab": engine.tokenizer.vocab_size,
            "n_ctx": engine.max_model_len,
            "n_ctx_train": 4 * engine.max_model_len,
        }
        return {"models": [{"name": engine.model_name, "model": engine.model_name}], "object": "list", "data": [card]}
    return {"object": "list", "data": [card]}


def _empty(engine: Engine, fields: dict[str, Any]) -> None:
    return None


def _version(engine: Engine, fields: dict[str, Any]) -> dict[str, Any]:
    return {"version": "0.0.0+mock"}


def _llamacpp_health(engine: Engine, fields: dict[str, Any]) -> dict[str, Any]:
    return {"status": "ok"}


def _llamacpp_props(engine: Engine, fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "default_generation_settings": {"n_ctx": engine.max_model_len},
        "total_slots": 1,
        "model_path": engine.model_name,
        "chat_template": "",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "build_info": "mock",
    }


def _sglang_info(engine: Engine, fields: dict[str, Any]) -> dict[str, Any]:
    return {"model_path": engine.model_name, "tokenizer_path": engine.model_name, "is_generation": True}


def _tgi_info(engine: Engine, fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "model_id": engine.model_name,
        "max_input_tokens": engine.max_model_len - 1,
        "max_total_tokens": engine.max_model_len,
        "version": "mock",
    }


InfoRoute = Callable[[Engine, dict[str, Any]], dict[str, Any] | None]

INFO_ROUTES: dict[str, dict[str, InfoRoute]] = {
    "": {},
    "vllm": {"/health": _empty, "/ping": _empty, "/version": _version},
    "llamacpp": {"/health": _llamacpp_health, "/v1/health": _llamacpp_health, "/props": _llamacpp_props},
    "sglang": {"/health": _empty, "/get_model_info": _sglang_info, "/model_info": _sglang_info},
    "tgi": {"/health": _empty, "/info": _tgi_info},
}
"""Kind of server → path → what answers it; None is an empty answer."""
