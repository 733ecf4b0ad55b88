"""Subclasses of API models that answer, or send, requests themselves: each method of theirs runs, or is refused."""

from __future__ import annotations

import asyncio
import copy
import logging
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from lm_eval.api.instance import Instance
from lm_eval.api.model import RunContext
from lm_eval.errors import CapabilityError, ConfigError, RunStopped
from lm_eval.mock_server import MockServer
from lm_eval.models.api_models import JsonChatStr, TemplateAPI
from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI
from tests.models.complete_runs import ALL, work
from tests.models.scripted import ScriptedServer, completion, message

GENERATES = frozenset({"generate_until"})
Base = LocalChatCompletion


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer() as running:
        yield running


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def ask(prompt: Any, doc: int = 0, repeats: int = 1, **settings: Any) -> Instance:
    return Instance("generate_until", {}, (prompt, {"max_gen_toks": 4, **settings}), 0, ("t", doc, repeats))


def score(context: str, continuation: str, doc: int = 0) -> Instance:
    return Instance("loglikelihood", {}, (context, continuation), 0, ("t", doc, 1))


def answer(lm: Any, instances: list[Instance], types: frozenset[str] = GENERATES, **context: Any) -> list[Any]:
    lm.harness_prepare(RunContext(request_types=types, progress=False, **context))
    lm.harness_respond(instances)
    return [instance.resps for instance in instances]


def shouting(kind: type[Any]) -> type[Any]:
    """Return a subclass that changes the answers of its base."""

    class Shouting(kind):  # type: ignore[misc]
        def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
            return [f"<{text}>" for text in super().generate_until(requests, disable_tqdm=disable_tqdm)]

    return Shouting


@pytest.mark.parametrize("kind", [LocalCompletionsAPI, LocalChatCompletion])
def test_generate_until_of_a_subclass_runs_and_super_uses_the_pool(kind: type[Any], server: MockServer) -> None:
    plain, own = ([ask(f"Question {doc}:", doc, repeats=2) for doc in range(6)] for _ in range(2))
    answer(kind(model="mock", base_url=server.base_url), plain)
    lm = shouting(shouting(kind))(model="mock", base_url=server.base_url)
    answer(lm, own)
    assert [i.resps for i in own] == [[f"<<{text}>>" for text in i.resps] for i in plain]
    assert [[info.usage for info in i.info] for i in own] == [[info.usage for info in i.info] for i in plain]
    assert lm.harness_describe()["answered_by"] == {"generate_until": "Shouting.generate_until"}
    assert lm.harness_describe()["run"]["requests"] > 0


def test_an_override_sends_the_same_bytes_as_its_base() -> None:
    sent = []
    for kind in (LocalCompletionsAPI, shouting(LocalCompletionsAPI)):
        with MockServer(profile="vllm") as server:
            answer(kind(model="mock", base_url=server.base_url), [ask("One"), ask("Two", 1, repeats=2)])
            sent.append(sorted((record.path, record.body_hash) for record in server.requests))
    assert sent[0] == sent[1]


class Mixin:
    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        return ["mixed in" for _ in requests]


class Mixed(Mixin, LocalCompletionsAPI):
    """A method that comes from a mixin."""


