"""The tokenize and detokenize endpoints."""

from __future__ import annotations

from collections.abc import Callable

from lm_eval.mock_server.json_text import JsonObject
from lm_eval.mock_server.messages import message_texts, render_messages
from lm_eval.mock_server.problems import invalid
from lm_eval.mock_server.request_fields import RequestFields
from lm_eval.mock_server.served_model import ServedModel

__all__ = ["TOKEN_ROUTES"]


def _text_field(served: ServedModel, fields: JsonObject, name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise invalid(served.profile, f"{name} must be a string.", name)
    return value


def _ids_field(served: ServedModel, fields: JsonObject, name: str = "tokens") -> list[int]:
    value = fields.get(name)
    size = served.tokenizer.vocab_size
    if not isinstance(value, list) or not all(isinstance(token, int) and 0 <= token < size for token in value):
        raise invalid(served.profile, f"{name} must be a list of token ids.", name)
    return value


def _vllm_tokenize(served: ServedModel, fields: JsonObject) -> JsonObject:
    request = RequestFields(served, fields)
    request.check()
    if "messages" in fields:
        contents = message_texts(served.profile, fields["messages"])
        continued, opened = request.flag("continue_final_message"), request.flag("add_generation_prompt", True)
        if continued and opened:
            message = "Cannot set both `continue_final_message` and `add_generation_prompt` to True."
            raise invalid(served.profile, message, "continue_final_message")
        text = render_messages(contents, continued=continued)
        ids = served.encode(text, add_bos=request.flag("add_special_tokens", False) or None)
    else:
        text = _text_field(served, fields, "prompt")
        ids = served.encode(text, add_bos=served.profile.adds_bos and request.flag("add_special_tokens", True))
    pieces = [served.tokenizer.vocabulary_piece(token) for token in ids] if request.flag("return_token_strs") else None
    return {"count": len(ids), "max_model_len": served.settings.max_model_len, "tokens": ids, "token_strs": pieces}


def _vllm_detokenize(served: ServedModel, fields: JsonObject) -> JsonObject:
    return {"prompt": served.tokenizer.decode(_ids_field(served, fields))}


def _llamacpp_tokenize(served: ServedModel, fields: JsonObject) -> JsonObject:
    request = RequestFields(served, fields)
    ids = served.encode(_text_field(served, fields, "content"), add_bos=request.flag("add_special"))
    if not request.flag("with_pieces"):
        return {"tokens": ids}
    text, raw = served.tokenizer.token_text, served.tokenizer.token_bytes
    pieces = [text[token] if text[token] is not None else list(raw[token]) for token in ids]
    return {"tokens": [{"id": token, "piece": piece} for token, piece in zip(ids, pieces, strict=True)]}


def _llamacpp_detokenize(served: ServedModel, fields: JsonObject) -> JsonObject:
    return {"content": served.tokenizer.decode(_ids_field(served, fields))}


def _llamacpp_template(served: ServedModel, fields: JsonObject) -> JsonObject:
    contents = message_texts(served.profile, fields.get("messages"))
    # The last message is left open if it is the assistant's, as an answer continues it.
    return {"prompt": render_messages(contents, continued=bool(contents) and contents[-1][0] == "assistant")}


def _python_tokenize(served: ServedModel, fields: JsonObject) -> JsonObject:
    return {"tokens": served.encode(_text_field(served, fields, "input"))}


def _python_count(served: ServedModel, fields: JsonObject) -> JsonObject:
    return {"count": len(served.encode(_text_field(served, fields, "input")))}


def _python_detokenize(served: ServedModel, fields: JsonObject) -> JsonObject:
    return {"text": served.tokenizer.decode(_ids_field(served, fields)).removeprefix("<s>")}


def _tgi_tokenize(served: ServedModel, fields: JsonObject) -> list[JsonObject]:
    text = _text_field(served, fields, "inputs")
    tokenizer = served.tokenizer
    tokens: list[JsonObject] = []
    start = 0
    special = fields.get("add_special_tokens") is not False
    for token in served.encode(text, add_bos=special and served.profile.adds_bos):
        shown = "" if token == tokenizer.bos_id and not tokens else tokenizer.decode([token])
        length = len(shown)
        name = tokenizer.vocabulary_piece(token) if tokenizer.is_special(token) else shown
        tokens.append({"id": token, "text": name, "start": start, "stop": start + length})
        start += length
    return tokens


def _tgi_chat_tokenize(served: ServedModel, fields: JsonObject) -> JsonObject:
    text = render_messages(message_texts(served.profile, fields.get("messages")))
    return {
        "tokenize_response": _tgi_tokenize(served, {"inputs": text, "add_special_tokens": False}),
        "templated_text": text,
    }


TOKEN_ROUTES: dict[str, dict[str, Callable[[ServedModel, JsonObject], object]]] = {
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
    "tgi": {"/tokenize": _tgi_tokenize, "/chat_tokenize": _tgi_chat_tokenize},
}
"""Kind of tokenize endpoint → path → the function that answers."""
