"""Documents are handed on once all their requests are answered, whatever class the model has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from lm_eval.api.instance import Instance
from lm_eval.api.model import LM, CachingLM, RunContext, ask_model
from lm_eval.api.task import Task
from lm_eval.errors import RunStopped
from lm_eval.mock_server import MockServer
from lm_eval.models.openai_completions import LocalCompletionsAPI
from lm_eval.results.answered import AnsweredDocument, Documents
from tests.fakes import FakeLM
from tests.models.complete_runs import ALL, answers, model, work

TASK = cast(Task, object())


class Seen:
    """Records documents and Instances, with what they have when they are handed on."""

    def __init__(self) -> None:
        self.documents: list[tuple[str, int, int]] = []
        self.instances: list[Instance] = []
        self.found: list[Any] = []
        self._documents = Documents([self._take])

    def expect(self, instances: list[Instance]) -> None:
        for name in {str(instance.task_name) for instance in instances}:
            self._documents.expect(name, TASK, [item for item in instances if item.task_name == name])

    def answered(self, instance: Instance) -> None:
        self.instances.append(instance)
        self.found.append(answers([instance])[0])
        self._documents.answered(instance)

    def _take(self, document: AnsweredDocument) -> None:
        assert all(instance.resps or instance.error for instance in document.instances)
        self.documents.append((document.name, document.doc_id, len(document.instances)))


EXPECTED = [(name, doc, size) for name, size in (("choice", 2), ("generate", 1)) for doc in range(12)]


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer() as running:
        yield running


def ask(lm: LM | CachingLM, lazy: bool = False) -> tuple[list[Any], Seen]:
    instances, seen = work(), Seen()
    seen.expect(instances)
    ask_model(lm, iter(instances) if lazy else instances, seen.answered)
    assert sorted(map(id, seen.instances)) == sorted(map(id, instances))
    # What an Instance has when it is handed on is what it has in the end.
    assert seen.found == answers(seen.instances)
    return answers(instances), seen


class Unaware(FakeLM):
    """A class that was written before models told of complete Instances."""

    def harness_respond(self, instances: list[Instance]) -> None:  # type: ignore[override]
        assert len(instances) == 36
        super().harness_respond(instances)


class Own(LocalCompletionsAPI):
    """A class that generates text itself."""

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        return [f"<{text}>" for text in super().generate_until(requests, disable_tqdm=disable_tqdm)]


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("kind", ["own", "unaware", "cached", "api", "override"])
def test_each_document_is_handed_on_once(kind: str, lazy: bool, tmp_path: Path, server: MockServer) -> None:
    lm: LM | CachingLM
    if kind == "api":
        lm = model(server.base_url)
    elif kind == "override":
        lm = Own(model="mock", base_url=server.base_url)
    else:
        lm = Unaware() if kind == "unaware" else FakeLM(lambda prompt: prompt[::-1])
    if isinstance(lm, LM):
        lm.harness_prepare(RunContext(request_types=ALL, progress=False))
    if kind == "cached":
        lm = CachingLM(lm, str(tmp_path / "cache.sqlite"))
        ask(lm, lazy)
    _, seen = ask(lm, lazy)
    assert sorted(seen.documents) == EXPECTED


def test_documents_are_handed_on_while_others_are_asked(server: MockServer) -> None:
    lm = model(server.base_url, num_concurrent=1)
    lm.harness_prepare(RunContext(request_types=ALL, progress=False))
    instances, requests = work(), []
    begun = lm.harness_pool.session.accounting.requests
    ask_model(lm, instances, lambda _: requests.append(lm.harness_pool.session.accounting.requests - begun))
    assert requests == [*range(2, 25, 2), *range(25, 49)]  # a generation has two repeats


def test_a_lost_request_completes_its_document() -> None:
    lost, seen = FakeLM(lose=lambda instance: instance.doc_id == 3), Seen()
    instances = work()
    seen.expect(instances)
    ask_model(lost, instances, seen.answered)
    assert sorted(seen.documents) == EXPECTED


def test_what_is_not_asked_is_not_handed_on(server: MockServer) -> None:
    lm = model(server.base_url, num_concurrent=1, max_tokens_total=1000)
    lm.harness_prepare(RunContext(request_types=ALL, progress=False))
    lm.harness_pool.session.accounting.max_tokens_total = 1
    instances, seen = work(), Seen()
    seen.expect(instances)
    with pytest.raises(RunStopped):
        ask_model(lm, instances, seen.answered)
    assert not seen.documents
