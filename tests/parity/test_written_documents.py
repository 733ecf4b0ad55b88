"""Each task has the same requests and scores as in the reference harness, on the same documents."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from lm_eval.tasks import TaskManager
from tests.parity.documents import write_hub
from tests.parity.record import CASES, record, tasks_of

PARTS = sorted(folder.name for folder in CASES.iterdir())
EXPECTED: dict[str, dict[str, Any]] = {
    part: json.loads((CASES / part / "expected.json").read_text(encoding="utf-8")) for part in PARTS
}
NEEDS = {
    "leaderboard_math_algebra_hard": ("antlr4", "math_verify", "sympy"),
    "truthfulqa_gen": ("rouge_score", "sacrebleu"),
    "ifeval": ("langdetect", "nltk"),
    "minerva_math_algebra": ("antlr4", "math_verify", "sympy"),
    "minerva_math500": ("antlr4", "math_verify", "sympy"),
}


@pytest.fixture(scope="module")
def managers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, TaskManager]]:
    import datasets

    with pytest.MonkeyPatch.context() as patch:
        # Use a separate cache: datasets distinguishes local folders only by their last name.
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
        yield {
            part: TaskManager(data_dir=write_hub(tmp_path_factory.mktemp("hub"), CASES / part / "documents.json"))
            for part in PARTS
        }


@pytest.mark.parametrize(("part", "task"), [(part, task) for part in PARTS for task in tasks_of(part)])
def test_task_asks_and_scores_as_the_reference(part: str, task: str, managers: dict[str, TaskManager]) -> None:
    for package in NEEDS.get(task, ()):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{task} needs {package}")
    named = re.compile(rf"{re.escape(task)}, \S+ shots")
    expected = {case: found for case, found in EXPECTED[part].items() if named.fullmatch(case)}
    assert expected
    found = record([task], managers[part])
    for case, wanted in expected.items():
        assert found[case]["asked"] == wanted["asked"], case
        assert found[case]["scores"] == pytest.approx(wanted["scores"], rel=1e-6, nan_ok=True), case
        assert (found[case]["version"], found[case]["shots"]) == (wanted["version"], wanted["shots"]), case
