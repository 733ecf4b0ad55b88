"""Scripts in the form that public projects have them, run as they are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import TASKS, Command, environment
from tests.models.scripted import ScriptedServer, completion

OWN_MODEL = """
import re

from lm_eval.__main__ import cli_evaluate
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM
from lm_eval.api.registry import register_model


@register_model("adder")
class Adder(LM):
    def __init__(self, offset=0, batch_size=None, max_batch_size=None, device=None, **kwargs):
        super().__init__()
        self.offset = int(offset)

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        return [str(sum(map(int, re.findall("[0-9]+", request.args[0])[-2:])) + self.offset) for request in requests]

    def loglikelihood(self, requests, disable_tqdm: bool = False):
        raise NotImplementedError

    def loglikelihood_rolling(self, requests, disable_tqdm: bool = False):
        raise NotImplementedError


if __name__ == "__main__":
    cli_evaluate()
    print("after the run")
"""

CALLBACK = """
import random
import sys

import lm_eval
from lm_eval import evaluator, utils
from lm_eval.api.model import LM


class Student(LM):
    def __init__(self, step):
        super().__init__()
        self.step = step

    def loglikelihood(self, requests):
        return [(-float(len(request.args[1])) * self.step, False) for request in requests]

    def loglikelihood_rolling(self, requests):
        raise NotImplementedError

    def generate_until(self, requests):
        return [str(self.step) for _ in requests]


class EvalCallback:
    def __init__(self, names, folder):
        self.task_manager = lm_eval.tasks.TaskManager(include_path=folder, include_defaults=False)
        self.task_dict = lm_eval.tasks.get_task_dict(names, self.task_manager)
        self.names = names

    def on_evaluate(self, step):
        model = Student(step)
        results = lm_eval.simple_evaluate(
            model=model, tasks=self.names, task_manager=self.task_manager, num_fewshot=0, limit=5, bootstrap_iters=0
        )
        again = evaluator.evaluate(lm=model, task_dict=self.task_dict, limit=5, bootstrap_iters=0)
        assert utils.make_table(results).count("\\n") >= 3
        assert set(again["results"]) == set(self.names)
        return {
            f"eval/{task}/{key.removesuffix(',none')}": value
            for task, scores in results["results"].items()
            for key, value in scores.items()
            if isinstance(value, float) and "stderr" not in key
        }


callback = EvalCallback(["demo_choices", "demo_numbers"], sys.argv[1])
for step in (1, 2):
    print(callback.on_evaluate(step))
"""


MATH_FOLDER = {
    "mine/_shared.yaml": """
custom_dataset: !function utils.load
output_type: generate_until
test_split: test
process_docs: !function utils.process_docs
process_results: !function utils.process_results
doc_to_text: !function utils.doc_to_text
doc_to_target: "{{answer if few_shot is undefined else solution}}"
num_fewshot: 2
fewshot_config:
  sampler: first_n
  samples: !function utils.list_fewshot_samples
generation_kwargs: {until: ["Problem:"], max_gen_toks: 32}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
  - {metric: boxed, aggregation: mean, higher_is_better: true}
metadata: {version: 1.0}
""",
    "mine/my_math.yaml": "include: _shared.yaml\ntask: my_math\n",
    "mine/my_math_again.yaml": "include: _shared.yaml\ntask: my_math_again\nnum_fewshot: 0\n",
    "mine/utils.py": """
import datasets

from lm_eval.tasks.hendrycks_math.utils import is_equiv as hendrycks_is_equiv
from lm_eval.tasks.hendrycks_math.utils import last_boxed_only_string, remove_boxed
from lm_eval.tasks.minerva_math.utils import (
    doc_to_text,
    get_unnormalized_answer,
    is_equiv,
    list_fewshot_samples,
    normalize_final_answer,
)


def load(**kwargs):
    problems = [("1/2 of 1?", "It is $\\\\boxed{\\\\frac{1}{2}}$."), ("2+2?", "Clearly \\\\boxed{4}")]
    rows = [{"problem": problem, "solution": solution} for problem, solution in problems]
    return {"test": datasets.Dataset.from_list(rows)}


def process_docs(dataset):
    def process(doc):
        return {**doc, "answer": normalize_final_answer(remove_boxed(last_boxed_only_string(doc["solution"])))}

    return dataset.map(process)


