from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lm_eval.api.instance import Instance, Usage
from lm_eval.api.model import RunContext
from lm_eval.errors import CapabilityError, ConfigError, EndpointNotFound
from lm_eval.mock_server import MockServer
from lm_eval.models.messages import TemplatedPrompt
from lm_eval.models.openai_completions import LocalCompletionsAPI
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.server.templates import FileTemplate, find_template, render_all, with_one_bos
from lm_eval.models.work import Call, Reply

USER = [{"role": "user", "content": "Hi there"}]
STARTED = [*USER, {"role": "assistant", "content": "The answer is"}]
TEMPLATE = """\
{{ bos_token }}{% for message in messages %}[{{ message['role'] }}] {{ message['content'] | trim }}</s>
{% endfor %}{% if add_generation_prompt %}[assistant] {% endif %}"""


def server_with(answers: dict[str, Callable[[dict[str, Any]], object]]) -> Callable[[Call], Any]:
    async def ask(call: Call) -> Reply:
        if call.path not in answers:
            raise EndpointNotFound("no such path")
        body = answers[call.path](dict(call.payload or {}))
        counted = body.get("counted") if isinstance(body, dict) else None
        return Reply(body, usage=None if counted is None else Usage(int(counted), 1))

    return ask


def ids_of(text: str, special: bool) -> list[int]:
    starts = text.startswith("<s>")
    return [1] * (special + starts) + [ord(letter) for letter in text.removeprefix("<s>")]


def tokenize(body: dict[str, Any]) -> dict[str, Any]:
    if "messages" in body:
        return {"tokens": ids_of("<s>" + "|".join(m["content"] for m in body["messages"]), False)}
    return {"tokens": ids_of(body["prompt"], body.get("add_special_tokens", True))}


def detokenize(body: dict[str, Any]) -> dict[str, Any]:
    return {"prompt": "".join("<s>" if token == 1 else chr(token) for token in body["tokens"])}


VLLM: dict[str, Callable[[dict[str, Any]], object]] = {"//tokenize": tokenize, "//detokenize": detokenize}


def find(ask: Any, **more: Any) -> Any:
    return asyncio.run(find_template(ask, "m", **{"variables": {}, **more}))


@pytest.mark.parametrize(
    ("answers", "source"),
    [
        (VLLM, "/tokenize with messages"),
        ({"//apply-template": lambda body: {"prompt": body["messages"][0]["content"]}}, "/apply-template"),
        ({"//chat_tokenize": lambda body: {"templated_text": body["messages"][0]["content"]}}, "/chat_tokenize"),
    ],
)
def test_a_server_writes_messages_in_its_own_way(answers: Any, source: str) -> None:
    template = find(server_with(answers))
    assert template.source == source
    assert "Hi there" in asyncio.run(template.render(server_with(answers), TemplatedPrompt(USER)))


def test_a_server_that_writes_no_messages_is_refused_with_the_way_out() -> None:
    with pytest.raises(CapabilityError, match="chat_template=FILE"):
        find(server_with({}))


def test_variables_go_with_the_messages() -> None:
    seen: list[Any] = []

    def keep(body: dict[str, Any]) -> dict[str, Any]:
        seen.append(body)
        return tokenize(body)

    find(server_with({**VLLM, "//tokenize": keep}), variables={"enable_thinking": False})
    assert seen[0]["chat_template_kwargs"] == {"enable_thinking": False}


def test_a_text_with_other_tokens_than_the_template_is_a_failed_check() -> None:
    answers: Any = {**VLLM, "//detokenize": lambda body: {"prompt": "What is 2 + 2?"}}
    with pytest.raises(CapabilityError, match="token ids"):
        find(server_with(answers))


