from __future__ import annotations

import logging
from typing import Any

import pytest
from aiohttp import web

from lm_eval.api.instance import Instance
from lm_eval.api.model import RunContext
from lm_eval.api.registry import MODEL_REGISTRY, get_model
from lm_eval.errors import APIError, ConfigError
from lm_eval.models.api_models import TemplateAPI
from lm_eval.models.openai_completions import (
    LocalChatCompletion,
    LocalCompletionsAPI,
    OpenAIChatCompletion,
    OpenAICompletionsAPI,
)
from tests.models.scripted import ScriptedServer, completion, message


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def generate(prompt: Any, repeats: int = 1, media: Any = None, **settings: Any) -> Instance:
    arguments = (prompt, settings) if media is None else (prompt, settings, media)
    return Instance("generate_until", {}, arguments, 0, ("task", 0, repeats))


def test_four_names_are_registered() -> None:
    classes = (LocalCompletionsAPI, OpenAICompletionsAPI, LocalChatCompletion, OpenAIChatCompletion)
    assert tuple(get_model(name) for name in list(MODEL_REGISTRY)[:4]) == classes


def test_the_exact_body_of_a_completion() -> None:
    with ScriptedServer(lambda request, body: completion(" 42\n\nmore")) as server:
        lm = LocalCompletionsAPI(model="m", base_url=server.url)
        assert lm.generate_until([generate("hello", until=["\n\n"], max_gen_toks=5, do_sample=False, top_p=0.5)]) == [
            " 42"
        ]
    path, headers, body = server.seen[0]
    assert path == "/v1/completions"
    assert "Authorization" not in headers
    assert list(body) == ["model", "prompt", "max_tokens", "temperature", "stop", "seed", "top_p"]
    assert body == {
        "model": "m", "prompt": "hello", "max_tokens": 5, "temperature": 0, "stop": ["\n\n"], "seed": 1234, "top_p": 0.5
    }  # fmt: skip


def test_the_exact_body_of_a_chat_request() -> None:
    history = [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}]
    with ScriptedServer(lambda request, body: message(" 42")) as server:
        lm = LocalChatCompletion(model="m", base_url=server.url, auth_token="own-token-1")
        prompt = lm.apply_chat_template(history)
        assert lm.generate_until([generate(prompt, until=["x"], max_gen_toks=5)]) == [" 42"]
    path, headers, body = server.seen[0]
    assert (path, headers["Authorization"]) == ("/v1/chat/completions", "Bearer own-token-1")
    assert body == {
        "model": "m", "messages": history, "max_tokens": 5, "temperature": 0, "stop": ["x"], "seed": 1234
    }  # fmt: skip


@pytest.mark.parametrize(
    ("model", "reasons"),
    [
        ("gpt-5", True), ("gpt-5-mini", True), ("openai/o1", True), ("o3-mini", True), ("o4-mini-2025", True),
        ("gpt-4o", False), ("gpt-3.5-turbo", False), ("qwen2.5-7b", False), ("olmo-o10", False), ("gpt-50x", False),
    ],
)  # fmt: skip
def test_reasoning_families_take_no_stop_and_temperature_1(model: str, reasons: bool) -> None:
    lm = OpenAIChatCompletion(model=model, base_url="http://h", auth_token="some-key")
    body = lm.harness_pool.requests.generation_payload(
        [generate("q")], {"until": ["x"], "temperature": 0.3, "max_gen_toks": 9}
    )
    assert body["max_completion_tokens"] == 9
    assert "max_tokens" not in body
    assert ("stop" not in body) is reasons
    assert body["temperature"] == (1 if reasons else 0.3)


def test_openai_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    lm = OpenAIChatCompletion(model="gpt-4o")
    assert lm.harness_describe()["endpoints"] == ["https://api.openai.com/v1"]
    with pytest.raises(ConfigError, match="set OPENAI_API_KEY"):
        lm.harness_prepare(RunContext(frozenset({"generate_until"})))
    monkeypatch.setenv("OPENAI_API_KEY", "from-environment")
    assert lm.header == {"Authorization": "Bearer from-environment"}


def test_an_authorization_header_replaces_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "from-environment")
    assert LocalCompletionsAPI(model="m", base_url="h", header={"api-key": "x"}).header == {"api-key": "x"}
    assert (
        LocalCompletionsAPI(model="m", base_url="h", header={"X": "x"}).header["Authorization"].endswith("environment")
    )


def test_a_model_has_a_name_and_a_url() -> None:
    with pytest.raises(ConfigError, match="base_url is missing"):
        LocalCompletionsAPI(model="m")
    with pytest.raises(ConfigError, match="model is missing"):
        LocalChatCompletion(base_url="http://h")


def test_all_stops_are_applied_and_four_are_sent() -> None:
    with ScriptedServer(lambda request, body: completion("keep E cut")) as server:
        lm = LocalCompletionsAPI(model="m", base_url=server.url)
        assert lm.generate_until([generate("p", until=["a", "b", "c", "d", "E"])]) == ["keep "]
    assert server.bodies[0]["stop"] == ["a", "b", "c", "d"]


