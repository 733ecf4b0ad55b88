from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from lm_eval import plan
from lm_eval.cli.parser import Parser
from lm_eval.cli.run import add_arguments
from lm_eval.config.generation import LIMITS
from lm_eval.config.options import Mark
from lm_eval.config.run import RunSettings
from lm_eval.config.run_file import load_config_file
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
    ],
)
def test_a_plan_without_tasks_is_an_error(
    folder: Path, tasks: Any, more: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        plan_of(folder, tasks, **more)


def test_a_plan_of_completions_with_a_chat_template_sends_nothing(folder: Path) -> None:
    found = plan_of(folder, "generate", apply_chat_template=True)
    assert found.faults == {}


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


NEWLINES = [
    pytest.param(r'until="\n\n"', id="quoted escapes"),
    pytest.param('until="\n\n"', id="quoted line breaks"),
    pytest.param("until=\n\n", id="line breaks"),
    pytest.param(r'until=["\n\n"]', id="list"),
    pytest.param(r'{"until": "\n\n"}', id="JSON"),
    pytest.param(r'stop="\n\n"', id="stop"),
]


@pytest.mark.parametrize("kind", ["local-completions", "local-chat-completions"])
@pytest.mark.parametrize("given", NEWLINES)
def test_two_newlines_are_the_same_from_everywhere(folder: Path, kind: str, given: str) -> None:
    file = folder / "run.yaml"
    file.write_text(yaml.safe_dump({"gen_kwargs": given}))
    parser = Parser(prog="lm_eval run")
    add_arguments(parser)
    for gen_kwargs in (
        given,
        RunSettings.from_mapping(load_config_file(file)).gen_kwargs,
        RunSettings.from_mapping(vars(parser.read(["--gen_kwargs", given]))).gen_kwargs,
    ):
        assert plan_of(folder, "generate", kind, gen_kwargs=gen_kwargs).example.body["stop"] == ["\n\n"]


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("local-completions", "max_tokens"),
        ("local-chat-completions", "max_tokens"),
        ("openai-completions", "max_tokens"),
        ("openai-chat-completions", "max_completion_tokens"),
    ],
)
@pytest.mark.parametrize("of_task", [*LIMITS, None])
@pytest.mark.parametrize("of_user", [*LIMITS, None])
def test_one_limit_goes_out_under_the_name_of_the_endpoint(
    tmp_path: Path, kind: str, field: str, of_task: str | None, of_user: str | None
) -> None:
    own = f"generation_kwargs: {{{of_task}: 5}}\n" if of_task else ""
    write_tasks(tmp_path, limited=f"doc_to_text: '{{{{q}}}}'\ndoc_to_target: '{{{{n}}}}'\n{own}")
    given = f"{of_user}=4096" if of_user else None
    found = plan_of(tmp_path, "limited", kind, gen_kwargs=given, limit=1, model_args={"auth_token": "k"})
    sent = {name: value for name, value in found.example.body.items() if name in LIMITS}
    expected = 4096 if of_user else 5 if of_task else 256
    assert sent == {field: expected}
    assert found.total.generated_tokens == expected


@pytest.mark.parametrize("kind", ["local-completions", "local-chat-completions"])
def test_none_leaves_a_field_out(folder: Path, kind: str) -> None:
    given = "temperature=none,max_gen_toks=none,until=none,seed=none,top_p=none"
    body = plan_of(folder, "generate", kind, gen_kwargs=given).example.body
    assert set(body) <= {"model", "prompt", "messages"}


def test_a_limit_in_extra_body_is_the_only_one(folder: Path) -> None:
    more = {"extra_body": {"max_completion_tokens": 7}}
    body = plan_of(folder, "generate", "local-chat-completions", model_args=more).example.body
    assert {name: body[name] for name in LIMITS if name in body} == {"max_completion_tokens": 7}


def test_brackets_become_objects(folder: Path) -> None:
    for given in ('chat_template_kwargs={"enable_thinking": false}', "chat_template_kwargs={'enable_thinking': False}"):
        body = plan_of(folder, "generate", "local-chat-completions", gen_kwargs=given).example.body
        assert body["chat_template_kwargs"] == {"enable_thinking": False}


@pytest.mark.parametrize("name", ["model", "prompt", "messages"])
def test_what_a_task_writes_cannot_be_replaced(folder: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=f"^gen_kwargs: '{name}' cannot be set here"):
        plan_of(folder, "generate", gen_kwargs={name: "x"})