def test_a_mixin_a_patched_class_and_a_patched_object_count_too(
    server: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert answer(Mixed(model="mock", base_url=server.base_url), [ask("x")]) == [["mixed in"]]
    lm: Any = LocalCompletionsAPI(model="mock", base_url=server.base_url)
    lm.generate_until = lambda requests: ["on the object" for _ in requests]
    assert answer(lm, [ask("x")]) == [["on the object"]]
    monkeypatch.setattr(TemplateAPI, "generate_until", lambda self, requests: ["on the class" for _ in requests])
    assert answer(LocalCompletionsAPI(model="mock", base_url=server.base_url), [ask("x")]) == [["on the class"]]


class OwnScores(LocalChatCompletion):
    """Scores on a chat API, which gives no log-likelihoods, and needs no server for it."""

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        return [(-float(len(request.args[1])), False) for request in requests]

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        return [-float(len(request.args[0])) for request in requests]


def test_scores_of_a_subclass_are_used_where_the_api_gives_none(server: MockServer) -> None:
    rolling = Instance("loglikelihood_rolling", {}, ("abc",), 0, ("t", 0, 1))
    instances = [score("a", " bc"), rolling, ask([{"role": "user", "content": "x"}], max_gen_toks=1)]
    types = frozenset({"multiple_choice", "loglikelihood_rolling", "generate_until"})
    lm = OwnScores(model="mock", base_url=server.base_url)
    found = answer(lm, instances, types)
    assert found[:2] == [[(-3.0, False)], [-3.0]]
    assert isinstance(found[2][0], str)
    assert all(lm.harness_refuses(kind) is None for kind in types)


def test_a_class_that_answers_everything_itself_needs_no_server_and_no_url() -> None:
    class Alone(OwnScores):
        def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
            return [str(request.args[0]) for request in requests]

    assert answer(Alone(), [ask("x"), score("a", "b")], ALL) == [["x"], [(-1.0, False)]]
    assert answer(Alone(model="m", base_url="http://127.0.0.1:9"), [ask("x")]) == [["x"]]


def test_only_the_overridden_type_leaves_the_pool(server: MockServer) -> None:
    plain, own = work(4), work(4)
    answer(LocalCompletionsAPI(model="mock", base_url=server.base_url), plain, ALL)
    answer(shouting(LocalCompletionsAPI)(model="mock", base_url=server.base_url), own, ALL)
    for one, other in zip(plain, own, strict=True):
        assert other.resps == ([f"<{text}>" for text in one.resps] if one.request_type in GENERATES else one.resps)


def test_a_lost_request_is_data_inside_an_override() -> None:
    with ScriptedServer(lambda request, body: completion("ok") if "bad" not in str(body) else refused()) as server:
        lm = shouting(LocalCompletionsAPI)(model="m", base_url=server.url, max_retries=0)
        instances = [ask("good"), ask("bad", 1), ask("good too", 2)]
        answer(lm, instances)
    assert [instance.resps for instance in instances] == [["<ok>"], [], ["<ok>"]]
    assert [instance.error is None for instance in instances] == [True, False, True]


def test_requests_that_an_override_builds_itself_are_lost_together() -> None:
    class Rewriting(LocalCompletionsAPI):
        def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
            return super().generate_until([ask(f"{request.args[0]}!") for request in requests])

    with ScriptedServer(lambda request, body: completion("ok") if "bad" not in str(body) else refused()) as server:
        lm = Rewriting(model="m", base_url=server.url, max_retries=0)
        instances = [ask("good"), ask("bad", 1)]
        answer(lm, instances)
        assert {(body or {}).get("prompt") for body in server.bodies} >= {"good!", "bad!"}
    assert [instance.resps for instance in instances] == [[], []]
    assert all("1 of 2 requests were lost" in instance.error.message for instance in instances if instance.error)
    assert all(instance.error for instance in instances)


def refused() -> Any:
    return web.json_response({"error": {"message": "this prompt is refused"}}, status=400)


def test_an_override_that_returns_too_few_answers_is_an_error(server: MockServer) -> None:
    class Short(LocalCompletionsAPI):
        def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
            return ["x"]

    with pytest.raises(ConfigError, match=r"Short\.generate_until returned 1 answers for 2 requests"):
        answer(Short(model="mock", base_url=server.base_url), [ask("a"), ask("b", 1)])


def test_threads_of_an_override_share_the_engine_and_its_journal(server: MockServer, tmp_path: Path) -> None:
    class Threaded(LocalCompletionsAPI):
        def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
            once = super().generate_until
            with ThreadPoolExecutor(8) as threads:
                return [texts[0] for texts in threads.map(lambda request: once([request], disable_tqdm=True), requests)]

    plain, own = ([ask(f"Question {doc}:", doc) for doc in range(20)] for _ in range(2))
    answer(LocalCompletionsAPI(model="mock", base_url=server.base_url), plain)
    answer(Threaded(model="mock", base_url=server.base_url), own, journal=tmp_path / "journal.sqlite")
    assert [i.resps for i in own] == [i.resps for i in plain]
    again = [ask(f"Question {doc}:", doc) for doc in range(20)]
    lm = Threaded(model="mock", base_url=server.base_url)
    answer(lm, again, journal=tmp_path / "journal.sqlite")
    assert lm.harness_describe()["run"]["cached_answers"] == 20


def test_a_thinking_wrapper_reads_messages_and_asks_again() -> None:
    class Asking(LocalChatCompletion):
        @staticmethod
        def parse_generations(outputs: Any, **kwargs: Any) -> list[Any]:
            return [outputs["choices"][0]["message"]]

        def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
            found = []
            for request in requests:
                assert isinstance(request.args[0], JsonChatStr)
                history = [*request.args[0], {"role": "user", "content": "Sure?"}]
                instance = Instance("generate_until", {}, (history, dict(request.args[1])), 0)
                reply: Any = super().generate_until([instance], disable_tqdm=True)[0]
                found.append(reply["content"] + reply["role"])
            return found

    with ScriptedServer(lambda request, body: message(f"{len((body or {}).get('messages', []))}!")) as server:
        lm = Asking(model="m", base_url=server.url)
        assert answer(lm, [ask(lm.apply_chat_template([{"role": "user", "content": "Q"}]))]) == [["2!assistant"]]


class Calling(LocalCompletionsAPI):
    """Changes each prompt before the request, and each reply after it."""

    def model_call(
        self, messages: Any, *, generate: bool = True, gen_kwargs: dict[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        gen_kwargs = copy.deepcopy(gen_kwargs)
        outputs = super().model_call([f"{text}?" for text in messages], generate=generate, gen_kwargs=gen_kwargs)
        for choice in outputs["choices"]:
            choice["text"] += " (called)"
        return outputs


class Awaiting(LocalCompletionsAPI):
    async def amodel_call(self, session: Any, sem: Any, messages: Any, **kwargs: Any) -> Any:
        async with sem:
            texts = await super().amodel_call(session, sem, [f"{text}?" for text in messages], **kwargs)
        return [f"{text} (called)" for text in texts]


@pytest.mark.parametrize("kind", [Calling, Awaiting])
def test_a_call_of_a_subclass_answers_each_request_through_the_engine(kind: type[Any], tmp_path: Path) -> None:
    with ScriptedServer(
        lambda request, body: completion("{0[prompt]}|{0[seed]}".format({"prompt": "", "seed": 0, **(body or {})}))
    ) as server:
        lm = kind(model="m", base_url=server.url, num_concurrent=4)
        instances = [ask("one", repeats=2), ask("two", 1)]
        found = answer(lm, instances, journal=tmp_path / "journal.sqlite")
        assert found == [["one?|1234 (called)", "one?|1235 (called)"], ["two?|1234 (called)"]]
        again = [ask("one", repeats=2), ask("two", 1)]
        assert answer(lm, again, journal=tmp_path / "journal.sqlite") == found
        assert len([body for body in server.bodies if str((body or {}).get("prompt")).endswith("?")]) == 3


class OwnHTTP(LocalCompletionsAPI):
    """Sends its requests itself; every second one fails."""

    sent = 0

    async def amodel_call(
        self, session: Any, sem: Any, messages: Any, *, generate: bool = True, gen_kwargs: Any = None, **kwargs: Any
    ) -> list[Any]:
        payload = self._create_payload(
            self.create_message(messages), generate=generate, gen_kwargs=gen_kwargs, seed=self._seed
        )
        self.sent += 1
        if self.sent % 2:
            raise OSError("broken pipe")
        async with session.post(self.base_url, json=payload, headers=self.header) as response:
            return self.parse_generations(outputs=await response.json())


def test_a_call_that_sends_by_itself_is_tried_again() -> None:
    with ScriptedServer(lambda request, body: completion("answer")) as server:
        lm = OwnHTTP(model="m", base_url=f"{server.url}/completions", auth_token="sk-own", num_concurrent=1)
        assert answer(lm, [ask("x")]) == [["answer"]]
        assert server.seen[0][1]["Authorization"] == "Bearer sk-own"
    assert lm.sent == 2


def test_a_mistake_in_a_call_is_an_error_of_its_request() -> None:
    class Broken(LocalCompletionsAPI):
        def model_call(self, messages: Any, **kwargs: Any) -> Any:
            raise KeyError(messages[0])

    instances = [ask("x")]
    answer(Broken(model="m", base_url="http://127.0.0.1:9"), instances)
    assert instances[0].resps == []
    assert instances[0].error is not None
    assert instances[0].error.message == "Broken.model_call failed: KeyError: 'x'"


def test_a_call_of_a_subclass_scores_with_its_parse_logprobs() -> None:
    class Scoring(LocalCompletionsAPI):
        def model_call(self, messages: Any, *, generate: bool = True, **kwargs: Any) -> Any:
            return {"length": len(messages[0]), "generate": generate}

        @staticmethod
        def parse_logprobs(outputs: Any, *_: Any, **kwargs: Any) -> list[tuple[float, bool]]:
            assert outputs["generate"] is False
            return [(-float(outputs["length"]), True)]

    lm = Scoring(model="m", base_url="http://127.0.0.1:9")
    assert answer(lm, [score("a", " b")], frozenset({"multiple_choice"})) == [[(-3.0, True)]]


def test_scores_that_would_pass_over_a_method_are_refused(server: MockServer) -> None:
    lm = Calling(model="mock", base_url=server.base_url)
    lm.harness_prepare(RunContext(request_types=ALL))
    reason = lm.harness_refuses("multiple_choice")
    assert reason == (
        "Calling overrides model_call, which loglikelihood would pass over; override parse_logprobs or "
        "loglikelihood, too."
    )
    assert lm.harness_refuses("generate_until") is None
    with pytest.raises(CapabilityError, match="would pass over"):
        lm.loglikelihood([score("a", " b")])


class Batching(LocalCompletionsAPI):
    async def get_batched_requests(self, requests: Any, cache_keys: Any, **kwargs: Any) -> list[list[Any]]:
        assert len(requests) == len(cache_keys)
        found = await super().get_batched_requests([f"{text}?" for text in requests], cache_keys, **kwargs)
        return [[f"{text} (batched)" for text in texts] for texts in found]


def test_batched_requests_of_a_subclass_are_used(server: MockServer) -> None:
    with ScriptedServer(
        lambda request, body: completion(f"{(body or {}).get('prompt')}{(body or {}).get('max_tokens')}")
    ) as scripted:
        lm = Batching(model="m", base_url=scripted.url)
        instances = [ask("one"), ask("two", 1, max_gen_toks=5), ask("three", 2)]
        assert answer(lm, instances) == [["one?4 (batched)"], ["two?5 (batched)"], ["three?4 (batched)"]]
    assert "get_batched_requests" in str(lm.harness_refuses("loglikelihood"))


class ByTokens(LocalCompletionsAPI):
    seen: list[Any]

    def _loglikelihood_tokens(self, requests: Any, **kwargs: Any) -> list[tuple[float, bool]]:
        self.seen = list(requests)
        return [(value - 1.0, greedy) for value, greedy in super()._loglikelihood_tokens(requests, **kwargs)]


def test_token_scores_of_a_subclass_are_used(server: MockServer) -> None:
    plain, own = ([score("The capital of France is", " Paris"), score("", "Paris", 1)] for _ in range(2))
    kinds = frozenset({"multiple_choice"})
    answer(LocalCompletionsAPI(model="mock", base_url=server.base_url), plain, kinds)
    lm = ByTokens(model="mock", base_url=server.base_url)
    answer(lm, own, kinds)
    assert [i.resps[0][0] for i in own] == [i.resps[0][0] - 1.0 for i in plain]
    texts, context, continuation = lm.seen[0]
    assert texts == ("The capital of France is", " Paris")
    assert context
    assert continuation
    assert all(isinstance(token, int) for token in context + continuation)
    assert "_loglikelihood_tokens" in str(lm.harness_refuses("loglikelihood_rolling"))


@pytest.mark.parametrize("name", ["batch_loglikelihood_requests", "_encode_pair"])
def test_a_method_that_would_not_be_used_is_refused_at_construction(name: str) -> None:
    kind = type("Sliced", (LocalCompletionsAPI,), {name: lambda self, *args: None})
    with pytest.raises(ConfigError, match=f"^Sliced overrides {name}, which would not be used") as caught:
        kind(model="m", base_url="http://h")
    assert "\n" not in str(caught.value)
    used = type("Used", (kind,), {"loglikelihood": lambda self, requests: []})
    used(model="m", base_url="http://h")


@pytest.mark.parametrize("name", ["generate_until", "loglikelihood", "model_call", "parse_generations"])
def test_a_coroutine_function_in_place_of_a_plain_method_is_refused(name: str) -> None:
    async def method(self: object, *args: object, **kwargs: object) -> list[str]:
        return []

    kind = type("Async", (LocalCompletionsAPI,), {name: method})
    with pytest.raises(ConfigError, match=f"^Async.{name} is a coroutine function"):
        kind(model="m", base_url="http://h")


def test_a_tokenizer_of_the_class_that_scores_do_not_use_is_named(caplog: pytest.LogCaptureFixture) -> None:
    kind = type("Own", (LocalCompletionsAPI,), {"tok_encode": lambda self, string, **kwargs: [1]})
    with caplog.at_level(logging.WARNING, "lm_eval"):
        kind(model="m", base_url="http://h")
    assert "Own.tok_encode is not used for scores" in caplog.text


class Prefixed(LocalChatCompletion):
    """Overrides ``create_message`` as the reference harness declares it."""

    def create_message(self, messages: Any, generate: bool = False) -> Any:
        assert generate
        assert len(messages) == 1
        import json

        return [{"role": "system", "content": "Be brief."}, *json.loads(messages[0].prompt)]


def test_create_message_of_a_subclass_gets_the_prompts() -> None:
    with ScriptedServer(lambda request, body: message("ok")) as server:
        lm = Prefixed(model="m", base_url=server.url)
        answer(lm, [ask(lm.apply_chat_template([{"role": "user", "content": "Q"}]))])
        last = server.bodies[-1]["messages"]
    assert last == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Q"}]


def test_hooks_may_leave_out_parameters() -> None:
    class Small(TemplateAPI):
        path = "/infer"

        def create_message(self, messages: Any) -> Any:  # type: ignore[override]
            return messages[0]

        def _create_payload(self, messages: Any, gen_kwargs: Any) -> Any:  # type: ignore[override]
            return {"text": messages, "length": gen_kwargs.get("max_gen_toks")}

        def parse_generations(self, outputs: Any) -> Any:  # type: ignore[override]
            return [outputs["choices"][0]["text"]]

    with ScriptedServer(lambda request, body: completion("ok")) as server:
        assert answer(Small(model="m", base_url=server.url), [ask("x")]) == [["ok"]]
        assert server.bodies[-1] == {"text": "x", "length": 4}


def test_properties_of_a_subclass_decide_about_scores(server: MockServer) -> None:
    class Own(LocalCompletionsAPI):
        @property
        def prefix_token_id(self) -> int:
            return 7

        @property
        def eos_string(self) -> str:
            return "<end>"

    lm = Own(model="mock", base_url=server.base_url)
    settings = lm.harness_pool.requests.settings()
    assert (settings.custom_prefix_token_id, settings.eos_string) == (7, "<end>")
    assert lm.harness_pool.requests.generation_payload([ask("x")], {})["stop"] == ["<end>"]


def test_a_plan_of_a_class_that_answers_itself_counts_characters(tmp_path: Path) -> None:
    from lm_eval.planning import plan
    from tests.fakes import write_tasks

    lm = shouting(LocalCompletionsAPI)(model="m", base_url="http://127.0.0.1:9")
    assert [task.docs for task in plan(lm, tasks=["generate"], include_path=write_tasks(tmp_path)).tasks] == [10]


def test_an_empty_response_takes_the_place_of_a_lost_score() -> None:
    seen: list[Any] = []

    class Looking(LocalCompletionsAPI):
        def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
            seen.extend(super().loglikelihood(requests))
            return seen

    with MockServer() as server:
        lm = Looking(model="mock", base_url=server.base_url, max_length=12, max_retries=0)
        instances = [score("a", " b"), score("word " * 40, " b", 1)]
        answer(lm, instances, frozenset({"multiple_choice"}))
    assert instances[0].error is None
    assert instances[1].error is not None
    assert instances[1].resps == []
    assert math.isnan(seen[1][0])


class Adapter(LocalCompletionsAPI):
    """Adds a field to every request."""

    def _create_payload(self, messages: Any, *args: Any, **kwargs: Any) -> dict[str, object]:
        return {**super()._create_payload(messages, *args, **kwargs), "adapter": "mine"}


class Generating(LocalCompletionsAPI):
    """Builds requests that generate, and no others."""

    def _create_payload(
        self, messages: Any, generate: bool = False, gen_kwargs: Any = None, *_: Any, **more: Any
    ) -> dict[str, object]:
        assert generate
        return {"prompt": messages, "max_tokens": gen_kwargs["max_gen_toks"]}


class Elsewhere(LocalCompletionsAPI):
    """Asks another API."""

    def _create_payload(self, messages: Any, *args: Any, **kwargs: Any) -> dict[str, object]:
        return {"inputs": messages}


class Prompted(LocalCompletionsAPI):
    """Changes every prompt."""

    def create_message(self, messages: Any, generate: bool = False) -> Any:
        return [f"> {text}" for text in messages]


def test_fields_of_a_payload_are_part_of_requests_that_score(server: MockServer) -> None:
    plain, own = ([score("The capital of France is", " Paris")] for _ in range(2))
    kinds = frozenset({"multiple_choice", "generate_until"})
    answer(LocalCompletionsAPI(model="mock", base_url=server.base_url), plain, kinds)
    lm = Adapter(model="mock", base_url=server.base_url)
    answer(lm, own, kinds)
    assert own[0].resps == plain[0].resps
    assert lm.harness_pool.preflight.settings.extra_body == {"adapter": "mine"}
    assert lm.harness_pool.preflight.settings.body(prompt="x")["adapter"] == "mine"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Generating, "Generating._create_payload builds no request that scores (AssertionError"),
        (Elsewhere, "Elsewhere._create_payload sends no text as prompt"),
        (Prompted, "Prompted overrides create_message, which loglikelihood would pass over"),
    ],
)
def test_a_payload_that_scores_would_pass_over_is_refused(kind: type[Any], reason: str, server: MockServer) -> None:
    lm = kind(model="mock", base_url=server.base_url)
    lm.harness_prepare(RunContext(request_types=frozenset({"multiple_choice"})))
    assert reason in str(lm.harness_refuses("multiple_choice"))
    assert lm.harness_refuses("generate_until") is None
    fresh = kind(model="mock", base_url=server.base_url)
    with pytest.raises(CapabilityError, match="override parse_logprobs or loglikelihood, too"):
        fresh.loglikelihood([score("a", " b")])


