from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import parse_eval_result_entries
from huggingface_hub.repocard_data import model_index_to_eval_results
from jsonschema import Draft7Validator

from lm_eval.errors import ConfigError, UnknownNameError
from lm_eval.reports.exports import FORMATS, About, Exported, export_results
from tests.reports.exports.runs import saved
from tests.reports.html.runs import generation

SCHEMAS = Path(__file__).parent / "every_eval_ever"
ABOUT = About(model_id="org/model", organization="A lab", evaluator="third_party", source_url="https://example.org/x")


def export(tmp_path: Path, name: str, about: About = ABOUT, **more: Any) -> Exported:
    return export_results(saved(tmp_path / "run", **more), name, tmp_path / "out", about)


def invalid(schema: str, value: object) -> list[str]:
    validator = Draft7Validator(json.loads((SCHEMAS / f"{schema}.schema.json").read_text()))
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def records(exported: Exported) -> dict[str, dict[str, Any]]:
    files = [file for file in exported.files if file.suffix == ".json"]
    return {file.parts[-4]: json.loads(file.read_text()) for file in files}


def lines(exported: Exported, benchmark: str) -> list[dict[str, Any]]:
    (file,) = (file for file in exported.files if file.suffix == ".jsonl" and file.parts[-4] == benchmark)
    return [json.loads(line) for line in file.read_text().splitlines()]


# The Hub.


def test_the_hub_reads_its_entries(tmp_path: Path) -> None:
    exported = export(tmp_path, "hub")
    (file,) = exported.files
    assert file == tmp_path / "out" / ".eval_results" / "numbers.yaml"
    (entry,) = parse_eval_result_entries(yaml.safe_load(file.read_text()))
    assert (entry.dataset_id, entry.task_id, entry.value, entry.date) == (
        *("openai/gsm8k", "main", 0.5),
        "2026-01-01T10:00:00Z",
    )
    assert (entry.source_url, entry.source_name) == ("https://example.org/x", "A lab")
    assert entry.notes is not None
    assert entry.notes.startswith("numbers: exact_match (strict), stderr=0.25, num_fewshot=0")


def test_what_a_leaderboard_does_not_take_is_told(tmp_path: Path) -> None:
    assert export(tmp_path, "hub").left_out == [
        "colours: its documents are not a data set on the Hub.",
        "talk/a b: its documents are not a data set on the Hub.",
        "prose: its documents are not a data set on the Hub.",
        "A leaderboard takes no groups: everything.",
    ]


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"dataset_path": "csv"},
        {"dataset_path": "./here"},
        {"dataset_path": "a/b", "dataset_kwargs": {"data_dir": "x"}},
    ],
)
def test_files_are_no_data_set_of_the_hub(tmp_path: Path, config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="not a data set on the Hub"):
        export(tmp_path, "hub", About(tasks=["numbers"]), configs={"numbers": config})


def test_a_model_card_reads_its_index(tmp_path: Path) -> None:
    (file,) = export(tmp_path, "model-index").files
    content = yaml.safe_load(file.read_text())
    name, results = model_index_to_eval_results(content["model-index"])
    assert name == "org/model"
    found = {(each.dataset_type, each.metric_name): each for each in results}
    assert sorted(found) == [
        ("everything", "acc"),
        ("json", "acc"),
        ("openai/gsm8k", "exact_match (loose)"),
        ("openai/gsm8k", "exact_match (strict)"),
        ("prose", "word_perplexity"),
        ("talk/a b", "exact_match"),
    ]
    strict = found["openai/gsm8k", "exact_match (strict)"]
    assert (strict.metric_type, strict.metric_value, strict.dataset_config, strict.dataset_split) == (
        *("exact_match", 0.5),
        *("main", "test"),
    )
    assert strict.metric_args == {"filter": "strict", "stderr": 0.25, "interval": [0.1, 0.9]}
    assert strict.dataset_args is not None
    assert strict.dataset_args["num_fewshot"] == "0"
    assert strict.source_url == "https://example.org/x"


# Every Eval Ever.


