from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from lm_eval.errors import CapabilityError, ConfigError, MissingPackageError, SeveralErrors, UnknownNameError
from lm_eval.evaluator import simple_evaluate
from lm_eval.sandbox.code_execution import run_program
from tests.fakes import FakeLM, write_tasks


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tasks(tmp_path)


def run(folder: Path, lm: FakeLM, tasks: list[Any], **options: Any) -> dict[str, Any]:
    return simple_evaluate(lm, tasks=tasks, include_path=folder, bootstrap_iters=0, **options)


def solve(prompt: str) -> str:
    found = re.findall(r"(\d+) \+ 1\?", prompt)
    return str(int(found[-1]) + 1)


def test_a_right_answer_scores_one(folder: Path) -> None:
    assert run(folder, FakeLM(solve), ["generate"])["results"]["generate"]["exact_match,none"] == 1.0


def test_a_wrong_answer_scores_zero(folder: Path) -> None:
    assert run(folder, FakeLM(lambda _: "no"), ["generate"])["results"]["generate"]["exact_match,none"] == 0.0


def test_multiple_choice_takes_the_most_likely_choice(folder: Path) -> None:
    assert run(folder, FakeLM(), ["choice"])["results"]["choice"]["acc,none"] == 0.0


def test_all_tasks_are_asked_in_one_call(folder: Path) -> None:
    lm = FakeLM(solve)
    run(folder, lm, ["choice", "generate", "rolling"], limit=2)
    assert [(i.task_name, i.request_type) for i in lm.asked] == (
        [("choice", "loglikelihood")] * 4
        + [("generate", "generate_until")] * 2
        + [("rolling", "loglikelihood_rolling")] * 2
    )


def test_the_model_learns_the_request_types_first(folder: Path) -> None:
    lm = FakeLM(solve)
    run(folder, lm, ["choice", "generate"], limit=1)
    assert lm.context is not None
    assert lm.context.request_types == {"loglikelihood", "generate_until"}


def test_a_lost_doc_has_no_score_and_is_counted(folder: Path) -> None:
    lm = FakeLM(solve, lose=lambda instance: instance.doc_id in (3, 4))
    result = run(folder, lm, ["generate"])
    assert result["results"]["generate"]["exact_match,none"] == 1.0
    assert result["results"]["generate"]["n_errors"] == 2
    assert result["n-samples"]["generate"] == {"original": 10, "effective": 8}
    assert result["errors"]["exceeded"]


def test_lost_docs_within_max_errors_are_accepted(folder: Path) -> None:
    lm = FakeLM(solve, lose=lambda instance: instance.doc_id == 3)
    assert not run(folder, lm, ["generate"], max_errors=0.1)["errors"]["exceeded"]


def test_the_sample_of_a_lost_doc_has_the_reason(folder: Path) -> None:
    lm = FakeLM(solve, lose=lambda instance: instance.doc_id == 3)
    sample = run(folder, lm, ["generate"])["samples"]["generate"][3]
    assert sample["error"]["kind"] == "timeout"
    assert "exact_match" not in sample


def test_a_task_with_no_answered_doc_has_no_number(folder: Path) -> None:
    scores = run(folder, FakeLM(lose=lambda _: True), ["generate"])["results"]["generate"]
    assert not isinstance(scores.get("exact_match,none"), float)


def test_a_refused_task_is_left_out_with_the_reason(folder: Path) -> None:
    result = run(folder, FakeLM(solve, refused=["loglikelihood"]), ["choice", "generate"])
    assert set(result["results"]) == {"generate"}
    advice = "In a format, the model writes its answers (docs/formats.md): --tasks choice@generate,generate"
    assert result["refused"] == {"choice": f"no loglikelihood here. {advice}"}


def test_a_group_with_a_refused_task_has_no_score(tmp_path: Path) -> None:
    body = "group: pair\ntask: [choice, generate]\naggregate_metric_list: [{metric: acc}, {metric: exact_match}]\n"
    folder = write_tasks(tmp_path, pair=body)
    result = run(folder, FakeLM(solve, refused=["loglikelihood"]), ["pair"])
    assert "pair" not in result["results"]


