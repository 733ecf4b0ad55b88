from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lm_eval import rescore
from lm_eval.errors import ConfigError
from lm_eval.evaluator import simple_evaluate
from lm_eval.results import load
from tests.fakes import FakeLM, write_tasks

JUDGED = """\
doc_to_text: '{{q}}'
doc_to_target: '{{n}}'
scorer:
  type: ai_judge
  prompt: '{{q}} {{target}} {{answer}} GRADE: C or I'
  verdict: {C: 1.0, I: 0.0}
  repeats: 2
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_tasks(tmp_path, judged=JUDGED)


def save(folder: Path, judge: FakeLM | None, **options: Any) -> str:
    out = str(folder / "out")
    model = FakeLM(lambda prompt: "an answer")
    simple_evaluate(model, tasks="judged", include_path=folder, judge=judge, output_path=out, limit=4, **options)
    return out


def by_document(prompt: str) -> str:
    return f"GRADE: {'C' if 'What is 0' in prompt or 'What is 1' in prompt else 'I'}"


def judged(results: dict[str, Any]) -> Any:
    return results["results"]["judged"]["judge_score,none"]


def test_saved_verdicts_give_the_same_files(folder: Path) -> None:
    out = save(folder, FakeLM(by_document))
    results = rescore(out, include_path=folder)
    saved = load(out)
    assert judged(results) == 0.5
    assert results["judging"] == saved.results["judging"]
    assert [sample["judge"] for sample in results["samples"]["judged"]] == [
        sample.line["judge"] for sample in saved.read("judged")
    ]


def test_saved_verdicts_go_through_the_present_scorer(folder: Path) -> None:
    out = save(folder, FakeLM(by_document))
    text = (folder / "judged.yaml").read_text()
    (folder / "judged.yaml").write_text(text + "  metrics: [{metric: wrong, value: {label: I}}]\n")
    results = rescore(out, include_path=folder)
    assert results["results"]["judged"]["wrong,none"] == 0.5
    assert "judge_score,none" not in results["results"]["judged"]


def test_another_judge_judges_saved_answers(folder: Path) -> None:
    out = save(folder, FakeLM(by_document))
    results = rescore(out, include_path=folder, judge=FakeLM(lambda prompt: "GRADE: C"))
    assert judged(results) == 1.0
    assert results["config"]["rescored_from"]["changes"][0]["before"] == 0.5
    assert results["config"]["judge"] == [{"model": "FakeLM"}]


def test_answers_of_predict_only_are_judged_later(folder: Path) -> None:
    out = save(folder, None, predict_only=True)
    assert judged(rescore(out, include_path=folder, judge=FakeLM(by_document))) == 0.5


def test_without_verdicts_and_judge_the_flags_are_named(folder: Path) -> None:
    out = save(folder, None, predict_only=True)
    with pytest.raises(ConfigError, match=r"no verdict was saved.*--judge_model"):
        rescore(out, include_path=folder)


def test_the_same_judge_is_asked_the_same(folder: Path) -> None:
    first, second = FakeLM(by_document), FakeLM(by_document)
    rescore(save(folder, first), include_path=folder, judge=second)
    prompts = [sorted(instance.args[0] for instance in lm.asked) for lm in (first, second)]
    assert prompts[0] == prompts[1]


def test_a_template_without_a_judge_is_refused(folder: Path) -> None:
    out = save(folder, FakeLM(by_document))
    (folder / "t.txt").write_text("{{answer}}")
    with pytest.raises(ConfigError, match="judge_template needs a judge"):
        rescore(out, include_path=folder, judge_template=folder / "t.txt")


def test_a_judge_for_tasks_without_scorer_is_refused(folder: Path) -> None:
    out = str(folder / "plain")
    simple_evaluate(FakeLM(), tasks="generate", include_path=folder, output_path=out)
    with pytest.raises(ConfigError, match="No task of this run is scored by a judge"):
        rescore(out, include_path=folder, judge=FakeLM())
