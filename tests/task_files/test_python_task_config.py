"""What the constructor of a Python task gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager
from tests.fakes import FakeLM

_POPS = """
from lm_eval.api.task import ConfigurableTask, Task

class Pops(ConfigurableTask):
    def __init__(self, config=None):
        config.pop("class")
        super().__init__(config=config)

class Keeps(ConfigurableTask):
    pass

class Plain(Task):
    def __init__(self, config):
        self.named = config["class"].__name__
        super().__init__(config=config)
        self.docs = [{"q": "one"}, {"q": "two"}]

    def download(self, *args, **kwargs): pass
    def has_training_docs(self): return False
    def has_validation_docs(self): return False
    def has_test_docs(self): return True
    def test_docs(self): return self.docs
    def doc_to_text(self, doc): return doc["q"]
    def doc_to_target(self, doc): return ""
    def construct_requests(self, doc, ctx, **kwargs):
        from lm_eval.api.instance import Instance
        return Instance("generate_until", doc, (ctx, {"until": []}), 0, metadata=kwargs["metadata"])
    def process_results(self, doc, results): raise AssertionError("scored")
    def aggregation(self): return {"own": sum}
    def higher_is_better(self): return {"own": True}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "code.py").write_text(_POPS)
    rows = "custom_dataset: !function rows.rows\ntest_split: test\ndoc_to_text: '{{q}}'\ndoc_to_target: ''\n"
    (tmp_path / "rows.py").write_text("def rows(**_): return {'test': [{'q': 'one'}]}")
    for name in ("pops", "keeps"):
        (tmp_path / f"{name}.yaml").write_text(f"task: {name}\nclass: !function code.{name.title()}\n{rows}")
    (tmp_path / "plain.yaml").write_text("task: plain\nclass: !function code.Plain\n")
    return tmp_path


@pytest.mark.parametrize("name", ["pops", "keeps"])
def test_class_is_in_the_config_that_a_constructor_gets(folder: Path, name: str) -> None:
    task = TaskManager(include_path=str(folder)).load([name])["tasks"][name]
    assert task.config.task == name
    assert "class" not in task.dump_config()


def test_predict_only_scores_nothing_of_a_task_without_a_config(folder: Path) -> None:
    task = TaskManager(include_path=str(folder)).load(["plain"])["tasks"]["plain"]
    assert getattr(task, "named", "") == "Plain"
    results: dict[str, Any] = simple_evaluate(FakeLM(), tasks=["plain"], include_path=str(folder), predict_only=True)
    assert results["results"]["plain"]["bypass,none"] == 999
    assert [sample["resps"] for sample in results["samples"]["plain"]] == [[[""]], [[""]]]