def test_repeats_have_different_seeds() -> None:
    instance = generate("p", repeats=3, temperature=1.0)
    with ScriptedServer(lambda request, body: completion(str(body["seed"]))) as server:
        LocalCompletionsAPI(model="m", base_url=server.url).harness_respond([instance])
    assert instance.resps == ["1234", "1235", "1236"]


def test_extra_body_wins() -> None:
    with ScriptedServer(lambda request, body: completion("x")) as server:
        lm = LocalCompletionsAPI(model="m", base_url=server.url, extra_body={"top_k": 1, "temperature": 0.7})
        lm.generate_until([generate("p")])
    assert (server.bodies[0]["top_k"], server.bodies[0]["temperature"]) == (1, 0.7)


def test_choices_of_a_batch_are_matched_by_index() -> None:
    def handler(request: web.Request, body: Any) -> web.Response:
        choices = [{"index": place, "text": prompt.upper()} for place, prompt in enumerate(body["prompt"])]
        return web.json_response({"choices": choices[::-1]})

    with ScriptedServer(handler) as server:
        lm = LocalCompletionsAPI(model="m", base_url=server.url, batch_size=3)
        assert lm.generate_until([generate(text) for text in ("a", "b", "c")]) == ["A", "B", "C"]
    assert server.bodies[0]["prompt"] == ["a", "b", "c"]


def test_settings_are_not_mixed_in_a_batch() -> None:
    def handler(request: web.Request, body: Any) -> web.Response:
        prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
        return completion(*(f"{prompt}{body['max_tokens']}" for prompt in prompts))

    with ScriptedServer(handler) as server:
        lm = LocalCompletionsAPI(model="m", base_url=server.url, batch_size=2)
        requests = [generate(text, max_gen_toks=size) for text, size in (("a", 1), ("b", 2), ("c", 1), ("d", 2))]
        assert lm.generate_until(requests) == ["a1", "b2", "c1", "d2"]
    assert len(server.seen) == 2


def test_only_the_faulty_prompt_of_a_rejected_batch_is_lost() -> None:
    def handler(request: web.Request, body: Any) -> web.Response:
        if "bad" in body["prompt"]:
            return web.json_response({"error": {"message": "no"}}, status=400)
        prompts = body["prompt"] if isinstance(body["prompt"], list) else [body["prompt"]]
        return completion(*prompts)

    instances = [generate(text) for text in ("a", "bad", "c")]
    with ScriptedServer(handler) as server:
        LocalCompletionsAPI(model="m", base_url=server.url, batch_size=3).harness_respond(instances)
    assert [instance.resps for instance in instances] == [["a"], [], ["c"]]
    assert instances[1].error is not None
    assert instances[1].error.kind == "rejected"


@pytest.mark.parametrize(
    ("answer", "outcome", "response"),
    [
        (dict(content="fine"), "ok", "fine"),
        (dict(content="cut o", finish="length"), "length", "cut o"),
        (dict(content="done STOP cut", finish="length"), "ok", "done "),
        (dict(content=None), "empty", ""),
        (dict(content="  "), "empty", "  "),
        (dict(content=None, refusal="I cannot"), "refusal", ""),
        (dict(content="", finish="content_filter"), "filtered", ""),
        (dict(content=None, reasoning_content="hm", finish="length"), "reasoning_only", ""),
        (dict(content="", reasoning="hm"), "reasoning_only", ""),
        (dict(content="so 5", reasoning="hm"), "ok", "so 5"),
    ],
)
def test_outcomes_are_distinguished(answer: dict[str, Any], outcome: str, response: str) -> None:
    instance = generate("q", until=["STOP"])
    with ScriptedServer(lambda request, body: message(**answer)) as server:
        LocalChatCompletion(model="m", base_url=server.url).harness_respond([instance])
    assert instance.resps == [response]
    assert instance.info[0].outcome == outcome
    if "reasoning" in outcome:
        assert instance.info[0].reasoning == "hm"


def test_the_text_after_the_thinking_is_the_response() -> None:
    instance = generate("q", until=["\n\n"])
    with ScriptedServer(lambda request, body: message("a\n\nb</think>\n\n so 5\n\nmore")) as server:
        LocalChatCompletion(model="m", base_url=server.url, think_end_token="</think>").harness_respond([instance])
    assert instance.resps == ["so 5"]
    assert instance.info[0].reasoning is not None
    assert instance.info[0].reasoning.startswith("a\n\nb")


