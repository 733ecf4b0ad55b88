"""The server's tokenizer, for code of other people."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from lm_eval import utils
from lm_eval.errors import APIError
from lm_eval.mock_server import MockServer
from lm_eval.models.openai_completions import LocalCompletionsAPI
from lm_eval.models.server.remote import RemoteTokenizer
from tests.models.scripted import ScriptedServer

_INFO = {
    "eos_token": "</s>",
    "bos_token": "<s>",
    "chat_template": "{% for m in messages %}{{ m['content'] }}|{% endfor %}",
}


def handler(request: web.Request, body: Any) -> web.Response:
    if request.headers.get("Authorization") != "Bearer sk-tokens":
        return web.json_response({"error": "no key"}, status=401)
    answers = {
        "/tokenizer_info": _INFO,
        "/tokenize": {"tokens": [len(word) for word in (body or {}).get("prompt", "").split()]},
        "/detokenize": {"prompt": " ".join("x" * length for length in (body or {}).get("tokens", []))},
    }
    return web.json_response(answers[request.path])


def test_it_encodes_decodes_and_knows_special_tokens() -> None:
    with ScriptedServer(handler) as server:
        tokenizer: Any = utils.RemoteTokenizer(f"{server.url}/completions", auth_token="sk-tokens")
        assert isinstance(tokenizer, RemoteTokenizer)
        assert tokenizer.encode("to be or") == tokenizer("to be or")["input_ids"] == [2, 2, 2]
        assert tokenizer.batch_decode([[1], [2, 3]]) == ["x", "xx xxx"]
        assert (tokenizer.eos_token, tokenizer.bos_token, tokenizer.pad_token) == ("</s>", "<s>", None)
        assert tokenizer.eos_token_id == tokenizer.eot_token == 4
        assert tokenizer.bos_token_id == 3
        assert tokenizer.apply_chat_template([{"role": "user", "content": "Q"}]) == "Q|"
        bodies = [body for path, _, body in server.seen if path == "/tokenize"]
        assert bodies[0] == {"prompt": "to be or", "add_special_tokens": False}
        lm: Any = LocalCompletionsAPI(
            model="m", base_url=server.url, tokenizer_backend="remote", auth_token="sk-tokens"
        )
        assert lm.tokenizer.encode("a bc") == [1, 2]


def test_support_is_asked_for() -> None:
    with ScriptedServer(handler) as server:
        assert utils.check_remote_tokenizer_support(server.url, auth_token="sk-tokens")
        assert not utils.check_remote_tokenizer_support(server.url, max_retries=0)
    with MockServer(profile="openai") as mock:
        assert not utils.check_remote_tokenizer_support(mock.base_url)
        with pytest.raises(APIError):
            RemoteTokenizer(mock.base_url, max_retries=0)
    assert not utils.check_remote_tokenizer_support("")
