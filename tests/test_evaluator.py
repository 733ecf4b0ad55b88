from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from lm_eval.errors import CapabilityError, ConfigError, UnknownNameError
from lm_eval.evaluator import simple_evaluate
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
    assert result["refused"] == {"choice": "no loglikelihood here"}


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
    with pytest.raises(ConfigError, match="confirm_run_unsafe_code"):
        run(folder, FakeLM(), ["code"])


def test_code_of_the_model_runs_after_a_confirmation(tmp_path: Path) -> None:
    folder = write_tasks(tmp_path, code="doc_to_text: '{{q}}'\ndoc_to_target: '{{n}}'\nunsafe_code: true\n")
    result = run(folder, FakeLM(solve), ["code"], confirm_run_unsafe_code=True, limit=1)
    assert result["results"]["code"]["exact_match,none"] == 1.0


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
