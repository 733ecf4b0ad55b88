"""What counts the tokens of made documents: a named tokenizer, the server, or a ratio."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from lm_eval.api.current_run import CurrentRun, during
from lm_eval.errors import CapabilityError, ConfigError
from lm_eval.mock_server import MockServer
from lm_eval.models.openai_completions import LocalCompletionsAPI
from lm_eval.models.token_counts import ServerCounter
from lm_eval.models.work import Call, Reply
from lm_eval.tasks.shared import token_counter


def test_a_named_tokenizer_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_counter, "find_spec", lambda name: None)
    assert isinstance(token_counter.token_counter({"tokenizer": "some/name"}), token_counter.RatioCounter)


def test_a_tokenizer_that_cannot_be_loaded_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tokenizer:
        @staticmethod
        def from_pretrained(name: str) -> None:
            raise OSError(f"{name} is not there\n(404)")

    _install_tokenizers(monkeypatch, Tokenizer)
    with pytest.raises(ConfigError, match=r"tokenizer=some/name cannot be loaded: some/name is not there \(404\)\."):
        token_counter.token_counter({"tokenizer": "some/name"})


def test_a_named_tokenizer_counts_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Encoded:
        def __init__(self, text: str) -> None:
            self.ids = [0, *text.split()]

    class Tokenizer:
        def __init__(self, name: str) -> None:
            self.name = name

        @classmethod
        def from_pretrained(cls, name: str) -> Tokenizer:
            return cls(name)

        @classmethod
        def from_file(cls, name: str) -> Tokenizer:
            return cls(name)

        def to_str(self) -> str:
            return "content"

        def encode_batch(self, texts: list[str]) -> list[Encoded]:
            return [Encoded(text) for text in texts]

    _install_tokenizers(monkeypatch, Tokenizer)
    found = token_counter.token_counter({"tokenizer": "some/name"})
    digest = hashlib.sha256(b"content").hexdigest()[:12]
    assert (found.is_free, found.count(["a b", ""])) == (True, [3, 1])
    assert found.identity == f"tokenizers:some/name:{digest}"
    (tmp_path / "tokenizer.json").write_text("{}")
    local = token_counter.LocalCounter(str(tmp_path))
    assert local._tokenizer.name == str(tmp_path / "tokenizer.json")


def _install_tokenizers(monkeypatch: pytest.MonkeyPatch, tokenizer: type) -> None:
    module = ModuleType("tokenizers")
    module.__dict__["Tokenizer"] = tokenizer
    monkeypatch.setitem(sys.modules, "tokenizers", module)
    monkeypatch.setattr(token_counter, "find_spec", lambda name: True)


@pytest.mark.parametrize("profile", ["vllm", "llamacpp", "llamacpp-python", "tgi"])
def test_the_server_counts_with_its_tokenizer(profile: str) -> None:
    with MockServer(profile=profile) as server:
        lm = LocalCompletionsAPI(base_url=server.base_url, model="mock")
        with during(CurrentRun(lm)):
            found = token_counter.token_counter({})
        ids = lm.tok_encode("one two three", add_special_tokens=True)
        assert (found.is_free, found.count(["one two three"])) == (True, [len(ids)])
        assert "mock" in found.identity
        assert not server.requests


def test_without_a_tokenizer_the_server_reports_usage() -> None:
    with MockServer(profile="openai") as server:
        lm = LocalCompletionsAPI(base_url=server.base_url, model="mock")
        with during(CurrentRun(lm)):
            found = token_counter.token_counter({})
        short, long = found.count(["one", "one two three four five six"])
        assert (found.is_free, found.identity) == (False, "usage:mock")
        assert 0 < short < long


def test_a_line_through_measured_texts() -> None:
    class Costly:
        identity = "usage:x"
        is_free = False

        def count(self, texts: Sequence[str]) -> list[int]:
            return [5 + len(text) // 2 for text in texts]

    line = token_counter.LinearCounter(Costly(), ["ab", "a" * 20, "a" * 100])
    assert (line.is_free, line.count(["a" * 50, ""])) == (True, [30, 5])
    line.raise_by(3)
    assert line.count(["a" * 50]) == [33]


def test_a_model_without_a_url_counts_nothing() -> None:
    class OwnAPI(LocalCompletionsAPI):
        def __init__(self) -> None:
            super().__init__(model="mock")

    with during(CurrentRun(OwnAPI())):
        assert isinstance(token_counter.token_counter({}), token_counter.RatioCounter)


def test_a_server_that_reports_no_usage_cannot_count() -> None:
    with MockServer(profile="openai") as server:
        counter = LocalCompletionsAPI(base_url=server.base_url, model="mock").harness_token_counter()
    assert isinstance(counter, ServerCounter)

    async def reported(ask: object, text: str) -> int:
        return await counter._reported(answer, text)

    async def answer(call: Call) -> Reply:
        return Reply({"choices": []})

    with pytest.raises(CapabilityError, match=r"no usage\.prompt_tokens"):
        asyncio.run(reported(answer, "text"))
