"""A run that builds, scores and forgets documents in parts has the results of a run that holds all of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lm_eval import building, evaluator, preparation
from lm_eval.config.run import RunSettings
from lm_eval.errors import TemplateError
from lm_eval.loggers.evaluation_tracker import EvaluationTracker
from lm_eval.mock_server import MockServer
from lm_eval.models import responses
from lm_eval.results.sample import file_form
from lm_eval.results.spooled import SpooledSamples
from tests.fakes import FakeLM, write_tasks

_CHOICE = "output_type: multiple_choice\ndoc_to_text: '{{q}}'\ndoc_to_choice: choices\n"
TASKS = {
    "fails": _CHOICE + "doc_to_target: '{{ 1 if n != 4 else nothing[0][0] }}'\n",
    "likely": "output_type: loglikelihood\ndoc_to_text: '{{q}}'\ndoc_to_target: ' {{n}}'\n",
    "shots": _CHOICE + "doc_to_target: 1\nnum_fewshot: 2\nfewshot_split: test\n",
    "function": "doc_to_text: !function code.text\ndoc_to_target: '{{n}}'\n",
}
NAMES = ["choice", "generate", "rolling", "likely", "shots", "function"]
KEPT = ("results", "n-samples", "task_hashes", "statistics", "errors", "n-shot")

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = write_tasks(tmp_path, **TASKS)
    (made / "code.py").write_text("import random\n\ndef text(doc):\n    return doc['q'] + str(random.random())\n")
    return made


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def choose() -> None:
        for module in (building, preparation):
            monkeypatch.setattr(module, "BUILT_BEFORE_ASKING", 7)
        monkeypatch.setattr(building, "FIRST_OF_MANY", 4)
        monkeypatch.setattr(responses, "_PART", 8)
        monkeypatch.setattr(responses, "_FIRST_PART", 3)

    return choose


def run(folder: Path, lm: Any = None, tasks: list[str] = NAMES, spools: bool = False, **options: Any) -> dict[str, Any]:
    settings = RunSettings.from_call(
        {
            "model": "dummy", "tasks": tasks, "include_path": str(folder), "bootstrap_iters": 10, "log_samples": True,
            **options,
        }
    )  # fmt: skip
    lm = lm or FakeLM(lambda prompt: prompt[-3:])
    return evaluator.run(settings, lm, spools_samples=spools)


def samples(results: dict[str, Any]) -> dict[str, list[Any]]:
    return {
        name: [json.loads(json.dumps(file_form(sample))) for sample in rows]
        for name, rows in results["samples"].items()
    }


@pytest.mark.parametrize("lost", [(), (0, 5)])
def test_results_and_samples_are_the_same(folder: Path, in_parts: Callable[[], None], lost: tuple[int, ...]) -> None:
    def model() -> FakeLM:
        return FakeLM(lambda prompt: prompt[-3:], lambda instance: instance.doc_id in lost)

    whole = run(folder, model())
    in_parts()
    asked = model()
    kept, spooled = run(folder, asked), run(folder, model(), spools=True)
    assert {key: kept[key] for key in KEPT} == {key: whole[key] for key in KEPT}
    assert {key: spooled[key] for key in KEPT} == {key: whole[key] for key in KEPT}
    assert samples(kept) == samples(whole) == samples(spooled)
    streamed = [name for name in NAMES if isinstance(spooled["samples"][name], SpooledSamples)]
    assert streamed == ["choice", "rolling", "likely", "shots"]
    assert spooled["samples"]["choice"][2] == samples(whole)["choice"][2]
    without = run(folder, log_samples=False)
    assert "samples" not in without and (lost or without["results"] == whole["results"])


def test_instances_are_built_while_others_are_answered(folder: Path, in_parts: Callable[[], None]) -> None:
    built: list[int] = []

    class Model(FakeLM):
        def harness_respond(self, instances: Any, answered: Any = None) -> None:
            def noted() -> Iterator[Any]:
                for instance in instances:
                    built.append(instance.doc_id)
                    yield instance
                    assert answered is not None
                    instance.resps = [(-1.0, True)]
                    answered(instance)

            assert len(list(noted())) == 20

    in_parts()
    results = run(folder, Model(), ["choice"], spools=True)
    assert results["n-samples"]["choice"] == {"original": 10, "effective": 10}
    assert built == [doc for doc in range(10) for _ in range(2)]


def test_code_that_fails_is_a_failed_task(folder: Path, in_parts: Callable[[], None]) -> None:
    whole = run(folder, tasks=["fails", "choice"])
    in_parts()
    spooled = run(folder, tasks=["fails", "choice"], spools=True)
    assert "nothing" in whole["results"]["fails"]["failed"]["acc,none"]
    assert {key: spooled[key] for key in KEPT} == {key: whole[key] for key in KEPT}
    assert samples(spooled) == samples(whole)


@pytest.mark.parametrize("kind", ["likely", "rolling", "generate"])
def test_a_document_that_cannot_be_built_ends_a_run_before_it_asks_and_counts_as_lost_afterwards(
    folder: Path, in_parts: Callable[[], None], kind: str
) -> None:
    text = (folder / f"{kind}.yaml").read_text().partition("test_split: test\n")[2]
    write_tasks(folder, broken=text.replace("{{q}}", "{{ q if n != 9 else nothing[0][0] }}"))
    asked = FakeLM(lambda prompt: prompt[-3:])
    with pytest.raises(TemplateError, match="nothing"):
        run(folder, asked, tasks=["broken"])
    assert not asked.asked
    in_parts()
    for spools in (False, True):
        results = run(folder, tasks=["broken"], spools=spools)
        assert results["n-samples"]["broken"] == {"original": 10, "effective": 9}
        row = results["results"]["broken"]
        assert row["errors"] == {"not_built": 1} and "nothing" in row["error_messages"][0]["message"]
        assert [sample["doc_id"] for sample in results["samples"]["broken"] if "error" in sample] == [8]


def test_files_are_the_same_and_a_run_resumes(
    folder: Path, in_parts: Callable[[], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def saved(out: str, url: str, **more: Any) -> dict[str, str]:
        tracker = EvaluationTracker(output_path=tmp_path / out)
        given = {"model": "mock", "base_url": url, **more}
        settings = RunSettings.from_call(
            {
                "model": "local-completions", "model_args": given, "tasks": ["choice", "rolling", "generate"],
                "include_path": str(folder), "bootstrap_iters": 0, "log_samples": True,
                "output_path": str(tmp_path / out),
            }
        )  # fmt: skip
        tracker.save(evaluator.run(settings, None, tracker, spools_samples=True))
        files = sorted((tmp_path / out).rglob("samples_*.jsonl"))
        assert len(files) == 3 and not list((tmp_path / out).rglob(".journal"))
        return {file.name.partition("_2")[0]: file.read_text() for file in files}

    with MockServer() as server:
        whole = saved("whole", server.base_url)
        in_parts()
        assert saved("parts", server.base_url, num_concurrent=3) == whole
