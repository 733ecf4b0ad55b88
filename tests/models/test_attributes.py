"""The attributes of API models under the names of the reference harness: read and set by other people's classes."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import pytest

from lm_eval.api.instance import Instance
from lm_eval.api.model import RunContext
from lm_eval.errors import ConfigError
from lm_eval.mock_server import MockServer
from lm_eval.models import api_models
from lm_eval.models.api_models import JsonChatStr, TemplateAPI, create_image_prompt
from lm_eval.models.messages import TemplatedPrompt
from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI, OpenAIChatCompletion
from tests.models.scripted import ScriptedServer, completion, message

GENERATES = frozenset({"generate_until"})


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(profile="vllm", max_model_len=512) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def ask(prompt: Any = "x", **settings: Any) -> Instance:
    return Instance("generate_until", {}, (prompt, settings), 0, ("t", 0, 1))


def shown(kind: type[Any] = LocalCompletionsAPI, **arguments: Any) -> Any:
    return kind(**{"model": "m", "base_url": "http://h/v1/completions", **arguments})


@pytest.mark.parametrize(
    ("name", "default", "argument", "given", "value"),
    [
        ("_max_gen_toks", 256, "max_gen_toks", "7", 7),
        ("_batch_size", 1, "batch_size", "4", 4),
        ("_concurrent", 8, "num_concurrent", "3", 3),
        ("_seed", 1234, "seed", "5", 5),
        ("_header", None, "header", {"X": "y"}, {"X": "y"}),
        ("_truncate", False, "truncate", "true", True),
        ("_eos_string", None, "eos_string", "<end>", "<end>"),
        ("eos_string", None, "eos_string", "<end>", "<end>"),
        ("tokenizer", None, "tokenizer", "gpt2", None),
        ("tokenizer_backend", None, "tokenizer_backend", "huggingface", None),
        ("tokenizer_backend", None, "tokenizer_backend", "remote", "remote"),
        ("tokenized_requests", False, "tokenized_requests", True, False),
        ("base_url", "http://h/v1/completions", "base_url", "http://h/v1", "http://h/v1"),
        ("timeout", 300, "timeout", "9", 9),
        ("max_retries", 6, "max_retries", "2", 2),
        ("max_images", 1, "max_images", "3", 3),
        ("verify_certificate", True, "verify_certificate", "false", False),
        ("ca_cert_path", None, "ca_cert_path", "ca.pem", "ca.pem"),
        ("auth_token", None, "auth_token", "sk-secret", "sk-secret"),
        ("api_key", "", "auth_token", "sk-secret", "sk-secret"),
        ("api_key", "", "api_key", "sk-secret", "sk-secret"),
        ("add_bos_token", False, "add_bos_token", "true", True),
        ("custom_prefix_token_id", None, "custom_prefix_token_id", "2", 2),
        ("prefix_token_id", None, "custom_prefix_token_id", "2", 2),
        ("think_end_token", None, "think_end_token", "</t>", "</t>"),
        ("max_length", None, "max_length", "100", 99),
    ],
)
def test_an_argument_is_an_attribute(name: str, default: Any, argument: str, given: Any, value: Any) -> None:
    if name != "max_length":  # which asks the server
        assert getattr(shown(), name) == default
    found = getattr(shown(**{argument: given}), name)
    assert (found, type(found)) == (value, type(value))


class Guided(TemplateAPI):
    """As the API guide of the reference harness says, with its attributes."""

    path = "/completions"

    def _create_payload(
        self,
        messages: Any,
        generate: bool = False,
        gen_kwargs: Any = None,
        seed: Any = 1234,
        eos: Any = None,
        **kwargs: Any,
    ) -> Any:
        return {
            "prompt": messages,
            "max_tokens": gen_kwargs.pop("max_gen_toks", self._max_gen_toks),
            "seed": self._seed,
        }

    @staticmethod
    def parse_generations(outputs: Any, **kwargs: Any) -> list[str]:
        return [choice["text"] for choice in outputs["choices"]]


class Late(Guided):
    """Sets attributes before and after the constructor of its base."""

    def __init__(self, url: str, **kwargs: Any) -> None:
        self.base_url = "http://not-this-one"
        assert self.base_url
        super().__init__(model="first", **kwargs)
        self.base_url = url
        self.model = "second"
        self._max_gen_toks = 11
        self._seed = 99
        self._header = {"X-Own": "yes"}
        self.timeout = 5
        self.max_retries = 0
        self._concurrent = 2


def test_attributes_that_a_constructor_sets_count() -> None:
    with ScriptedServer(lambda request, body: completion("ok")) as server:
        lm = Late(server.url)
        lm.harness_prepare(RunContext(request_types=GENERATES))
        lm.harness_respond([ask()])
        _, headers, body = server.seen[-1]
    assert body == {"prompt": "x", "max_tokens": 11, "seed": 99}
    assert headers["X-Own"] == "yes"
    args = lm.harness_pool.requests.args
    assert (args.model, args.timeout, args.max_retries, args.num_concurrent) == ("second", 5.0, 0, 2)


def test_attributes_that_a_script_sets_count_from_the_next_run_on() -> None:
    with ScriptedServer(lambda request, body: completion("ok")) as server:
        lm: Any = LocalCompletionsAPI(model="m", base_url=server.url)
        lm.generate_until([ask()])
        lm._max_gen_toks, lm._seed, lm.api_key, lm.eos_string = 3, 8, "sk-late-key", "<end>"
        lm.generate_until([ask()])
        first, second = server.bodies
        assert server.seen[1][1]["Authorization"] == "Bearer sk-late-key"
    assert (first["max_tokens"], first["seed"], first.get("stop")) == (256, 1234, None)
    assert (second["max_tokens"], second["seed"], second["stop"]) == (3, 8, ["<end>"])


def test_an_attribute_with_a_wrong_value_is_one_line() -> None:
    lm = shown()
    lm._max_gen_toks = "many"
    with pytest.raises(ConfigError, match="max_gen_toks='many' does not fit"):
        lm.harness_prepare(RunContext(request_types=GENERATES))


class Properties(LocalCompletionsAPI):
    """Overrides the properties of the reference harness in the ways it allows."""

    _batch_size = 9

    @cached_property
    def api_key(self) -> str:
        return "sk-of-the-class"

    @cached_property
    def eos_string(self) -> str:
        return "<|im_end|>"

    @property
    def max_length(self) -> int:
        return 20


def test_properties_of_a_class_count() -> None:
    with ScriptedServer(lambda request, body: completion("ok")) as server:
        lm = Properties(model="m", base_url=server.url)
        assert lm.max_length == 20
        lm.generate_until([ask()])
        assert server.seen[0][1]["Authorization"] == "Bearer sk-of-the-class"
        assert server.bodies[0]["stop"] == ["<|im_end|>"]


def test_a_model_without_a_url_says_so_when_it_is_used() -> None:
    class Forgetful(LocalCompletionsAPI):
        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)

    with pytest.raises(ConfigError, match="base_url is missing"):
        LocalCompletionsAPI(model="m")
    with pytest.raises(ConfigError, match="base_url is missing"):
        Forgetful(model="m").harness_prepare(RunContext(request_types=GENERATES))


def test_max_length_is_the_servers(server: MockServer, caplog: pytest.LogCaptureFixture) -> None:
    lm: Any = LocalCompletionsAPI(model="mock", base_url=server.base_url)
    assert lm.max_length == 511
    lm.max_length = 99
    lm.harness_pool.connection.refresh()
    assert (lm.max_length, lm.harness_pool.requests.args.max_length) == (99, 100)
    with caplog.at_level(logging.WARNING, "lm_eval"):
        assert LocalCompletionsAPI(model="m", base_url="http://127.0.0.1:9").max_length == 2047
    assert "max_length of the model is 2047" in caplog.text


@pytest.mark.parametrize("kind", [LocalChatCompletion, OpenAIChatCompletion])
def test_chat_classes_are_completions_classes(kind: type[Any]) -> None:
    assert issubclass(kind, LocalCompletionsAPI)
    assert issubclass(kind, TemplateAPI)


def test_messages_of_completions_wait_for_the_chat_template() -> None:
    prompt = shown().apply_chat_template([{"role": "user", "content": "Q"}], add_generation_prompt=False)
    assert isinstance(prompt, TemplatedPrompt)
    assert prompt.continues


def test_messages_are_json_text_too() -> None:
    chat = [{"role": "user", "content": "Wie heißt du?"}]
    prompt: Any = LocalChatCompletion(model="m", base_url="http://h").apply_chat_template(chat)
    assert isinstance(prompt, JsonChatStr)
    assert json.loads(prompt.prompt) == chat
    assert JsonChatStr(json.dumps(chat)) == JsonChatStr(prompt=prompt.prompt) == prompt
    assert prompt.encode("utf-8").decode() == prompt.prompt
    import copy
    import pickle

    assert copy.deepcopy(prompt) == pickle.loads(pickle.dumps(prompt)) == prompt


def test_json_text_as_a_prompt_is_sent_as_messages() -> None:
    chat = [{"role": "user", "content": "Q"}]
    with ScriptedServer(lambda request, body: message("ok")) as server:
        lm = LocalChatCompletion(model="m", base_url=server.url)
        assert lm.generate_until([ask(JsonChatStr(json.dumps(chat)))]) == ["ok"]
        assert server.bodies[0]["messages"] == chat


class Picture:
    def save(self, buffer: Any, format: str) -> None:
        buffer.write(format.encode())


@pytest.mark.parametrize("content", ["Describe this", [{"type": "text", "text": "Describe this"}]])
def test_images_stand_before_the_text_of_the_last_message(content: Any) -> None:
    chat = [{"role": "system", "content": "S"}, {"role": "user", "content": content, "type": "text"}]
    made = create_image_prompt([Picture(), Picture()], chat)
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,UE5H", "detail": "auto"}}
    assert made is chat
    assert made[0] == {"role": "system", "content": "S"}
    assert made[1] == {"role": "user", "content": [image, image, {"type": "text", "text": "Describe this"}]}


def test_names_that_task_folders_import() -> None:
    assert api_models.LogLikelihoodInputs
    assert api_models.LMEVAL_MODEL_NONE_ANSWER_PLACEHOLDER == ""


def test_a_null_answer_is_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lm_eval.models.generation.NONE_ANSWER", "[null]")
    with ScriptedServer(lambda request, body: message(None)) as server:
        lm = LocalChatCompletion(model="m", base_url=server.url)
        instance = ask([{"role": "user", "content": "Q"}])
        lm.harness_respond([instance])
    assert instance.resps == ["[null]"]
    assert [info.outcome for info in instance.info] == ["empty"]


@pytest.mark.parametrize(("kind", "refused"), [(LocalChatCompletion, False), (LocalCompletionsAPI, True)])
def test_a_local_tokenizer_is_a_warning_where_it_has_no_part(
    kind: type[Any], refused: bool, server: MockServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "lm_eval"):
        lm = kind(model="mock", base_url=server.base_url, tokenizer_backend="huggingface", tokenizer="gpt2")
    assert "tokenizer_backend=huggingface has no part in generated text" in caplog.text
    kinds = frozenset({"generate_until"}) if not refused else frozenset({"generate_until", "multiple_choice"})
    lm.harness_prepare(RunContext(request_types=kinds))
    assert lm.harness_refuses("generate_until") is None
    assert ("needs a tokenizer on this side" in str(lm.harness_refuses("multiple_choice"))) is refused


def test_a_class_with_scores_of_its_own_may_name_a_local_tokenizer(server: MockServer) -> None:
    class Own(LocalCompletionsAPI):
        @staticmethod
        def parse_logprobs(
            outputs: Any, tokens: Any = None, ctxlens: Any = None, **kwargs: Any
        ) -> list[tuple[float, bool]]:
            return LocalCompletionsAPI.parse_logprobs(outputs=outputs, tokens=tokens, ctxlens=ctxlens)

    texts = ("The capital of France is", " Paris")
    instance, plain = (Instance("loglikelihood", {}, texts, 0, ("t", 0, 1)) for _ in range(2))
    kinds = frozenset({"multiple_choice"})
    for kind, asked, more in (
        (Own, instance, {"tokenizer_backend": "huggingface"}),
        (LocalCompletionsAPI, plain, {}),
    ):
        lm = kind(model="mock", base_url=server.base_url, **more)
        lm.harness_prepare(RunContext(request_types=kinds))
        lm.harness_respond([asked])
    assert instance.error is None
    assert instance.resps == plain.resps


def test_a_tokenizer_of_the_class_tokenizes() -> None:
    class Words:
        def encode(self, text: str) -> list[int]:
            return [len(word) for word in text.split()]

    lm = shown()
    lm.tokenizer = Words()
    assert lm.tok_encode("to be or not") == [2, 2, 2, 3]
    lm.tokenizer = lambda text, add_special_tokens: {"input_ids": [int(add_special_tokens), len(text)]}
    assert lm.tok_encode("four") == [0, 4]
    assert lm.tok_encode("four", add_special_tokens=True) == [1, 4]


def test_the_servers_tokenizer_leaves_out_special_tokens_unless_told(server: MockServer) -> None:
    lm = LocalCompletionsAPI(model="mock", base_url=server.base_url)
    plain, special = lm.tok_encode("Hello there"), lm.tok_encode("Hello there", add_special_tokens=True)
    assert special[-len(plain) :] == plain
    assert LocalCompletionsAPI(model="mock", base_url=server.base_url, add_bos_token=True).tok_encode(
        "Hello there"
    ) == (special)


class Passing(LocalCompletionsAPI):
    """Passes all its arguments on, as classes for the reference harness do."""

    def __init__(self, base_url: str | None = None, **kwargs: Any) -> None:
        super().__init__(base_url=base_url, **kwargs)
        self.flavour = kwargs["flavour"]


def test_arguments_that_a_class_passes_on_are_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "lm_eval"):
        lm = Passing(model="m", base_url="http://h", flavour="sweet", num_concurent=4)
    assert lm.flavour == "sweet"
    assert [record.message for record in caplog.records] == [
        "Passing passes on flavour, which is no model argument.",
        "Passing passes on num_concurent, which is no model argument. Did you mean 'num_concurrent'?",
    ]
    with pytest.raises(ConfigError, match="Unknown model argument 'num_concurent'"):
        shown(num_concurent=4)