@pytest.mark.parametrize(
    ("answer", "outcome", "response"),
    [
        ({"content": "3 and 4 make 7, so", "finish": "length"}, "reasoning_only", ""),
        ({"content": "3 and 4 make 7, so", "finish": "max_tokens"}, "reasoning_only", ""),
        ({"content": "<think>3 and 4 make 7", "finish": "stop"}, "reasoning_only", ""),
        ({"content": "\n<think>\n\n3 and", "finish": "length"}, "reasoning_only", ""),
        ({"content": "<think>7</think>", "finish": "length"}, "reasoning_only", ""),
        ({"content": "so 7 <", "finish": "content_filter"}, "filtered", ""),
        ({"content": "<think>6</think> 7 and", "finish": "length"}, "length", "7 and"),
        ({"content": "<think>6</think> 7\n\n8", "finish": "stop"}, "ok", "7"),
        ({"content": "The answer is 7", "finish": "stop"}, "ok", "The answer is 7"),
        ({"content": "7 and", "finish": "length", "reasoning_content": "hm"}, "length", "7 and"),
        ({"content": None, "finish": "length", "reasoning_content": "3 and"}, "reasoning_only", ""),
    ],
)
def test_a_thought_without_its_end_is_no_answer(answer: dict[str, Any], outcome: str, response: str) -> None:
    instance = generate("q", until=["\n\n"])
    with ScriptedServer(lambda request, body: message(**answer)) as server:
        LocalChatCompletion(model="m", base_url=server.url, think_end_token="</think>").harness_respond([instance])
    assert instance.resps == [response]
    assert instance.info[0].outcome == outcome
    assert "stop" not in server.bodies[0]


@pytest.mark.parametrize("end", ["</think>", "[/THINK]", "<|end_of_thought|>"])
def test_a_thought_of_a_completion_is_cut_at_the_limit_or_by_a_stop_string(end: str) -> None:
    reasons: list[dict[str, Any]] = [
        {"finish_reason": "length"},
        {"finish_reason": "stop", "stop_reason": "\n"},
        {"finish_reason": "stop"},
    ]
    texts = ["6 or 7", "6", f"6 or 7{end}7\n8"]
    instances = [generate(str(place), until=["\n"]) for place in range(3)]

    def answer(request: Any, body: Any) -> Any:
        place = int(body["prompt"])
        return web.json_response({"choices": [{"index": 0, "text": texts[place], **reasons[place]}]})

    with ScriptedServer(answer) as server:
        LocalCompletionsAPI(model="m", base_url=server.url, think_end_token=end).harness_respond(instances)
    assert [instance.resps for instance in instances] == [[""], [""], ["7"]]
    assert [instance.info[0].outcome for instance in instances] == ["reasoning_only", "reasoning_only", "ok"]


def test_plain_text_is_one_user_message_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with ScriptedServer(lambda request, body: message("x")) as server, caplog.at_level(logging.WARNING, "lm_eval"):
        lm = LocalChatCompletion(model="m", base_url=server.url, num_concurrent=1)
        lm.generate_until([generate("a"), generate("b")])
    assert [body["messages"] for body in server.bodies] == [
        [{"role": "user", "content": "a"}],
        [{"role": "user", "content": "b"}],
    ]
    assert sum("--apply_chat_template" in record.message for record in caplog.records) == 1


def test_images_go_into_the_message() -> None:
    with ScriptedServer(lambda request, body: message("x")) as server:
        lm = LocalChatCompletion(model="m", base_url=server.url)
        lm.generate_until([generate("what?", media={"visual": [b"\x89PNG..", b"\x89PNG.."]})])
    parts = server.bodies[0]["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["image_url", "text"]


class OwnAPI(TemplateAPI):
    """A server with another API, as another package would add it."""

    def _create_payload(
        self,
        messages: Any,
        *,
        generate: bool = True,
        gen_kwargs: dict[str, Any] | None = None,
        seed: int | None = 1234,
        eos: str | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        return {"input": messages, "seed": seed}

    @staticmethod
    def parse_generations(outputs: Any, **kwargs: Any) -> list[str]:
        return [outputs["output"]]

    @property
    def header(self) -> dict[str, str]:
        return {"X-Own": "yes"}


def test_another_package_can_add_an_api() -> None:
    with ScriptedServer(lambda request, body: web.json_response({"output": body["input"] * 2})) as server:
        lm = OwnAPI(base_url=server.url.replace("/v1", "/generate"))
        assert lm.generate_until([generate("ab", until=["never"])]) == ["abab"]
    path, headers, _ = server.seen[0]
    assert (path, headers["X-Own"]) == ("/generate", "yes")


def test_an_answer_that_a_subclass_cannot_parse_is_a_lost_request() -> None:
    instance = generate("ab")
    with ScriptedServer(lambda request, body: web.json_response({"surprise": 1})) as server:
        OwnAPI(base_url=server.url, max_retries=0).harness_respond([instance])
    assert instance.error is not None
    assert instance.error.kind == "malformed"
    assert "KeyError" in instance.error.message


def test_a_list_cannot_represent_a_lost_response() -> None:
    with (
        ScriptedServer(lambda request, body: web.Response(status=422)) as server,
        pytest.raises(APIError, match="1 of 1"),
    ):
        LocalCompletionsAPI(model="m", base_url=server.url).generate_until([generate("p")])