class Talking(TemplateAPI):
    """A chat class that is built on the general base: the complete URL, and messages only."""

    def _create_payload(self, messages: Any, **kwargs: Any) -> dict[str, object]:
        assert isinstance(messages, list)
        assert all(isinstance(message, dict) for message in messages)
        return {"messages": messages}

    @staticmethod
    def parse_generations(outputs: Any, **kwargs: Any) -> list[str]:
        return [outputs["choices"][0]["message"]["content"]]


def test_a_class_that_takes_messages_only_is_checked_with_messages(caplog: pytest.LogCaptureFixture) -> None:
    with ScriptedServer(lambda request, body: message("ok")) as server:
        lm = Talking(model="m", base_url=f"{server.url}/chat/completions")
        prompt = lm.apply_chat_template([{"role": "user", "content": "Q"}])
        own: dict[str, Any] = {"chat": True, "system_instruction": "S", "generation": [{"until": []}]}
        assert answer(lm, [ask(prompt)], **own) == [["ok"]]
        hello = [{"role": "system", "content": "S"}, {"role": "user", "content": "Hello"}]
        assert [body["messages"] for body in server.bodies] == [hello, [{"role": "user", "content": "Q"}]]
        assert {path for path, _, _ in server.seen} == {"/v1/chat/completions"}
        assert caplog.text == ""
        lm.harness_prepare(RunContext(request_types=GENERATES))
        assert "Talking cannot build a request to check the server before the run: AssertionError" in caplog.text