def process_results(doc, results):
    found = normalize_final_answer(get_unnormalized_answer(results[0]))
    boxed = last_boxed_only_string(results[0])
    return {
        "exact_match": int(is_equiv(found, doc["answer"])),
        "boxed": int(boxed is not None and hendrycks_is_equiv(remove_boxed(boxed), doc["answer"])),
    }
""",
}

HALF = " So $\\boxed{0.5}$.\nFinal Answer: The final answer is $\\frac12$. I hope it is correct."


def _run(folder: Path, script: str, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "script.py").write_text(script)
    return subprocess.run(
        [sys.executable, "script.py", *words],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        env=environment(),
    )


def test_a_script_registers_a_model_and_runs_the_command_line(tmp_path: Path) -> None:
    run = ["--model", "adder", "--tasks", "demo_numbers", "--include_path", TASKS, "--limit", "5", "--seed", "1,2,3"]
    ran = _run(tmp_path, OWN_MODEL, *run, "--model_args", "offset=0", "--output_path", "out", "--log_samples")
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, "after the run"), ran.stderr
    results = json.loads(next((tmp_path / "out").rglob("results_*.json")).read_text())
    assert results["results"]["demo_numbers"]["exact_match,number"] == 1.0
    assert results["config"]["fewshot_seed"] == 1234
    assert len(list((tmp_path / "out").rglob("samples_demo_numbers_*.jsonl"))) == 1


OWN_OPTION = OWN_MODEL.replace(
    "    cli_evaluate()\n",
    """    from lm_eval.__main__ import parse_eval_args, setup_parser

    parser = setup_parser()
    parser.add_argument("--shift", type=int, default=0)
    args = parse_eval_args(parser)
    args.model_args = {**(args.model_args or {}), "offset": args.shift}
    cli_evaluate(args)
""",
)


def test_a_script_adds_an_option_to_the_command_line(tmp_path: Path) -> None:
    run = ["--model", "adder", "--tasks", "demo_numbers", "--include_path", TASKS, "--limit", "5"]
    ran = _run(tmp_path, OWN_OPTION, *run, "--shift", "1", "--output_path", "out")
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (0, "after the run"), ran.stderr
    results = json.loads(next((tmp_path / "out").rglob("results_*.json")).read_text())
    assert results["results"]["demo_numbers"]["exact_match,number"] == 0.0
    assert _run(tmp_path, OWN_OPTION).returncode == 1


def test_a_mistake_ends_such_a_script_with_one_line(tmp_path: Path) -> None:
    ran = _run(tmp_path, OWN_MODEL, "--model", "addre", "--tasks", "demo_numbers", "--include_path", TASKS)
    assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (2, "", 1)
    assert "'adder'" in ran.stderr


def test_a_training_callback_evaluates_a_model_object(tmp_path: Path) -> None:
    ran = _run(tmp_path, CALLBACK, TASKS)
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert len(lines) == 2
    assert all("'eval/demo_choices/acc'" in line for line in lines)
    assert "'eval/demo_numbers/exact_match,number': 0.0" in lines[0]
    assert "'eval/demo_numbers/exact_match,number': 0.2" in lines[1]


@pytest.mark.parametrize("tasks", ["mine", "mine/my_*.yaml"])
def test_a_task_folder_uses_the_helpers_of_shipped_tasks(tmp_path: Path, command: Command, tasks: str) -> None:
    for name, text in MATH_FOLDER.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with ScriptedServer(lambda request, body: completion(HALF)) as server:
        model = ["--model", "local-completions", "--model_args", f"model=m,base_url={server.url}"]
        ran = command("run", *model, "--tasks", tasks, "--output_path", "out", "--log_samples")
    assert ran.code == 0, ran.err
    results = json.loads(next((tmp_path / "out").rglob("results_*.json")).read_text())["results"]
    assert {task: (scores["exact_match,none"], scores["boxed,none"]) for task, scores in results.items()} == {
        "my_math": (0.5, 0.5),
        "my_math_again": (0.5, 0.5),
    }
    lines = next((tmp_path / "out").rglob("samples_my_math_2*.jsonl")).read_text().splitlines()
    prompt = json.loads(lines[0])["arguments"]["gen_args_0"]["arg_0"]
    assert prompt.startswith("Problem:\nFind the domain of the expression") and prompt.count("Problem:") == 3
