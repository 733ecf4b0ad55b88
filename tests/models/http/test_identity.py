"""Answers that a file keeps belong to one model, also if another model gets its name."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from lm_eval.api.instance import Instance
from lm_eval.api.model import RunContext
from lm_eval.mock_server import MockServer
from lm_eval.models.http import identity
from lm_eval.models.http.identity import model_facts
from lm_eval.models.openai_completions import LocalCompletionsAPI
from tests.models.scripted import ScriptedServer, completion

NOW = 2_000_000_000.0
ANSWERS = 3


class Night:
    """A server whose description and answers change."""

    def __init__(self) -> None:
        self.entry: dict[str, Any] = {}
        self.props: dict[str, Any] = {}
        self.failures = 0
        self.asked = 0
        self.text = " a"

    def __call__(self, request: web.Request, body: Any) -> web.Response:
        if request.path.endswith("/models"):
            if self.failures:
                self.failures -= 1
                return web.Response(status=503)
            return web.json_response({"data": [{"id": "m", **self.entry}, {"id": "other", "root": str(time.time())}]})
        if request.path == "/props":
            return web.json_response(self.props)
        self.asked += "prompt " in str(body.get("prompt"))
        return completion(self.text)


def ask(url: str, folder: Path, **files: Path) -> tuple[list[str], dict[str, Any]]:
    lm = LocalCompletionsAPI(model="m", base_url=url, max_retries=1)
    instances = [Instance("generate_until", {}, (f"prompt {number}", {}), number) for number in range(ANSWERS)]
    journal = None if files else folder / "j.sqlite"
    kept = {"journal": journal, "use_cache": None, **files}
    lm.harness_prepare(RunContext(frozenset({"generate_until"}), journal=kept["journal"], use_cache=kept["use_cache"]))
    lm.harness_respond(instances)
    return [instance.resps[0] for instance in instances], lm.harness_describe()["run"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"root": "/models/a"}, {"root": "/models/b"}),
        ({"root": "base"}, {"root": "base", "parent": "adapter"}),
        ({"created": 1_700_000_000}, {"created": 1_700_000_001}),
        ({"meta": {"size": 1, "n_params": 2}}, {"meta": {"size": 2, "n_params": 2}}),
        ({"digest": "1"}, {"digest": "2"}),
    ],
)
@pytest.mark.parametrize("file", ["journal", "use_cache"])
def test_another_model_of_the_same_name_is_asked(
    tmp_path: Path, file: str, before: dict[str, Any], after: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    night = Night()
    with ScriptedServer(night) as server:
        for entry, text in ((before, " a"), (after, " b")):
            night.entry, night.text = entry, text
            answers, described = ask(server.url, tmp_path, **{file: tmp_path / "answers.sqlite"})
            assert answers == [text] * ANSWERS
            assert (described["cached_answers"], described["resumed_with_answers"]) == (0, 0)
        night.entry = before
        assert ask(server.url, tmp_path, **{file: tmp_path / "answers.sqlite"})[0] == [" a"] * ANSWERS
    assert night.asked == 2 * ANSWERS
    assert ("are of another model of this name" in caplog.text) is (file == "journal")


def test_the_file_that_llamacpp_has_loaded_counts(tmp_path: Path) -> None:
    night = Night()
    night.entry = {"owned_by": "llamacpp"}
    with ScriptedServer(night) as server:
        for path in ("a.gguf", "b.gguf", "a.gguf"):
            night.props = {"model_path": path, "total_slots": time.time(), "build_info": path}
            ask(server.url, tmp_path)
    assert night.asked == 2 * ANSWERS


@pytest.mark.parametrize("owner", ["vllm", "llamacpp", ""])
def test_what_changes_with_a_request_or_a_restart_does_not_count(
    tmp_path: Path, owner: str, caplog: pytest.LogCaptureFixture
) -> None:
    night = Night()
    with ScriptedServer(night) as server, caplog.at_level(logging.WARNING):
        for number in range(3):
            night.entry = {
                **{"owned_by": owner, "created": int(time.time()), "root": "r", "max_model_len": number},
                **{"permission": [{"id": str(number)}], "meta": {"n_ctx": number, "size": 5}},
            }
            night.props = {"model_path": "p", "build_info": str(number)}
            night.failures = number
            _, described = ask(server.url, tmp_path)
    assert night.asked == ANSWERS
    assert described["resumed_with_answers"] == ANSWERS
    assert f"Resuming: {ANSWERS} answers" in caplog.text


def test_a_server_without_a_list_of_models_resumes(tmp_path: Path) -> None:
    night = Night()

    def answer(request: web.Request, body: Any) -> web.Response:
        return web.Response(status=404) if request.method == "GET" else night(request, body)

    with ScriptedServer(answer) as server:
        ask(server.url, tmp_path)
        assert ask(server.url, tmp_path)[1]["cached_answers"] == ANSWERS


def test_a_run_without_files_does_not_ask_what_the_model_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "identify", lambda *_: pytest.fail("the run asks what its model is"))
    night = Night()
    with ScriptedServer(night) as server:
        lm = LocalCompletionsAPI(model="m", base_url=server.url)
        lm.harness_prepare(RunContext(request_types=frozenset({"generate_until"})))
        lm.harness_respond([Instance("generate_until", {}, ("prompt 0", {}), 0)])
        assert night.asked == 1


@pytest.mark.parametrize(
    ("body", "facts"),
    [
        ({}, {}),
        ({"data": None}, {}),
        ({"data": [None, 1, {"id": "x", "root": "r"}, {"id": "y"}]}, {}),
        ({"data": [{"id": "x", "root": "r"}]}, {"root": "r"}),
        ({"data": [{"id": "x", "root": "r"}, {"id": "m", "root": "s"}]}, {"root": "s"}),
        ({"data": [{"id": "m", "created": NOW}]}, {}),
        ({"data": [{"id": "m", "created": NOW - 4}]}, {}),
        ({"data": [{"id": "m", "created": NOW + 1e9}]}, {}),
        ({"data": [{"id": "m", "created": NOW - 60}]}, {"created": NOW - 60}),
        ({"data": [{"id": "m", "created": "yesterday", "meta": "big"}]}, {}),
        ({"data": [{"id": "m", "created": float("nan"), "meta": {"size": 3, "n_ctx": 4}}]}, {"size": 3}),
    ],
)
def test_facts(body: dict[str, Any], facts: dict[str, Any]) -> None:
    assert model_facts(body, "m", NOW) == facts


@pytest.mark.parametrize("profile", ["vllm", "llamacpp", "openai"])
def test_a_server_is_asked_once_per_run_what_it_is(tmp_path: Path, profile: str) -> None:
    with MockServer(profile=profile) as server:
        for runs in (1, 2):
            lm = LocalCompletionsAPI(model="mock", base_url=server.base_url)
            kinds = frozenset({"generate_until", "loglikelihood", "loglikelihood_rolling"})
            lm.harness_prepare(RunContext(kinds, journal=tmp_path / "j.sqlite"))
            assert server.stats.requests["/v1/models"] == runs
            assert server.stats.requests["/props"] <= runs


def test_a_new_run_of_the_same_object_asks_again(tmp_path: Path) -> None:
    with MockServer(profile="vllm") as server:
        lm = LocalCompletionsAPI(model="mock", base_url=server.base_url)
        for runs in (1, 2):
            lm.harness_prepare(RunContext(frozenset({"generate_until"}), journal=tmp_path / "j.sqlite"))
            assert server.stats.requests["/v1/models"] == runs
