"""Shards that are joined give the files of a run in one piece, or an error that names the shard."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lm_eval.demo
from lm_eval import building, preparation
from lm_eval.cli import main
from lm_eval.errors import ConfigError, SeveralErrors
from lm_eval.launch.manifest import MANIFEST
from lm_eval.launch.merge import merge
from lm_eval.loggers.evaluation_tracker import EvaluationTracker
from lm_eval.results.answered import AnsweredDocument
from lm_eval.results.streamed import StreamedTask
from tests.launch.conftest import TOGETHER, Runs


@pytest.mark.parametrize("count", [1, 3, 16])
def test_shards_give_the_files_of_a_run_in_one_piece(runs: Runs, count: int) -> None:
    for index in reversed(range(count)):
        runs.part("parts", index, count)
    assert runs.merged("parts") == runs.whole("whole")


@pytest.mark.parametrize("changes", [{}, {"log_samples": False}, {"max_errors": 5}], ids=["samples", "bare", "lost"])
def test_a_shard_that_forgets_documents_once_they_are_scored_gives_the_same_files(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]
) -> None:
    lost = "4" if changes else ""
    whole = runs.whole("whole", lost=lost, **changes)
    for module in (building, preparation):
        monkeypatch.setattr(module, "BUILT_BEFORE_ASKING", 3)
    monkeypatch.setattr(building, "FIRST_OF_MANY", 2)
    streamed: list[str] = []
    take = StreamedTask.take

    def noted(task: StreamedTask, document: AnsweredDocument) -> None:
        streamed.append(document.name)
        take(task, document)

    monkeypatch.setattr(StreamedTask, "take", noted)
    for index in range(3):
        runs.part("parts", index, 3, lost=lost, **changes)
    assert runs.merged("parts") == whole
    assert streamed.count("choice") >= 8


@pytest.mark.parametrize("changes", [{}, {"log_samples": False}, {"samples": {"ranked": [8, 3]}}], ids=str)
def test_code_that_looks_at_several_documents_sees_those_of_all_shards(runs: Runs, changes: dict[str, object]) -> None:
    given: dict[str, Any] = {"tasks": [*TOGETHER, "written", "choice"], **changes}
    for index in range(3):
        runs.part("parts", index, 3, lost="4", **given)
    assert runs.merged("parts") == runs.whole("whole", lost="4", **given)


def test_documents_of_a_missing_shard_are_lost_where_all_are_scored_together(runs: Runs) -> None:
    for index in (0, 2):
        runs.part("parts", index, 3, tasks=TOGETHER)
    _, results = merge(runs.folder / "parts", allow_missing=True)
    manifest = json.loads((runs.folder / "parts" / "shards" / "0000-of-0003" / MANIFEST).read_text())
    for name in TOGETHER:
        lost = results["results"][name]["errors"]["missing_shard"]
        assert lost + results["results"][name]["sample_len"] == manifest["tasks"][name]["documents"] == 10


def test_documents_that_a_shard_cannot_keep_are_refused_before_anything_is_asked(runs: Runs, tasks: Path) -> None:
    text = (tasks / "data.py").read_text()
    (tasks / "odd.py").write_text(text.replace('"n":', '"path": __import__("pathlib").Path(), "n":'))
    (tasks / "ranked.yaml").write_text((tasks / "ranked.yaml").read_text().replace("data.rows", "odd.rows"))
    with pytest.raises(ConfigError, match=r"ranked cannot be run in shards: .*several documents.*Path.*scoring: proc"):
        runs.part("parts", 0, 3, tasks=["ranked"])


def test_a_shard_builds_the_prompts_of_its_documents_only(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    from lm_eval.api.task import ConfigurableTask

    built: list[str] = []
    construct = ConfigurableTask.construct_requests

    def counted(task: ConfigurableTask, doc: Any, ctx: Any, **kwargs: Any) -> Any:
        built.append(str(task.task_name))
        return construct(task, doc, ctx, **kwargs)

    monkeypatch.setattr(ConfigurableTask, "construct_requests", counted)
    for index in range(3):
        runs.part("parts", index, 3)
    assert built.count("written") == 30  # code may draw at random
    assert all(built.count(name) == 10 for name in ("choice", "generate", "rolling", "clustered", "bleu", "f1"))


@pytest.mark.parametrize(
    "changes",
    [
        {"limit": 7},
        {"limit": 0.4},
        {"samples": {"choice": [8, 1, 5], "bleu": [3]}},
        {"log_samples": False},
        {"predict_only": True},
        {"output_format": "parquet"},
        {"max_errors": 5},
    ],
    ids=str,
)
def test_the_settings_of_the_run_hold_for_its_shards(runs: Runs, changes: dict[str, object]) -> None:
    for index in range(3):
        runs.part("parts", index, 3, lost="4", **changes)
    assert runs.merged("parts") == runs.whole("whole", lost="4", **changes)


def test_what_is_counted_for_notes_is_added_up(runs: Runs) -> None:
    folder = str(Path(lm_eval.demo.__file__).parent / "tasks")
    changes: dict[str, Any] = {"tasks": ["demo_choices@generate"], "include_path": [folder]}
    for index in range(3):
        runs.part("parts", index, 3, **changes)
    merged, whole = runs.merged("parts"), runs.whole("whole", **changes)
    assert "answers name no choice" in whole["results"]
    assert merged == whole


def test_a_lost_document_is_asked_again_by_its_shard_only(runs: Runs) -> None:
    for index in range(3):
        runs.part("parts", index, 3, lost="4")
    before = runs.merged("parts")
    assert json.loads(before["results"])["errors"]["lost"] > 0
    shutil.rmtree(runs.folder / "parts" / "fake")
    for index in range(3):
        runs.part("parts", index, 3)
    assert runs.merged("parts") == runs.whole("whole")


def test_each_document_is_asked_by_one_shard_with_the_prompt_of_the_whole_run(runs: Runs) -> None:
    from lm_eval import evaluator

    whole = runs.model()
    evaluator.run(runs.settings("whole"), whole)
    parts = [runs.part("parts", index, 4) for index in range(4)]
    asked = [instance for part in parts for instance in part.asked]
    prompts = [sorted((i.task_name or "", i.doc_id or 0, repr(i.args)) for i in each) for each in (asked, whole.asked)]
    assert prompts[0] == prompts[1]
    assert all(part.asked for part in parts)


def three(runs: Runs) -> Path:
    for index in range(3):
        runs.part("parts", index, 3, tasks=["choice"])
    return runs.folder / "parts"


def test_a_missing_shard_is_named(runs: Runs) -> None:
    shutil.rmtree(three(runs) / "shards" / "0001-of-0003")
    with pytest.raises(ConfigError, match=r"1 of 3 shards is missing.* 1/3\. .*Its documents"):
        merge(runs.folder / "parts")


def test_documents_of_a_missing_shard_count_as_lost_when_that_is_allowed(
    runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    folder = three(runs)
    kept = json.loads((folder / "shards" / "0001-of-0003" / MANIFEST).read_text())["tasks"]["choice"]["kept"]
    shutil.rmtree(folder / "shards" / "0001-of-0003")
    with caplog.at_level(logging.WARNING, "lm_eval"):
        _, results = merge(folder, allow_missing=True)
    row = results["results"]["choice"]
    assert row["errors"] == {"missing_shard": kept}
    assert row["sample_len"] == 10 - kept
    assert results["errors"]["exceeded"]


def test_a_shard_that_is_not_complete_is_missing(runs: Runs) -> None:
    (three(runs) / "shards" / "0002-of-0003" / MANIFEST).unlink()
    with pytest.raises(ConfigError, match="2/3"):
        merge(runs.folder / "parts")
    for path in runs.folder.rglob(MANIFEST):
        path.unlink()
    with pytest.raises(ConfigError, match=r"No shard in .*parts/shards is complete: repeat the commands"):
        merge(runs.folder / "parts")


def test_a_doubled_shard_is_named(runs: Runs) -> None:
    shards = three(runs) / "shards"
    shutil.copytree(shards / "0001-of-0003", shards / "copy-of-0001")
    with pytest.raises(ConfigError, match=r"Shard 1/3 is there twice.*0001-of-0003.*copy-of-0001"):
        merge(runs.folder / "parts")


def test_shards_of_two_divisions_are_not_joined(runs: Runs) -> None:
    three(runs)
    runs.part("parts", 0, 4, tasks=["choice"])
    with pytest.raises(ConfigError, match="0000-of-0004 is shard 0/4"):
        merge(runs.folder / "parts")


def replaced(runs: Runs, **changes: object) -> Path:
    """Replace shard 1 of 3 by that of a run with other settings."""
    folder = three(runs)
    given: dict[str, Any] = {"tasks": ["choice"], **changes}
    runs.part("other", 1, 3, **given)
    shutil.rmtree(folder / "shards" / "0001-of-0003")
    shutil.copytree(runs.folder / "other" / "shards" / "0001-of-0003", folder / "shards" / "0001-of-0003")
    return folder


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"limit": 8}, "limit is"),
        ({"num_fewshot": 1}, "num_fewshot is 2 in .* and 1 in"),
        ({"seed": [1, 2, 3, 4]}, "seed is"),
        ({"model_args": {"model": "other"}}, "model_args.model is"),
        ({"tasks": ["generate"]}, "tasks is"),
    ],
)
def test_a_shard_of_another_run_is_named_with_the_setting(runs: Runs, changes: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=f"0001-of-0003 is of another run: .*{words}"):
        merge(replaced(runs, **changes))


@pytest.mark.parametrize("changes", [{"max_errors": 3}, {"model_args": {"base_url": "http://b/v1", "timeout": 9}}])
def test_shards_may_differ_in_how_they_are_asked(runs: Runs, changes: dict[str, object]) -> None:
    merge(replaced(runs, **changes))


def test_shards_of_other_documents_are_not_joined(runs: Runs, tasks: Path) -> None:
    folder = three(runs)
    text = (tasks / "data.py").read_text()
    (tasks / "more.py").write_text(text.replace("range(10)", "range(11)"))
    (tasks / "choice.yaml").write_text((tasks / "choice.yaml").read_text().replace("data.rows", "more.rows"))
    shutil.rmtree(folder / "shards" / "0002-of-0003")
    runs.part("parts", 2, 3, tasks=["choice"])
    with pytest.raises(ConfigError, match="0002-of-0003 has other documents or prompts of task choice"):
        merge(folder)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def changed(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))


@pytest.mark.parametrize("name", ["values_choice.jsonl", "samples_choice.jsonl", "answers_ranked.jsonl"])
@pytest.mark.parametrize("harm", [cut, changed, Path.unlink])
def test_a_damaged_file_is_named_and_nothing_is_saved(runs: Runs, name: str, harm: Callable[[Path], None]) -> None:
    for index in range(3):
        runs.part("parts", index, 3, tasks=["choice", "ranked"])
    harm(runs.folder / "parts" / "shards" / "0001-of-0003" / name)
    words = rf"0001-of-0003/{name} is (damaged|missing).*\. Repeat the command that ran shard 1/3"
    with pytest.raises(ConfigError, match=words):
        runs.merged("parts")
    assert [path.name for path in (runs.folder / "parts").iterdir()] == ["shards"]


def test_all_damaged_shards_are_named_at_once(runs: Runs) -> None:
    shards = three(runs) / "shards"
    changed(shards / "0000-of-0003" / "samples_choice.jsonl")
    (shards / "0002-of-0003" / "values_choice.jsonl").unlink()
    with pytest.raises(SeveralErrors) as caught:
        merge(runs.folder / "parts")
    assert [line.partition("/shards/")[2].partition(" ")[0] for line in caught.value.problems] == [
        "0000-of-0003/samples_choice.jsonl",
        "0002-of-0003/values_choice.jsonl",
    ]


def test_a_samples_file_that_is_replaced_during_the_merge_is_named(runs: Runs) -> None:
    folder = three(runs)
    _, results = merge(folder)
    cut(folder / "shards" / "0001-of-0003" / "samples_choice.jsonl")
    with pytest.raises(ConfigError, match=r"0001-of-0003/samples_choice\.jsonl is damaged"):
        list(results["samples"]["choice"])


@pytest.mark.parametrize("text", ["", "{}", "[1]", "\\xff"])
def test_a_damaged_manifest_is_named(runs: Runs, text: str) -> None:
    path = three(runs) / "shards" / "0000-of-0003" / MANIFEST
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"0000-of-0003/manifest\.json is damaged.* Repeat .* shard 0/3"):
        merge(runs.folder / "parts")


@pytest.mark.parametrize("change", [{"facts": {}}, {"shard": 7}, {"shards": 2}, {"lost": 1}, {"tasks": {}}], ids=str)
def test_a_manifest_that_was_changed_by_hand_is_named(runs: Runs, change: dict[str, object]) -> None:
    path = three(runs) / "shards" / "0000-of-0003" / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(ConfigError, match=r"0000-of-0003/manifest\.json is damaged"):
        merge(runs.folder / "parts", allow_missing=True)


def test_a_manifest_may_be_laid_out_anew(runs: Runs) -> None:
    for path in three(runs).rglob(MANIFEST):
        path.write_text(json.dumps(json.loads(path.read_text())))
    merge(runs.folder / "parts")


def test_a_manifest_of_another_version_is_named(runs: Runs) -> None:
    path = three(runs) / "shards" / "0000-of-0003" / MANIFEST
    path.write_text('{"format": 2}')
    with pytest.raises(ConfigError, match=r"0000-of-0003/manifest\.json was written by another version.*--fresh"):
        merge(runs.folder / "parts")


def test_a_folder_without_shards_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds no shards of a run"):
        merge(tmp_path)


@pytest.mark.parametrize("name", ["nope", "nope.json"])
def test_a_folder_that_does_not_exist_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=rf"/{name} does not exist\.$"):
        merge(tmp_path / name)


def test_a_name_that_is_too_long_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["merge", "x" * 300]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("lm_eval: error: xxx")


@pytest.mark.parametrize("name", ["whole", "whole.json"])
def test_a_run_in_one_piece_has_nothing_to_merge(runs: Runs, name: str) -> None:
    tracker = EvaluationTracker(runs.folder / name)
    tracker.save({"results": {}, "model_name": "fake"})
    with pytest.raises(ConfigError, match=r"There is nothing to merge: .* the results of a whole run"):
        merge(runs.folder / name)