@pytest.mark.parametrize("budget", [{"max_tokens_total": 40}, {"max_time": 1.0}])
def test_a_budget_ends_a_run_inside_an_override(budget: dict[str, Any]) -> None:
    async def slow(request: web.Request, body: Any) -> web.StreamResponse:
        await asyncio.sleep(0.05)
        return completion("ok", usage={"prompt_tokens": 5, "completion_tokens": 1})

    with ScriptedServer(slow) as server:
        lm = shouting(LocalCompletionsAPI)(model="m", base_url=server.url, num_concurrent=2, **budget)
        with pytest.raises(RunStopped):
            answer(lm, [ask(f"{number}", number) for number in range(200)])
    assert 0 < lm.harness_describe()["run"]["requests"] < 200


def test_a_class_that_sends_its_requests_elsewhere_needs_no_url() -> None:
    class Local(LocalCompletionsAPI):
        def model_call(self, messages: Any, *, generate: bool = True, **kwargs: Any) -> Any:
            return [f"{text}!" if generate else len(text) for text in messages]

        @staticmethod
        def parse_generations(outputs: Any, **kwargs: Any) -> list[str]:
            return list(outputs)

        @staticmethod
        def parse_logprobs(outputs: Any, *_: Any, **kwargs: Any) -> list[tuple[float, bool]]:
            return [(-float(length), True) for length in outputs]

    lm = Local()
    types = frozenset({"generate_until", "multiple_choice"})
    assert answer(lm, [ask("x"), score("a", " b", 1)], types) == [["x!"], [(-3.0, True)]]
    assert "endpoints" not in lm.harness_describe()
    assert repr(lm) == "Local(model='', endpoints=[])"