@pytest.mark.parametrize(("adds", "start"), [(0, "<s>What"), (1, "What")])
def test_a_prompt_has_one_bos_token(adds: int, start: str) -> None:
    """The server adds no token to this text, or one more."""
    trial = 1 + len("What is 2 + 2?")
    answers: Any = {**VLLM, "/completions": lambda body: {"counted": trial + adds}}
    ask = server_with(answers)
    template = asyncio.run(with_one_bos(find(ask), ask, ScoringSettings("m")))
    text = asyncio.run(template.render(ask, TemplatedPrompt([{"role": "user", "content": "What"}])))
    assert text.startswith(start)


def test_equal_prompts_are_written_once_and_a_failure_is_kept() -> None:
    calls: list[Any] = []

    def write(body: dict[str, Any]) -> dict[str, Any]:
        calls.append(body)
        text = body["messages"][0]["content"]
        return {} if text == "bad" else {"prompt": text}

    ask = server_with({"//apply-template": write})
    template = find(ask)
    good, bad = TemplatedPrompt(USER), TemplatedPrompt([{"role": "user", "content": "bad"}])
    found = asyncio.run(render_all(template, ask, [good, good, bad]))
    assert found[good] == "Hi there"
    assert "has no prompt" in str(found[bad])
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        (TemplatedPrompt(USER), "<s>[user] Hi there</s>\n[assistant] "),
        (TemplatedPrompt.of(STARTED, continues=True), "<s>[user] Hi there</s>\n[assistant] The answer is"),
    ],
)
def test_a_file_is_rendered_as_transformers_does(prompt: TemplatedPrompt, text: str, tmp_path: Path) -> None:
    file = tmp_path / "chat.jinja"
    file.write_text(TEMPLATE, encoding="utf-8")
    assert FileTemplate(file, "<s>").write(prompt) == text


@pytest.mark.parametrize("source", ["{{ raise_exception('no user') }}", "{% for %}"])
def test_a_template_that_fails_is_a_mistake(source: str, tmp_path: Path) -> None:
    file = tmp_path / "chat.jinja"
    file.write_text(source, encoding="utf-8")
    with pytest.raises(ConfigError, match="chat_template="):
        find(server_with({}), file=str(file))


def test_a_file_that_is_missing_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        find(server_with({}), file=str(tmp_path / "none.jinja"))


@pytest.mark.parametrize("profile", ["vllm", "vllm-nobos", "sglang", "llamacpp"])
def test_scores_are_those_of_the_written_text(profile: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    with MockServer(profile=profile) as server:
        lm = LocalCompletionsAPI(model="mock", base_url=server.base_url)
        lm.harness_prepare(RunContext(request_types=frozenset({"loglikelihood", "generate_until"}), chat=True))
        prompt = lm.apply_chat_template(USER)
        scored = Instance("loglikelihood", {}, (prompt, " Hello"), 0)
        written = Instance("generate_until", {}, (prompt, {"max_gen_toks": 4, "until": []}), 0)
        lm.harness_respond([scored, written])
        text = scored.args[0]
        assert isinstance(text, str)
        assert text.endswith("<|user|>\nHi there<|end|>\n<|assistant|>\n")
        assert written.args[0] == text
        assert scored.resps == lm.loglikelihood([Instance("loglikelihood", {}, (text, " Hello"), 0)])
        assert lm.harness_describe()["chat_template"]
        lm.close()


@pytest.mark.parametrize("profile", ["vllm", "llamacpp", "tgi"])
def test_the_settings_of_a_run_are_checked_before_the_template_is_known(
    profile: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    settings = {"max_gen_toks": 4, "until": ["\n"], "temperature": 0}
    with MockServer(profile=profile) as server:
        lm = LocalCompletionsAPI(model="mock", base_url=server.base_url)
        types = frozenset({"generate_until"})
        lm.harness_prepare(RunContext(types, chat=True, generation=[settings], system_instruction="Be brief."))
        written = Instance("generate_until", {}, (lm.apply_chat_template(USER), dict(settings)), 0)
        lm.harness_respond([written])
        assert written.error is None
        assert written.args[0].endswith("<|user|>\nHi there<|end|>\n<|assistant|>\n")
        lm.close()
