from __future__ import annotations

import subprocess
import sys

import pytest

import lm_eval
from lm_eval.compatibility.submodules import submodule


@pytest.mark.parametrize(
    "expression",
    [
        "lm_eval.tasks.TaskManager",
        "lm_eval.tasks.get_task_dict",
        "lm_eval.api.registry.register_model",
        "lm_eval.api.model.LM",
        "lm_eval.models.openai_completions",
        "lm_eval.loggers.evaluation_tracker",
        "lm_eval.filters.extraction.RegexFilter",
        "lm_eval.config.task.TaskConfig",
        "lm_eval.utils.make_table",
        "lm_eval.evaluator.simple_evaluate",
        "lm_eval.config.EvaluatorConfig",
        "lm_eval.models.MODEL_MAPPING['local-completions']",
    ],
)
def test_a_submodule_needs_no_import_of_its_own(expression: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", f"import lm_eval; {expression}"], capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_modules_come_from_the_package_too() -> None:
    script = "from lm_eval import api, evaluator, models, tasks, utils; print(tasks.TaskManager.__name__)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (ran.stdout, ran.stderr) == ("TaskManager\n", "")


@pytest.mark.parametrize("name", ["no_such_module", "__path_of_nothing__", "a b"])
def test_another_name_is_an_attribute_error(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        submodule("lm_eval.api", name)
    assert not hasattr(lm_eval, name)