def test_every_eval_ever_validates_its_records(tmp_path: Path) -> None:
    exported = export(tmp_path, "every-eval-ever")
    found = records(exported)
    assert sorted(found) == ["everything", "numbers", "prose"]
    assert [error for record in found.values() for error in invalid("eval", record)] == []
    every = [line for name in ("numbers", "everything") for line in lines(exported, name)]
    assert [error for line in every for error in invalid("instance_level_eval", line)] == []
    assert len(every) == 6


def test_its_records_say_what_the_run_was(tmp_path: Path) -> None:
    record = records(export(tmp_path, "every-eval-ever"))["numbers"]
    assert record["evaluation_id"].startswith("numbers/org/model/")
    assert record["model_info"]["developer"] == "org"
    assert record["source_metadata"]["evaluator_relationship"] == "third_party"
    strict, loose = record["evaluation_results"]
    assert strict["evaluation_result_id"] == "numbers/exact_match,strict"
    assert strict["source_data"]["hf_repo"] == "openai/gsm8k"
    assert strict["score_details"]["uncertainty"] == {
        "standard_error": {"value": 0.25},
        "confidence_interval": {"lower": 0.1, "upper": 0.9, "confidence_level": 0.95, "method": "wilson"},
        "num_samples": 2,
    }
    assert strict["generation_config"]["generation_args"] == {"temperature": 0.0, "max_tokens": 64}
    assert "uncertainty" not in loose["score_details"]


