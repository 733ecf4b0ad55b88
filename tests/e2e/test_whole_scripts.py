"""Scripts in the form that public projects have them, run as they are."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.e2e.conftest import TASKS, environment

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
