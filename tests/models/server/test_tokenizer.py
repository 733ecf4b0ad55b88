from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lm_eval.errors import MalformedResponse
from lm_eval.models.server.tokenizer import RemoteTokenizer, Tokens, find_tokenizer, read_tokens
from tests.models.scoring.helpers import Fake


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        ({"tokens": [1, 2], "count": 2, "max_model_len": 64}, Tokens([1, 2], None, 64)),
        ({"tokens": [{"id": 2, "piece": "<bos>"}, {"id": 3, "piece": [240]}]}, Tokens([2, 3], [b"<bos>", b"\xf0"])),
        ([{"id": 1, "text": "a", "start": 0, "stop": 1}], Tokens([1])),
        ({"tokens": ["a"]}, None),
        ({"detail": "Not Found"}, None),
        (None, None),
    ],
)
def test_every_shape_is_read(body: Any, tokens: Tokens | None) -> None:
    assert read_tokens(body) == tokens


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"tokens": [1]}, "vllm"),
        ({"tokens": [{"id": 1, "piece": "a"}]}, "llamacpp"),
        ([{"id": 1, "text": "a"}], "tgi"),
    ],
)
def test_the_kind_is_determined_by_the_answer(answer: Any, kind: str) -> None:
    fake = Fake(tokenize=lambda payload: answer)
    tokenizer, tokens = asyncio.run(find_tokenizer(fake, "m", "a"))
    assert tokenizer is not None and tokenizer.kind == kind
    assert tokens is not None and tokens.ids == [1]


def test_llama_cpp_python_has_another_path() -> None:
    fake = Fake()
    fake.routes["//extras/tokenize"] = lambda payload: {"tokens": [2, len(payload["input"])]}
    tokenizer, _ = asyncio.run(find_tokenizer(fake, "m", "abc"))
    assert tokenizer is not None and tokenizer.kind == "extras"
    assert asyncio.run(tokenizer.encode(fake, "ab")).ids == [2, 2]


def test_a_missing_tokenizer_is_not_an_error() -> None:
    assert asyncio.run(find_tokenizer(Fake(), "m", "a")) == (None, None)


def test_special_tokens_are_requested_in_the_way_of_each_server() -> None:
    seen: list[dict[str, Any]] = []

    def tokenize(payload: dict[str, Any]) -> Any:
        seen.append(payload)
        return {"tokens": [1]}

    for kind in ("vllm", "llamacpp", "tgi"):
        asyncio.run(RemoteTokenizer(kind, "m").encode(Fake(tokenize=tokenize), "a", special=False))
    assert [payload.get("add_special_tokens", payload.get("add_special")) for payload in seen] == [False] * 3


def test_an_answer_without_tokens_is_malformed() -> None:
    with pytest.raises(MalformedResponse):
        asyncio.run(RemoteTokenizer("vllm", "m").encode(Fake(tokenize=lambda payload: {}), "a"))


def test_ids_become_text_again() -> None:
    fake = Fake(detokenize=lambda payload: {"prompt": "".join(map(chr, payload["tokens"]))})
    assert asyncio.run(RemoteTokenizer("vllm", "m").decode(fake, [97, 98])) == "ab"
    with pytest.raises(MalformedResponse):
        asyncio.run(RemoteTokenizer("vllm", "m").decode(Fake(detokenize=lambda payload: {}), [97]))
