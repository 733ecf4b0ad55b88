from __future__ import annotations

import hashlib
import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest

import lm_eval
from lm_eval.errors import ConfigError, UnknownNameError
from lm_eval.evaluator import simple_evaluate
from lm_eval.loggers import EvaluationTracker
from lm_eval.rescoring import change_lines, rescore
from lm_eval.results import load
from tests.fakes import FakeLM
from tests.rescoring.conftest import TASKS, ChattyLM, Save, keep

COMPUTED = ["results", "groups", "group_subtasks", "configs", "versions", "n-shot", "higher_is_better", "n-samples"]
COMPUTED += ["statistics", "task_hashes", "errors"]


def change(tasks: Path, name: str, old: str, new: str) -> None:
    """Edit a task file."""
    file = tasks / f"{name}.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def sample_bytes(folder: Path) -> dict[str, bytes]:
    return {name: file.read_bytes() for name, file in load(folder).sample_files.items()}


def test_it_is_exported() -> None:
    assert lm_eval.rescore is rescore


@pytest.mark.parametrize("output_format", ["jsonl", "parquet"])
def test_unchanged_tasks_give_the_same_files(tasks: Path, save: Save, tmp_path: Path, output_format: str) -> None:
    lost = ChattyLM(lose=lambda instance: instance.doc_id == 3)
    out = save(output_format=output_format, lm=lost, num_fewshot=0, gen_kwargs="temperature=0.5", max_errors=100)
    tracker = EvaluationTracker(tmp_path / "again", output_format=output_format)
    keep(tracker, rescore(out, include_path=tasks))
    assert sample_bytes(tmp_path / "again") == sample_bytes(out)
    before, after = load(out).results, load(tmp_path / "again").results
    assert {key: after[key] for key in COMPUTED} == {key: before[key] for key in COMPUTED}
    assert after["config"]["rescored_from"]["changes"] == []


def test_neither_data_nor_network_is_used(tasks: Path, save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    out = save()
    (tasks / "data.py").write_text("def rows(**_):\n    raise AssertionError('data was asked for')\n")

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("asked for")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert set(rescore(out, include_path=tasks)["results"]) == {*TASKS, "both::inner", "choice", "mutual"}


def test_a_changed_filter_gives_another_score(tasks: Path, save: Save) -> None:
    out = save(["filtered"])
    change(tasks, "filtered", r"is (\d+)!", r"(?:is|Perhaps) (\d+)")
    result = rescore(out, include_path=tasks)
    assert result["results"]["filtered"]["exact_match,strict"] == 1.0
    assert change_lines(result)[1:] == ["  filtered exact_match,strict: 0.5000 → 1.0000"]


def test_new_and_removed_filters_are_reported(tasks: Path, save: Save) -> None:
    out = save(["filtered"])
    change(tasks, "filtered", "name: any", "name: other")
    assert change_lines(rescore(out, include_path=tasks))[1:] == [
        "  filtered exact_match,any: 1.0000 → none",
        "  filtered exact_match,other: none → 1.0000",
    ]


def test_a_changed_metric_is_used(tasks: Path, save: Save) -> None:
    out = save(["choice"])
    change(tasks, "choice", "doc_to_target", "metric_list: [{metric: acc_norm}]\ndoc_to_target")
    result = rescore(out, include_path=tasks)
    assert "acc_norm,none" in result["results"]["choice"]
    assert "acc,none" not in result["results"]["choice"]


def test_a_changed_target_of_a_generation_is_used(tasks: Path, save: Save) -> None:
    out = save(["generate"])
    change(tasks, "generate", "'{{n}}'", "'It is {{n}}!'")
    assert rescore(out, include_path=tasks)["results"]["generate"]["exact_match,none"] == 0.5


def test_answers_asked_for_first_can_be_scored_later(tasks: Path, save: Save) -> None:
    out = save(["filtered", "choice", "rolling"], predict_only=True)
    scored = save(["filtered", "choice", "rolling"])
    result = rescore(load(out).path.parent / min(p.name for p in out.rglob("results_*")), include_path=tasks)
    assert result["results"] == load(scored).results["results"]
    assert result["config"]["predict_only"] is False


def test_lost_docs_stay_lost(tasks: Path, save: Save) -> None:
    out = save(["generate"], lm=ChattyLM(lose=lambda instance: instance.doc_id in (3, 4)), max_errors=1)
    result = rescore(out, include_path=tasks)
    assert result["results"]["generate"]["errors"] == {"timeout": 2}
    assert result["errors"] == {"lost": 2, "tasks": {"generate": 2}, "allowed": 1, "exceeded": True}


def test_outcomes_of_answers_are_kept(tasks: Path, save: Save) -> None:
    result = rescore(save(["filtered"]), include_path=tasks)
    assert result["results"]["filtered"]["outcomes"] == {"length": 2}
    assert result["samples"]["filtered"][1]["response_info"][0]["usage"]["completion"] == 4


def test_groups_keep_their_scores(tasks: Path, save: Save) -> None:
    result = rescore(save(["both"]), include_path=tasks)
    assert set(result["groups"]) == {"both", "both::inner"}
    assert result["versions"]["both"] == 3


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        ("generate", {"generate"}),
        (["both::inner"], {"choice", "both::inner"}),
        (["*l*ng", "likely"], {"rolling", "likely"}),
        ("mutual", {"mutual"}),
        ("both", {"choice", "mutual", "both", "both::inner"}),
    ],
)
def test_selected_tasks_only(tasks: Path, save: Save, wanted: Any, rows: set[str]) -> None:
    assert set(rescore(save(), wanted, include_path=tasks)["results"]) == rows