def test_nothing_left_to_ask_is_an_error(folder: Path) -> None:
    with pytest.raises(CapabilityError, match="no loglikelihood here"):
        run(folder, FakeLM(refused=["loglikelihood"]), ["choice"])


def test_limit_takes_the_first_docs(folder: Path) -> None:
    samples = run(folder, FakeLM(solve), ["generate"], limit=3)["samples"]["generate"]
    assert [sample["doc_id"] for sample in samples] == [0, 1, 2]


def test_a_fraction_is_rounded_up(folder: Path) -> None:
    assert len(run(folder, FakeLM(solve), ["generate"], limit=0.25)["samples"]["generate"]) == 3


def test_samples_names_docs_by_their_index_in_the_split(folder: Path) -> None:
    samples = run(folder, FakeLM(solve), ["generate"], samples={"generate": [7, 2]})["samples"]["generate"]
    assert {sample["doc_id"]: sample["doc"]["n"] for sample in samples} == {7: 8, 2: 3}


def test_limit_and_samples_exclude_each_other(folder: Path) -> None:
    with pytest.raises(ConfigError, match="exclude"):
        run(folder, FakeLM(), ["generate"], limit=1, samples={"generate": [1]})


def test_no_tasks_is_an_error(folder: Path) -> None:
    with pytest.raises(ConfigError, match="No tasks"):
        run(folder, FakeLM(), [])


def test_an_unknown_task_names_the_nearest(folder: Path) -> None:
    with pytest.raises(UnknownNameError, match="generate"):
        run(folder, FakeLM(), ["generat"])


def test_gen_kwargs_override_those_of_the_task(folder: Path) -> None:
    lm = FakeLM(solve)
    run(folder, lm, ["generate"], limit=1, gen_kwargs="temperature=0.5,max_gen_toks=9")
    assert lm.asked[0].args[1] == {"temperature": 0.5, "do_sample": False, "max_gen_toks": 9, "until": ["\n\n"]}


def test_shots_of_the_run_replace_the_tasks(folder: Path) -> None:
    lm = FakeLM(solve)
    result = run(folder, lm, ["generate"], limit=1, num_fewshot=2)
    assert lm.asked[0].args[0].count("?") == 3
    assert result["n-shot"]["generate"] == 2


def test_a_task_with_num_fewshot_0_keeps_it(tmp_path: Path) -> None:
    folder = write_tasks(tmp_path, zero="doc_to_text: '{{q}}'\ndoc_to_target: '{{n}}'\nnum_fewshot: 0\n")
    assert run(folder, FakeLM(solve), ["zero"], num_fewshot=2, limit=1)["n-shot"]["zero"] == 0


def test_the_chat_template_is_applied_with_shots_as_turns(folder: Path) -> None:
    lm = FakeLM(solve)
    result = run(folder, lm, ["generate"], limit=1, num_fewshot=1, apply_chat_template=True, system_instruction="Hi")
    assert re.match(r"<system>Hi<user>.*\?<assistant>\d+<user>.*\?$", lm.asked[0].args[0])
    assert result["fewshot_as_multiturn"] is True
    assert result["chat_template"] == "fake template"


def test_predict_only_scores_nothing(folder: Path) -> None:
    scores = run(folder, FakeLM(solve), ["generate"], predict_only=True)["results"]["generate"]
    assert scores["bypass,none"] == 999


def test_code_of_the_model_needs_a_confirmation(tmp_path: Path) -> None:
    folder = write_tasks(tmp_path, code="doc_to_text: '{{q}}'\ndoc_to_target: '{{n}}'\nunsafe_code: true\n")
    with pytest.raises(ConfigError, match=r"--confirm_run_unsafe_code .in Python: confirm_run_unsafe_code=True"):
        run(folder, FakeLM(), ["code"])


