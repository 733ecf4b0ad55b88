"""The tokenize and detokenize endpoints of the servers that have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lm_eval.mock_server.engine import Engine
from lm_eval.mock_server.messages import message_texts, render_messages
from lm_eval.mock_server.problems import invalid
from lm_eval.mock_server.requests import Body

__all__ = ["TOKEN_ROUTES"]


def _text_field(engine: Engine, fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise invalid(engine.profile, f"{name} must be a string.", name)
    return value


def _ids_field(engine: Engine, fields: dict[str, Any], name: str = "tokens") -> list[int]:
    value = fields.get(name)
    size = engine.tokenizer.vocab_size
    if not isinstance(value, list) or not all(isinstance(token, int) and 0 <= token < size for token in value):
        raise invalid(engine.profile, f"{name} must be a list of token ids.", name)
    return value


def _vllm_tokenize(engine: Engine, fields: dict[str, Any]) -> dict[str, Any]:
    body = Body(engine.profile, fields)
    body.check(engine.model_name)
    if "messages" in fields:
        contents = message_texts(engine.profile, fields["messages"])
        ids = engine.encode(render_messages(contents), add_bos=body.flag("add_special_tokens", True) or None)
    else:
        text = _text_field(engine, fields, "prompt")
        ids = engine.encode(text, add_bos=engine.profile.adds_bos and body.flag("add_special_tokens", True))
    pieces = [engine.tokenizer.vocabulary_piece(token) for token in ids] if body.flag("return_token_strs") else None
    return {"count": len(ids), "max_model_len": engine.max_model_len, "tokens": ids, "token_strs": pieces}


def _vllm_detokenize(engine: Engine, fields: dict[str, Any]) -> dict[str, Any]:
    return {"prompt": engine.tokenizer.decode(_ids_field(engine, fields))}


def _llamacpp_tokenize(engine: Engine, fields: dict[str, Any]) -> dict[str, Any]:
    body = Body(engine.profile, fields)
    ids = engine.encode(_text_field(engine, fields, "content"), add_bos=body.flag("add_special"))
    if not body.flag("with_pieces"):
        return {"tokens": ids}
    text, raw = engine.tokenizer.token_text, engine.tokenizer.token_bytes
    pieces = [text[token] if text[token] is not None else list(raw[token]) for token in ids]
    return {"tokens": [{"id": token, "piece": piece} for token, piece in zip(ids, pieces, strict=True)]}


def _llamacpp_detokenize(engine: Engine, fields: dict[str, Any]) -> dict[str, Any]:
    return {"content": engine.tokenizer.decode(_ids_field(engine, fields))}


def _llamacpp_template(engine: Engine, fields: dict[str, Any]) -> dict[str, Any]:
    return {"prompt": render_messages(message_texts(engine.profile, fields.get("messages")))}


def _python_tokenize(engine: Engine, fields: dict[str, Any]) -> dict[str, Any]:
    return {"tokens": engine.encode(_text_field(engine, fields, "input"))}


def _python_count(engine: Engine, fields: dict[str, Any]) -> dict[str, Any]:
    return {"count": len(engine.encode(_text_field(engine, fields, "input")))}


def _python_detokenize(engine: Engine, fields: dict[str, Any]) -> dict[str, Any]:
    return {"text": engine.tokenizer.decode(_ids_field(engine, fields)).removeprefix("<s>")}


def _tgi_tokenize(engine: Engine, fields: dict[str, Any]) -> list[dict[str, Any]]:
    text = _text_field(engine, fields, "inputs")
    tokenizer = engine.tokenizer
    found: list[dict[str, Any]] = []
    place = 0
    for token in engine.encode(text):
        shown = "" if token == tokenizer.bos_id and not found else tokenizer.decode([token])
        length = len(shown)
        name = tokenizer.vocabulary_piece(token) if tokenizer.is_special(token) else shown
        found.append({"id": token, "text": name, "start": place, "stop": place + length})
        place += length
    return found


TOKEN_ROUTES: dict[str, dict[str, Callable[[Engine, dict[str, Any]], object]]] = {
    "": {},
    "vllm": {"/tokenize": _vllm_tokenize, "/detokenize": _vllm_detokenize},
    "llamacpp": {
        "/tokenize": _llamacpp_tokenize,
        "/detokenize": _llamacpp_detokenize,
        "/apply-template": _llamacpp_template,
    },
    "llamacpp-python": {
        "/extras/tokenize": _python_tokenize,
        "/extras/tokenize/count": _python_count,
        "/extras/detokenize": _python_detokenize,
    },
    "tgi": {"/tokenize": _tgi_tokenize},
}
"""Kind of tokenize endpoint → path → what answers it."""