def test_results_name_the_source_of_the_answers(tasks: Path, save: Save) -> None:
    run = load(save(["generate"]))
    source = rescore(run, include_path=tasks)["config"]["rescored_from"]
    assert source["file"] == run.path.name
    assert source["sha256"] == hashlib.sha256(run.path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("old", "new", "keys"),
    [
        ("'{{q}}'", "'Say: {{q}}'", ["doc_to_text"]),
        ("doc_to_target", "description: Count.\ndoc_to_target", ["description"]),
        ("doc_to_target", "generation_kwargs: {until: ['!']}\ndoc_to_target", ["generation_kwargs"]),
    ],
)
def test_a_changed_prompt_is_reported(tasks: Path, save: Save, old: str, new: str, keys: list[str]) -> None:
    out = save(["generate"])
    change(tasks, "generate", old, new)
    result = rescore(out, include_path=tasks)
    assert result["config"]["rescored_from"]["changed_prompts"] == {"generate": keys}


def test_a_rescored_run_can_be_rescored(tasks: Path, save: Save) -> None:
    run = load(save(["filtered"]))
    change(tasks, "filtered", r"is (\d+)!", r"(\d+)")
    keep(EvaluationTracker(run.output_path), rescore(run, include_path=tasks))
    again = load(run.path.parent)
    assert again.path != run.path
    assert rescore(again, include_path=tasks)["config"]["rescored_from"]["changes"] == []


def test_a_run_without_samples_is_refused(tasks: Path, save: Save) -> None:
    out = save(["generate"], log_samples=False)
    with pytest.raises(ConfigError, match=r"No samples were saved .* --log_samples"):
        rescore(out, include_path=tasks)


def test_a_task_without_samples_is_refused_by_name(tasks: Path, save: Save) -> None:
    out = save(["generate", "rolling"])
    load(out).sample_files["rolling"].unlink()
    with pytest.raises(ConfigError, match="No samples of rolling"):
        rescore(out, include_path=tasks)
    assert rescore(out, "generate", include_path=tasks)["results"]["generate"]["exact_match,none"] == 0.0


def test_a_task_missing_from_the_run_is_refused_with_the_nearest_name(tasks: Path, save: Save) -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown task of the run 'genrate'. Did you mean 'generate'"):
        rescore(save(["generate"]), "genrate", include_path=tasks)


def test_a_task_that_no_longer_exists_is_refused_with_the_nearest_name(tasks: Path, save: Save) -> None:
    out = save(["generate"])
    change(tasks, "generate", "task: generate", "task: generate_2")
    with pytest.raises(ConfigError, match=r"'generate' is not known here; .* Did you mean 'generate_2'"):
        rescore(out, include_path=tasks)


@pytest.mark.parametrize(
    ("task", "old", "new", "message"),
    [
        ("likely", "output_type: loglikelihood", "output_type: generate_until", "output_type was loglikelihood"),
        ("likely", "' {{n}}'", "' {{n}}.'", "was asked about ' 1', its target is ' 1.' now"),
        ("rolling", "doc_to_target: '{{q}}'", "doc_to_target: '{{q}} '", "doc 0 was asked about"),
        ("choice", "doc_to_choice: choices", "doc_to_choice: [x, y, z]", "asked about 2 choices and has 3 now"),
        ("choice", "doc_to_choice: choices", "doc_to_choice: [x, y]", "the choice ' 0', which is 'x' now"),
        ("choice", "doc_to_target", "metric_list: [{metric: acc_mutual_info}]\ndoc_to_target", "needs the choices"),
    ],
)
def test_changed_requests_are_refused(tasks: Path, save: Save, task: str, old: str, new: str, message: str) -> None:
    out = save([task])
    change(tasks, task, old, new)
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        rescore(out, include_path=tasks)
    assert str(caught.value).endswith("Run it anew.")


def test_incomplete_samples_are_refused(tasks: Path, save: Save) -> None:
    out = save(["generate"])
    file = load(out).sample_files["generate"]
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(ConfigError, match="are of 9 docs and its results of 10"):
        rescore(out, include_path=tasks)


def test_a_sample_without_responses_is_refused(tasks: Path, save: Save) -> None:
    out = save(["generate"])
    file = load(out).sample_files["generate"]
    file.write_text(file.read_text().replace('"resps"', '"responses"'))
    with pytest.raises(ConfigError, match="has no 'resps'"):
        rescore(out, include_path=tasks)


