from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lm_eval import plan
from lm_eval.config.options import Mark
from lm_eval.config.run import RunSettings
from lm_eval.errors import CapabilityError, ConfigError, UnknownNameError
from lm_eval.planning import plan_run
from tests.fakes import FakeLM, write_tasks

DEAD = {"model": "m", "base_url": "http://127.0.0.1:9/v1"}
MISSING = "process_docs: !function needs.nothing\ndoc_to_text: q\ndoc_to_target: '{{n}}'\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "needs.py").write_text("import a_package_that_is_missing\n")
    return write_tasks(tmp_path, missing=MISSING, both="group: both\ntask: [generate, missing]\n")


def plan_of(folder: Path, tasks: Any, model: Any = "local-completions", **more: Any) -> Any:
    arguments = {**DEAD, **more.pop("model_args", {})} if isinstance(model, str) else None
    return plan(model, arguments, tasks, include_path=folder, **more)


def test_each_task_has_its_numbers(folder: Path) -> None:
    tasks = plan_of(folder, ["generate", "choice"], limit=4, model_args={"max_gen_toks": 9}).tasks
    assert [(task.task, task.docs, task.requests) for task in tasks] == [("generate", 4, 4), ("choice", 4, 8)]


def test_the_cost_is_bounded_by_the_prices(folder: Path) -> None:
    (task,) = plan_of(
        folder, "generate", gen_kwargs="max_gen_toks=100", model_args={"price_in": 1, "price_out": 2}
    ).tasks
    assert task.generated_tokens == 1000
    assert task.cost == pytest.approx((task.prompt_tokens + 2000) / 1e6)


def test_without_prices_there_is_no_cost(folder: Path) -> None:
    assert plan_of(folder, "generate").total.cost is None


def test_shots_and_system_instruction_are_in_the_prompt(folder: Path) -> None:
    prompt = plan_of(folder, "generate", num_fewshot=2, system_instruction="Be brief.").example.prompt
    assert prompt.startswith("Be brief.")
    assert prompt.count("What is") == 3


def test_messages_go_out_with_a_chat_template(folder: Path) -> None:
    example = plan_of(folder, "generate", "local-chat-completions", apply_chat_template=True).example
    assert example.body["messages"] == [dict(message) for message in example.prompt]


def test_the_first_prompt_is_that_of_the_first_doc(folder: Path) -> None:
    example = plan_of(folder, "choice").example
    assert (example.doc, example.prompt, example.continuation) == (0, "What is 0 + 1?", " 0")


def test_samples_choose_docs(folder: Path) -> None:
    plan = plan_of(folder, "generate", samples={"generate": [3, 7]})
    assert (plan.total.docs, plan.example.doc) == (2, 3)


def test_tasks_that_an_endpoint_cannot_answer_are_set_aside(folder: Path) -> None:
    plan = plan_of(folder, ["choice", "generate"], "local-chat-completions")
    assert [task.task for task in plan.tasks] == ["generate"]
    assert "chat_first_token" in plan.refused["choice"]


def test_a_task_that_lacks_a_package_does_not_stop_the_others(folder: Path) -> None:
    plan = plan_of(folder, ["generate", "missing"])
    assert [task.task for task in plan.tasks] == ["generate"]
    assert "pip install a-package-that-is-missing" in plan.faults["missing"]


def test_a_task_with_a_faulty_file_does_not_stop_the_others(folder: Path) -> None:
    (folder / "faulty.yaml").write_text("task: faulty\nnum_fewshots: 3\n")
    plan = plan_of(folder, ["generate", "faulty"])
    assert [task.task for task in plan.tasks] == ["generate"]
    assert "num_fewshots" in plan.faults["faulty"]


def test_a_faulty_task_of_a_group_does_not_stop_the_others(folder: Path) -> None:
    plan = plan_of(folder, "both")
    assert [task.task for task in plan.tasks] == ["generate"]
    assert list(plan.faults) == ["missing"]


