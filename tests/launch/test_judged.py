"""Shards of judged tasks: joined, they give the files of a run in one piece, with the statistics of all verdicts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import lm_eval
from lm_eval import evaluator
from lm_eval.config.run import RunSettings
from lm_eval.config.shard import Shard
from lm_eval.demo import judged_answers
from lm_eval.errors import ConfigError
from lm_eval.launch.manifest import Manifest, run_key
from lm_eval.launch.merge import merge
from lm_eval.launch.shards import is_done, run_shard
from lm_eval.loggers.evaluation_tracker import EvaluationTracker
from lm_eval.mock_server.judge import JudgeSettings, judged
from tests.fakes import FakeLM, write_tasks
from tests.launch.conftest import saved

_PAIRS = """
doc_to_text: '{{q}}'
doc_to_target: '{{n}}'
scorer:
  type: ai_judge
  prompt: "Right answer: {{target}}\\n{{answer_a}}\\n{{answer_b}}\\nWINNER: A, B or tie"
  verdict: {pairwise: "{{n if n % 2 else 'nothing at all'}}"}
  metrics:
    - win_rate
    - {metric: flips, value: flip}
    - {metric: lc, value: lengths, aggregation: length_controlled}
"""
_RUBRIC = """
doc_to_text: '{{q}}'
doc_to_target: '{{n}}'
scorer:
  type: ai_judge
  prompt: "{{answer}}\\nCriterion: {{criterion}}\\nMET: yes or MET: no"
  verdict: {rubric: [{criterion: mentions number, points: 3}, {criterion: says please, points: -1}]}
"""
_SCALE = """
doc_to_text: '{{q}}'
doc_to_target: '{{n}}'
metric_list: [{metric: exact_match}]
scorer:
  type: ai_judge
  prompt: "Right answer: {{target}}\\n{{answer}}\\nSCORE: a number from 1 to 5"
  verdict: {scale: [1, 5]}
  only_if: exact_match < 1
  repeats: 2