def test_its_lines_are_the_documents_of_the_record(tmp_path: Path) -> None:
    exported = export(tmp_path, "every-eval-ever")
    record, found = records(exported)["numbers"], lines(exported, "numbers")
    (file,) = (file for file in exported.files if file.suffix == ".jsonl" and "numbers" in file.parts)
    about = record["detailed_evaluation_results"]
    assert about["file_path"] == file.relative_to(tmp_path / "out").as_posix()
    assert about["total_rows"] == len(found) == 4
    assert about["checksum"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert {line["evaluation_id"] for line in found} == {record["evaluation_id"]}
    assert [(line["sample_id"], line["evaluation_result_id"][-6:], line["evaluation"]) for line in found[:2]] == [
        ("0", "strict", {"score": 1.0, "is_correct": True}),
        ("0", ",loose", {"score": 1.0, "is_correct": True}),
    ]
    assert found[0]["output"] == {"raw": ["It is 3."]}
    assert found[0]["answer_attribution"][0]["extracted_value"] == "3"
    assert found[2]["output"] == {"raw": ["It is ? 4."]}


def test_choices_have_their_texts(tmp_path: Path) -> None:
    first, second = lines(export(tmp_path, "every-eval-ever"), "everything")
    assert first["input"] == {"raw": "The colour of lemon 0?", "reference": ["yellow"], "choices": ["yellow", "blue"]}
    assert second["input"]["reference"] == ["blue"]
    assert [line["output"]["raw"] for line in (first, second)] == [["yellow"], ["yellow"]]


def test_what_its_schema_cannot_hold_is_told(tmp_path: Path) -> None:
    assert export(tmp_path, "every-eval-ever").left_out == [
        "The results do not say which way these are better: talk/a b exact_match,none.",
    ]
    lost = export(tmp_path / "b", "every-eval-ever", results={"numbers": {"exact_match,strict": 0.5, "n_errors": 1}})
    assert lost.left_out == ["1 lost documents have no score, which each line must have; the records count them."]


def test_its_own_validator_passes(tmp_path: Path) -> None:
    core = pytest.importorskip("every_eval_ever.validator.validation_core", reason="every-eval-ever is not installed")
    for file in export(tmp_path, "every-eval-ever").files:
        assert core.validate_file(file).errors == []


# Inspect.


def test_inspect_reads_its_logs(tmp_path: Path) -> None:
    log = pytest.importorskip("inspect_ai.log", reason="inspect-ai is not installed")
    exported = export(tmp_path, "inspect")
    found = {read.eval.task: read for read in map(log.read_eval_log, map(str, exported.files))}
    assert sorted(found) == ["colours", "numbers", "prose", "talk/a b"]
    numbers = found["numbers"]
    assert (numbers.status, numbers.eval.model) == ("success", "org/model")
    assert {
        (score.name, name): metric.value for score in numbers.results.scores for name, metric in score.metrics.items()
    } == {
        ("strict", "exact_match"): 0.5,
        ("strict", "exact_match_stderr"): 0.25,
        ("loose", "exact_match"): 0.5,
    }
    first, _, lost = numbers.samples
    assert (first.scores["strict"].value, first.scores["strict"].answer) == (1.0, "3")
    assert first.output.completion == "It is 3."
    assert (lost.scores, lost.error.message[:8]) == ({}, "timeout:")
    assert found["colours"].samples[1].choices == ["yellow", "blue"]
    assert found["colours"].samples[1].target == "blue"
    talk = found["talk/a b"].samples[0]
    assert [message.role for message in talk.messages] == ["system", "user", "assistant"]
    assert talk.messages[-1].content[0].reasoning == "Let me think."
    assert talk.output.stop_reason == "max_tokens"
    for file in map(str, exported.files):
        assert log.read_eval_log(file, header_only=True).results is not None
        summaries = log.read_eval_log_sample_summaries(file)
        for summary in summaries:
            assert log.read_eval_log_sample(file, summary.id, 1).id == summary.id


def opened(exported: Exported, task: str) -> dict[str, Any]:
    (file,) = (file for file in exported.files if f"_{task}_" in file.name)
    with zipfile.ZipFile(file) as archive:
        return {name: json.loads(archive.read(name)) for name in archive.namelist()}


def test_a_log_is_a_header_and_a_file_per_document(tmp_path: Path) -> None:
    found = opened(export(tmp_path, "inspect"), "numbers")
    assert list(found) == [
        "_journal/start.json",
        *(f"samples/{doc}_epoch_1.json" for doc in range(3)),
        "summaries.json",
        "header.json",
    ]
    assert found["header.json"]["eval"]["dataset"] == {
        **{"name": "main", "location": "openai/gsm8k", "samples": 2},
        "shuffled": False,
    }
    assert found["header.json"]["stats"]["completed_at"] == "2026-01-01T10:00:13+00:00"
    assert [summary["id"] for summary in found["summaries.json"]] == [0, 1, 2]
    assert [scorer["name"] for scorer in found["header.json"]["results"]["scores"]] == ["strict", "loose"]


def test_an_id_with_a_slash_names_no_folder(tmp_path: Path) -> None:
    run = saved(tmp_path / "run")
    file = run.sample_files["numbers"]
    file.write_text(json.dumps({**generation(0, "a", 1.0)[0], "doc_id": "../a/b"}) + "\n")
    names = list(opened(export_results(run, "inspect", tmp_path / "out"), "numbers"))
    assert "samples/.._a_b_epoch_1.json" in names


def test_groups_are_no_logs(tmp_path: Path) -> None:
    assert export(tmp_path, "inspect").left_out == ["A log holds one task, so groups are left out: everything."]


# All formats.


@pytest.mark.parametrize("name", FORMATS)
def test_a_secret_is_in_no_file(tmp_path: Path, name: str) -> None:
    config = {"model_args": {"model": "m", "api_key": "sk-abcdefghijklmnopqrstuvwx"}, "gen_kwargs": {}}
    for file in export(tmp_path, name, config=config).files:
        data = (
            b"".join(map(zipfile.ZipFile(file).read, zipfile.ZipFile(file).namelist()))
            if name == "inspect"
            else file.read_bytes()
        )
        assert b"sk-abcdefghijklmnopqrstuvwx" not in data


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_run_gives_the_same_files(tmp_path: Path, name: str) -> None:
    run = saved(tmp_path / "run")
    first, again = (export_results(run, name, tmp_path / "out") for _ in range(2))
    assert first == again


@pytest.mark.parametrize("name", ["inspect", "every-eval-ever"])
def test_a_run_without_samples_has_its_scores(tmp_path: Path, name: str) -> None:
    run = saved(tmp_path / "run")
    run.sample_files = {}
    exported = export_results(run, name, tmp_path / "out", About(tasks=["numbers"]))
    assert [file.suffix for file in exported.files] == [".eval" if name == "inspect" else ".json"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_number_that_is_none_is_no_score(tmp_path: Path, name: str) -> None:
    assert export(tmp_path, name).files
    with pytest.raises(ConfigError, match="nothing that this format can hold"):
        export(tmp_path / "b", name, About(tasks=["colours"], metrics=["acc_norm"]))


def test_scores_are_chosen(tmp_path: Path) -> None:
    about = About(tasks=["everything"], metrics=["acc*"])
    (file,) = export(tmp_path, "model-index", about).files
    (entry,) = yaml.safe_load(file.read_text())["model-index"]
    assert [result["dataset"]["name"] for result in entry["results"]] == ["colours", "everything"]


@pytest.mark.parametrize(
    ("name", "about"), [("inspec", About()), ("hub", About(tasks=["number"])), ("hub", About(metrics=["f1"]))]
)
def test_a_name_that_is_not_there(tmp_path: Path, name: str, about: About) -> None:
    with pytest.raises(UnknownNameError):
        export(tmp_path, name, about)


@pytest.mark.parametrize("name", FORMATS)
def test_names_of_tasks_and_models_are_safe_names_of_files(tmp_path: Path, name: str) -> None:
    about = About(model_id="../../evil/../m\n", tasks=["talk/a b", "numbers"])
    better = {"talk/a b": {"exact_match": True}, "numbers": {"exact_match": True}}
    for file in export(tmp_path, name, about, higher_is_better=better).files:
        assert file.resolve().is_relative_to((tmp_path / "out").resolve())
        assert ".." not in file.relative_to(tmp_path / "out").parts


# Answers of several turns, and values that are no share.


def talk(doc_id: int, values: dict[str, float]) -> dict[str, Any]:
    """Build a sample whose model answered two turns."""
    first = [{"role": "user", "content": "Name a bird."}]
    second = [*first, {"role": "assistant", "content": "A wren."}, {"role": "user", "content": "Another?"}]
    return {
        **generation(doc_id, "", 0.0)[0],
        "arguments": {
            f"gen_args_{place}": {"arg_0": turns, "arg_1": {}} for place, turns in enumerate((first, second))
        },
        "resps": [["A wren."], ["A heron."]],
        "filtered_resps": ["A wren.", "A heron."],
        "metrics": list(values),
        **values,
    }


def with_talk(tmp_path: Path, **values: float) -> Any:
    run = saved(
        tmp_path / "run",
        results={"numbers": {f"{name},none": value for name, value in values.items()}},
        higher_is_better={"numbers": dict.fromkeys(values, True)},
    )
    run.sample_files["numbers"].write_text(json.dumps(talk(0, values)) + "\n")
    return run


def test_a_conversation_has_all_its_turns(tmp_path: Path) -> None:
    exported = export_results(with_talk(tmp_path, acc=1.0), "every-eval-ever", tmp_path / "out")
    (line,) = lines(exported, "numbers")
    assert invalid("instance_level_eval", line) == []
    assert line["interaction_type"] == "multi_turn"
    assert [message["content"] for message in line["messages"]] == ["Name a bird.", "A wren.", "Another?", "A heron."]
    assert line["answer_attribution"][0]["source"] == "messages[3].content"
    assert line["answer_attribution"][0]["extracted_value"] == "A heron."
    found = opened(export_results(with_talk(tmp_path / "b", acc=1.0), "inspect", tmp_path / "out"), "numbers")
    assert [message["content"] for message in found["samples/0_epoch_1.json"]["messages"]] == [
        *("Name a bird.", "A wren.", "Another?"),
        "A heron.",
    ]


def test_a_value_outside_0_to_1_is_not_called_right(tmp_path: Path) -> None:
    exported = export_results(with_talk(tmp_path, rating=7.0), "every-eval-ever", tmp_path / "out")
    assert [file.suffix for file in exported.files] == [".json"]
    assert exported.left_out == [
        "A line says whether a document is right, which values outside 0 to 1 do not: numbers rating,none."
    ]