def test_a_dataset_that_cannot_be_loaded_is_a_fault(tmp_path: Path) -> None:
    lost = "task: lost\ndataset_path: json\ndataset_kwargs: {data_files: absent.json}\ntest_split: train\n"
    write_tasks(tmp_path)
    (tmp_path / "lost.yaml").write_text(lost + "doc_to_text: q\ndoc_to_target: q\n")
    plan = plan_of(tmp_path, ["lost", "generate"])
    assert list(plan.faults) == ["lost"]


def test_unsafe_code_is_a_fault_until_it_is_allowed(tmp_path: Path) -> None:
    write_tasks(tmp_path, unsafe="unsafe_code: true\ndoc_to_text: q\ndoc_to_target: '{{n}}'\n")
    assert "confirm_run_unsafe_code" in plan_of(tmp_path, ["unsafe", "generate"]).faults["unsafe"]
    assert plan_of(tmp_path, "unsafe", confirm_run_unsafe_code=True).faults == {}


@pytest.mark.parametrize(
    ("tasks", "more", "error", "said"),
    [
        ("generat", {}, UnknownNameError, "Did you mean 'generate'"),
        ([], {}, ConfigError, "No tasks given"),
        ("missing", {}, ImportError, "a-package-that-is-missing"),
        ("generate", {"limit": 1, "samples": {}}, ConfigError, "exclude each other"),
        ("generate", {"limt": 1}, TypeError, "limt"),
        ("generate", {"model_args": {"modle": "x"}}, ConfigError, "Did you mean 'model'"),
        ("generate", {"apply_chat_template": True}, ConfigError, "no chat template"),
    ],
)
def test_a_plan_without_tasks_is_an_error(
    folder: Path, tasks: Any, more: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        plan_of(folder, tasks, **more)


def test_if_nothing_can_be_answered_that_is_an_error(folder: Path) -> None:
    with pytest.raises(CapabilityError):
        plan_of(folder, "rolling", "local-chat-completions")


def test_arguments_of_the_evaluator_that_change_nothing_are_accepted(folder: Path) -> None:
    assert plan_of(folder, "generate", log_samples=True, bootstrap_iters=0, max_errors=3).total.requests == 10


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("check_integrity", True), ("fresh", True), ("max_errors", 3), ("log_samples", True), ("write_out", True)],
        *[("bootstrap_iters", 0), ("verbosity", "ERROR"), ("progress", True), ("max_batch_size", 3), ("device", "cpu")],
        *[("cache_requests", "refresh"), ("output_format", "parquet"), ("show_config", True)],
        *[("trust_remote_code", True), ("dry_run", True), ("save_config", "run.yaml"), ("wandb_args", {"a": 1})],
        *[("wandb_config_args", {"a": 1}), ("trackio_args", {"a": 1}), ("mlflow_args", {"a": 1})],
        ("hf_hub_log_args", {"a": 1}),
    ],
)
def test_settings_that_are_not_asked_do_not_change_a_plan(folder: Path, name: str, value: Any) -> None:
    assert Mark.ASKED not in RunSettings.options()[name].marks
    given: dict[str, Any] = {
        "model": "local-completions",
        "model_args": DEAD,
        "tasks": ["generate"],
        "include_path": [str(folder)],
    }
    plain, changed = RunSettings(**given), RunSettings(**{**given, name: value})
    assert plan_run(changed).to_dict() == plan_run(plain).to_dict()


def test_secrets_are_not_in_a_plan(folder: Path) -> None:
    secret = "sk-abcdef123456"
    arguments = {"auth_token": secret, "extra_body": {"api_key": secret}, "header": {"X-Key": secret}}
    plan = plan_of(folder, "generate", model_args=arguments)
    assert secret not in str(plan) + str(plan.to_dict())


def test_any_model_can_be_planned_for(folder: Path) -> None:
    lm = FakeLM(refused=["loglikelihood"])
    plan = plan_of(folder, ["generate", "choice", "rolling"], lm)
    assert [(task.task, task.requests) for task in plan.tasks] == [("generate", 10), ("rolling", 10)]
    assert lm.asked == []


def test_a_plan_writes_nothing(folder: Path, tmp_path: Path) -> None:
    plan_of(folder, "generate", output_path=tmp_path / "out", use_cache=str(tmp_path / "cache"))
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "cache").exists()