def test_code_of_the_model_runs_after_a_confirmation(tmp_path: Path) -> None:
    folder = write_tasks(tmp_path, code="doc_to_text: '{{q}}'\ndoc_to_target: '{{n}}'\nunsafe_code: true\n")
    result = run(folder, FakeLM(solve), ["code"], confirm_run_unsafe_code=True, limit=1)
    assert result["results"]["code"]["exact_match,none"] == 1.0


def test_unsafe_code_needs_a_sandbox_that_works_before_the_model_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_tasks(tmp_path, code="doc_to_text: '{{q}}'\ndoc_to_target: '{{n}}'\nunsafe_code: true\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    lm = FakeLM(solve)
    with pytest.raises(ConfigError, match="there is no program 'podman'"):
        run(folder, lm, ["code"], confirm_run_unsafe_code=True, sandbox="podman")
    with pytest.raises(ConfigError, match="sandbox takes strict, available, docker, podman"):
        run(folder, lm, ["code"], confirm_run_unsafe_code=True, sandbox="lxc")
    assert lm.asked == []
    assert run_program("").passed, "a refused run leaves no sandbox behind"


def test_every_seed_is_in_the_results(folder: Path) -> None:
    config = run(folder, FakeLM(solve), ["generate"], limit=1, fewshot_random_seed=7)["config"]
    assert {key: config[key] for key in config if key.endswith("seed")} == {
        "random_seed": 0,
        "numpy_seed": 1234,
        "torch_seed": 1234,
        "fewshot_seed": 7,
    }


def test_answers_are_cached_for_a_model_without_a_journal(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "answers.sqlite"
    first, second = FakeLM(solve), FakeLM(lambda _: "changed")
    run(folder, first, ["generate"], use_cache=str(cache))
    result = run(folder, second, ["generate"], use_cache=str(cache))
    assert second.asked == []
    assert result["results"]["generate"]["exact_match,none"] == 1.0


def test_samples_of_a_task_that_is_not_in_the_run_are_refused_before_asking(folder: Path) -> None:
    lm = FakeLM(solve)
    with pytest.raises(ConfigError, match=r"samples: 'generat' is no task of this run\. Did you mean 'generate'"):
        run(folder, lm, ["generate"], samples={"generat": [1]})
    with pytest.raises(ConfigError, match="samples names no task"):
        run(folder, lm, ["generate"], samples={})
    assert lm.asked == []


def test_tasks_without_samples_are_told_before_asking(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    lm = FakeLM(solve)
    with caplog.at_level("WARNING", "lm_eval"):
        run(folder, lm, ["generate", "choice"], samples={"choice": [1]})
    assert "samples does not name generate: all their documents are asked." in caplog.messages
    assert len([instance for instance in lm.asked if instance.task_name == "generate"]) == 10


LOST_DATA = "dataset_path: no/such/data\ndoc_to_text: q\ndoc_to_target: a\ntest_split: test\n"
LOST = {name: "task: " + name + "\n" + LOST_DATA.replace("such", name) + "# group:\n" for name in ("lost_a", "lost_b")}


def test_all_datasets_that_are_missing_are_named_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    folder, lm = write_broken(tmp_path), FakeLM(solve)
    with pytest.raises(SeveralErrors) as caught:
        run(folder, lm, ["lost_a", "generate", "lost_b"])
    assert ["no/lost_a/data" in line for line in caught.value.problems] == [True, False]
    assert ["no/lost_b/data" in line for line in caught.value.problems] == [False, True]
    assert lm.asked == []


def test_a_hub_that_cannot_be_reached_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    offline: list[bool] = []

    def unreachable(path: str, *given: Any, **named: Any) -> None:
        offline.append(datasets.config.HF_HUB_OFFLINE)
        raise ConnectionError(f"Couldn't reach {path}")

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(SeveralErrors):
        run(write_broken(tmp_path), FakeLM(), ["lost_a", "lost_b"])
    assert offline == [False, True]
    assert datasets.config.HF_HUB_OFFLINE is False


def test_all_unknown_names_are_told_at_once(folder: Path) -> None:
    with pytest.raises(SeveralErrors) as caught:
        run(folder, FakeLM(), ["generat", "choice", "rollin"])
    assert [line.partition(".")[0] for line in caught.value.problems] == [
        "Unknown task 'generat'",
        "Unknown task 'rollin'",
    ]


def test_the_other_tasks_run_on_demand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    folder, lm = write_broken(tmp_path), FakeLM(solve)
    result = run(folder, lm, ["lost_a", "both", "nonsense", "whole"], keep_going=True)
    assert set(result["results"]) == {"generate", "whole", "choice"}
    assert set(result["refused"]) == {"lost_a", "nonsense", "missing"}
    assert {instance.task_name for instance in lm.asked} == {"generate", "choice"}
    assert set(result["groups"]) == {"whole"}


def test_a_run_without_any_task_left_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SeveralErrors):
        run(write_broken(tmp_path), FakeLM(), ["nonsense", "rubbish"], keep_going=True)
    with pytest.raises(MissingPackageError):
        run(tmp_path, FakeLM(), ["missing"], keep_going=True)


def test_the_first_prompt_is_shown_with_its_target(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "lm_eval"):
        run(folder, FakeLM(solve), ["generate", "choice", "rolling"], write_out=True, limit=1)
    said = [line for line in caplog.messages if line.startswith("First prompt")]
    assert said[0].startswith("First prompt of generate:\nWhat is 0 + 1?\nGeneration settings: {")
    assert said[0].endswith("\nTarget: '1'")
    assert said[1] == "First prompt of choice:\nWhat is 0 + 1?\nScored after it: ' 0'\nTarget: 1"
    assert said[2].endswith("\nTarget: 'What is 0 + 1?'")


def write_broken(folder: Path) -> Path:
    (folder / "needs.py").write_text("import a_package_that_is_missing\n")
    means = "aggregate_metric_list: [{metric: acc}]\n"
    return write_tasks(
        folder,
        missing="process_docs: !function needs.nothing\ndoc_to_text: q\ndoc_to_target: '{{n}}'\n",
        both="group: both\ntask: [generate, missing]\n",
        whole=f"group: whole\ntask: [choice]\n{means}",
        **LOST,
    )


@pytest.mark.parametrize(
    ("choices", "texts"),
    [
        ("[no, yes]", ["no", "yes"]),
        ("{a: off, b: On}", ["off", "On"]),
        ("[1, 2.50]", ["1", "2.50"]),
        ("[2024-01-01, ~x]", ["2024-01-01", "~x"]),
        ("&c [y, n]", ["y", "n"]),
    ],
)
def test_choices_are_texts_as_they_are_written(tmp_path: Path, choices: str, texts: list[str]) -> None:
    body = f"output_type: multiple_choice\ndoc_to_text: '{{{{q}}}}'\ndoc_to_choice: {choices}\ndoc_to_target: 1\n"
    lm = FakeLM()
    run(write_tasks(tmp_path, words=body), lm, ["words"], limit=1)
    assert [instance.args[1] for instance in lm.asked] == [f" {text}" for text in texts]


def test_a_choice_that_is_no_text_is_refused_before_asking(tmp_path: Path) -> None:
    body = "output_type: multiple_choice\ndoc_to_text: '{{q}}'\ndoc_to_choice: [a, null]\ndoc_to_target: 0\n"
    lm = FakeLM()
    with pytest.raises(ConfigError, match="doc_to_choice: a choice is a text"):
        run(write_tasks(tmp_path, words=body), lm, ["words"])
    assert lm.asked == []


def test_the_config_has_what_scripts_print(folder: Path) -> None:
    config = run(folder, FakeLM(), ["generate"], device="cuda:0", batch_size=1)["config"]
    assert (config["batch_sizes"], config["device"], config["batch_size"]) == ([], "cuda:0", 1)