def test_a_task_that_reads_its_dataset_to_score_is_refused(tasks: Path, save: Save) -> None:
    (tasks / "reader.py").write_text(
        "from lm_eval.api.task import ConfigurableTask\n\n\nclass Reader(ConfigurableTask):\n"
        "    def process_results(self, doc, results):\n        return {'exact_match': len(self.dataset['test'])}\n"
    )
    (tasks / "reader.yaml").write_text(
        (tasks / "generate.yaml").read_text().replace("task: generate", "task: reader\nclass: !function reader.Reader")
    )
    out = save(["reader"])
    with pytest.raises(ConfigError, match="'reader' reads its dataset to score"):
        rescore(out, include_path=tasks)


PYTHON_TASKS = {
    "Mixed": """
from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask

class Mixed(ConfigurableTask):
    def construct_requests(self, doc, ctx, **kwargs):
        more = {"metadata": kwargs["metadata"]}
        return [
            Instance("generate_until", doc, (ctx, {"until": []}), 0, **more),
            Instance("loglikelihood", doc, (ctx, " yes"), 0, **more),
        ]

    def process_results(self, doc, results):
        text, (loglikelihood, greedy) = results
        return {"exact_match": len(text) + loglikelihood + greedy}
""",
    "Classic": """
from lm_eval.api.task import MultipleChoiceTask

class Classic(MultipleChoiceTask):
    def download(self, *args, **kwargs):
        self.dataset = {"test": [{"q": f"{i}?", "choices": ["a", "bb"], "gold": i % 2} for i in range(6)]}

    def has_training_docs(self): return False
    def has_validation_docs(self): return False
    def has_test_docs(self): return True
    def test_docs(self): return self.dataset["test"]
    def doc_to_text(self, doc): return doc["q"]
""",
}


@pytest.mark.parametrize("name", PYTHON_TASKS)
def test_tasks_in_python_give_the_same_files(name: str, tasks: Path, save: Save, tmp_path: Path) -> None:
    (tasks / "own.py").write_text(PYTHON_TASKS[name])
    head = f"task: own\nclass: !function own.{name}\n"
    rest = (tasks / "generate.yaml").read_text().replace("task: generate\n", "") if name == "Mixed" else ""
    (tasks / "own.yaml").write_text(head + rest)
    out = save(["own"])
    tracker = EvaluationTracker(tmp_path / "again")
    keep(tracker, rescore(out, include_path=tasks))
    assert sample_bytes(tmp_path / "again") == sample_bytes(out)
    assert load(tmp_path / "again").results["results"] == load(out).results["results"]


def test_code_of_the_model_runs_only_after_a_confirmation(tasks: Path, save: Save) -> None:
    change(tasks, "generate", "doc_to_text", "unsafe_code: true\ndoc_to_text")
    out = save(["generate"], confirm_run_unsafe_code=True)
    with pytest.raises(ConfigError, match="confirm_run_unsafe_code"):
        rescore(out, include_path=tasks)
    assert rescore(out, include_path=tasks, confirm_run_unsafe_code=True)["results"]


def test_a_file_of_the_reference_harness(tasks: Path, save: Save) -> None:
    """The reference writes log-likelihoods, targets and the time as texts, and shots and tokens in other keys."""
    out = save(["choice"])
    run = load(out)
    results = {**run.results, "transformers_version": "5", "total_evaluation_time_seconds": "18.8"}
    results["config"] = {"model": "m", "model_args": {}, "gen_kwargs": "", "bootstrap_iters": 20}
    for key in ("errors", "statistics"):
        results.pop(key, None)
    run.path.write_text(json.dumps(results))
    lines = []
    for sample in run.samples("choice"):
        texts = [[[str(part) for part in answer] for answer in answers] for answers in sample["resps"]]
        lines.append(json.dumps({**sample, "resps": texts, "target": str(sample["target"])}))
    run.sample_files["choice"].write_text("\n".join(lines))
    result = rescore(out, include_path=tasks)
    assert result["config"]["rescored_from"]["changes"] == []
    assert result["total_evaluation_time_seconds"] == 18.8


def test_a_version_that_says_how_documents_were_made_stays(tmp_path: Path) -> None:
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "made.py").write_text(
        "class Rows(dict):\n    metadata = {'version': '1.0-ratio3', 'counter': 'x'}\n\n"
        "def rows(**_):\n    return Rows(test=[{'q': 'Q1?', 'n': '1'}])\n"
    )
    (folder / "sized.yaml").write_text(
        "task: sized\ncustom_dataset: !function made.rows\ntest_split: test\noutput_type: generate_until\n"
        "doc_to_text: '{{q}}'\ndoc_to_target: '{{n}}'\nmetadata: {version: 1.0}\n"
    )
    tracker = EvaluationTracker(tmp_path / "out")
    keep(tracker, simple_evaluate(FakeLM(), tasks=["sized"], include_path=folder, evaluation_tracker=tracker))
    before = load(tmp_path / "out").results
    assert (before["versions"], before["configs"]["sized"]["metadata"]["counter"]) == ({"sized": "1.0-ratio3"}, "x")
    assert rescore(tmp_path / "out", include_path=folder)["versions"] == {"sized": "1.0-ratio3"}