"""


_JUDGED_MINI = Path(lm_eval.__file__).parent / "tasks" / "judged_mini"


def answer(prompt: str) -> str:
    """Answer questions of both kinds, some of them wrong."""
    known = judged_answers().get(prompt.strip())
    if known is not None:
        return known
    number = int("".join(char for char in prompt.split("+")[0] if char.isdigit()))
    return ("", str(number + 1), f"the number is {number + 1}", "please ask somebody else")[number % 4]


def juror(seed: int, lost: str = "never", **how: float) -> FakeLM:
    """Return a judge that follows the rule of the mock server, with errors that depend on the request alone."""
    rule = JudgeSettings(**how)

    def judge(prompt: str) -> str:
        return judged(rule, seed, {"prompt": prompt}, [("user", prompt)]) or "What?"

    return FakeLM(judge, lose=lambda instance: lost in instance.args[0])


class Judged:
    """Judged runs with the same settings, in one piece or in parts."""

    def __init__(self, folder: Path) -> None:
        (folder / "tasks").mkdir()
        self.folder = folder
        self._tasks = write_tasks(folder / "tasks", pairs=_PAIRS, rubric=_RUBRIC, scale=_SCALE)

    def settings(self, output: str, **changes: Any) -> RunSettings:
        given = {
            "model": "fake",
            "tasks": ["judged_mini", "pairs", "rubric", "scale"],
            "include_path": [str(self._tasks), str(_JUDGED_MINI)],
            "log_samples": True,
            "output_path": str(self.folder / output),
            "bootstrap_iters": 20,
            "judge_model_args": [{"model": "careful"}],
        }
        return RunSettings.from_record({**given, **changes})

    def judges(self, lost: str = "never") -> list[FakeLM]:
        return [juror(1, lost, accuracy=0.9), juror(2, lost, accuracy=0.7, unreadable=0.3, first=0.2)]

    def whole(self, output: str, lost: str = "never", **changes: Any) -> dict[str, str]:
        settings = self.settings(output, **changes)
        tracker = EvaluationTracker(settings.output_path)
        tracker.save(evaluator.run(settings, FakeLM(answer), tracker, judge=self.judges(lost)))
        return saved(self.folder / output)

    def part(self, output: str, index: int, count: int, lost: str = "never", **changes: Any) -> list[FakeLM]:
        judges = self.judges(lost)
        run_shard(self.settings(output, **changes), Shard(index, count), lm=FakeLM(answer), judge=judges)
        return judges

    def merged(self, output: str) -> dict[str, str]:
        _, results = merge(self.folder / output)
        EvaluationTracker(self.folder / output).save(results)
        return saved(self.folder / output)


@pytest.fixture
def runs(tmp_path: Path) -> Judged:
    return Judged(tmp_path)


@pytest.mark.parametrize("count", [1, 3, 16])
def test_shards_give_the_files_of_a_run_in_one_piece(runs: Judged, count: int) -> None:
    for index in reversed(range(count)):
        runs.part("parts", index, count)
    assert runs.merged("parts") == runs.whole("whole")


def test_verdicts_that_are_lost_or_unreadable_are_counted_once_over_all_documents(runs: Judged) -> None:
    for index in range(3):
        runs.part("parts", index, 3, lost="Lima")
    merged = json.loads(runs.merged("parts")["results"])
    assert merged == json.loads(runs.whole("whole", lost="Lima")["results"])
    assert merged["judging"]["judged_mini"]["judge_failed"] == 1
    assert merged["errors"]["exceeded"]


def test_a_shard_without_all_verdicts_is_not_done(runs: Judged) -> None:
    runs.part("parts", 0, 1, lost="Lima")
    assert is_done(runs.settings("parts"), Shard(0, 1)) is None


def test_another_template_marks_the_version_of_the_whole(runs: Judged) -> None:
    template = runs.folder / "template.txt"
    template.write_text("Right answer: {{target}}\n{{answer}}\nGRADE: C, GRADE: I or GRADE: N")
    changes: dict[str, Any] = {"tasks": ["judged_mini"], "judge_template": str(template)}
    for index in range(2):
        runs.part("parts", index, 2, **changes)
    merged = runs.merged("parts")
    assert "1.0-judge-" in merged["results"]
    assert merged == runs.whole("whole", **changes)


def test_shards_with_two_versions_of_a_template_are_not_joined(runs: Judged) -> None:
    template = runs.folder / "template.txt"
    for index in range(2):
        template.write_text(f"Right answer: {{{{target}}}}\n{{{{answer}}}}\nGRADE: C, I or N{' ' * index}.")
        runs.part("parts", index, 2, tasks=["judged_mini"], judge_template=str(template))
    with pytest.raises(ConfigError, match="0001-of-0002 has another definition of task judged_mini"):
        merge(runs.folder / "parts")


def test_shards_with_other_judges_are_not_joined(runs: Judged) -> None:
    for index in range(2):
        runs.part("parts", index, 2, tasks=["judged_mini"])
    manifest = Manifest.read(runs.folder / "parts" / "shards" / "0001-of-0002")
    manifest.tasks["judged_mini"].judging["judges"][-1] = "other"
    manifest.write()
    with pytest.raises(ConfigError, match="0001-of-0002 has other judges of task judged_mini"):
        merge(runs.folder / "parts")


def test_where_a_judge_is_and_how_it_is_asked_does_not_make_another_run(runs: Judged) -> None:
    keys = [
        run_key(runs.settings("out", judge_model_args=[{"model": "careful", **more}]), "1")
        for more in ({}, {"base_url": "http://b/v1", "num_concurrent": 9, "max_cost": 1}, {"seed": 3})
    ]
    assert keys[0] == keys[1] != keys[2]


def test_each_document_is_judged_by_one_shard(runs: Judged) -> None:
    def asked(judges: list[FakeLM]) -> list[str]:
        return [instance.args[0] for judge in judges for instance in judge.asked]

    judges = runs.judges()
    evaluator.run(runs.settings("whole"), FakeLM(answer), judge=judges)
    parts = [prompt for index in range(2) for prompt in asked(runs.part("parts", index, 2))]
    assert sorted(parts) == sorted(asked(judges))
