"""Complete runs with judges that follow a rule."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from lm_eval import plan
from lm_eval.api.instance import Instance
from lm_eval.api.model import LM, Answered
from lm_eval.errors import ConfigError, RunStopped, TaskFileError
from lm_eval.evaluator import simple_evaluate
from lm_eval.models.messages import ChatPrompt
from lm_eval.results import load
from tests.fakes import FakeLM

TASK: dict[str, Any] = {
    "task": "capitals",
    "dataset_path": "json",
    "test_split": "train",
    "doc_to_text": "{{question}}",
    "doc_to_target": "{{target}}",
}
SCORER: dict[str, Any] = {
    "type": "ai_judge",
    "prompt": "{{question}}\nRight: {{target}}\n{{answer}}\nEnd with GRADE: C or GRADE: I.",
    "verdict": {"C": 1.0, "I": 0.0},
}
CAPITALS = {"France": "Paris", "Japan": "Tokyo", "Italy": "Rome", "Peru": "Lima"}


def capital(prompt: str) -> str:
    return CAPITALS[re.findall(r"capital of (\w+)", prompt)[-1]]


def inside(prompt: str) -> str:
    found = re.search(r"\[BEGIN (\w+)\]\n(.*?)\n\[END \1\]", prompt, re.DOTALL)
    assert found is not None
    return found[2]


def honest(prompt: str) -> str:
    """Grade by the text between the marks, with the sign where one is asked for."""
    sign = re.search(r"VERDICT-\w+", prompt)
    right = re.findall(r"Right: (.*)", prompt)[0] in inside(prompt)
    return f"I compared.\n{sign[0] if sign else ''} GRADE: {'C' if right else 'I'}"


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    rows = [{"question": f"The capital of {land}?", "target": city} for land, city in CAPITALS.items()]
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def call(
        judge: Callable[[str], str] | LM | list[LM],
        answer: Callable[[str], str] = capital,
        scorer: dict[str, Any] | None = None,
        task: dict[str, Any] | None = None,
        model: LM | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        config = {**TASK, "dataset_kwargs": {"data_files": str(data)}, "scorer": {**SCORER, **(scorer or {})}}
        judges = FakeLM(judge) if callable(judge) else judge
        return simple_evaluate(
            model or FakeLM(answer), tasks=[{**config, **(task or {})}], judge=judges, bootstrap_iters=0, **options
        )

    return call


Run = Callable[..., dict[str, Any]]


def score(results: dict[str, Any]) -> object:
    return results["results"]["capitals"]["judge_score,none"]


def test_answers_are_judged(run: Run) -> None:
    results = run(honest, lambda prompt: "Paris")
    assert score(results) == 0.25
    assert [sample["judge"]["label"] for sample in results["samples"]["capitals"]] == ["C", "I", "I", "I"]
    entry = results["judging"]["capitals"]
    assert (entry["judged"], entry["coverage"], entry["labels"]) == (4, 1.0, {"C": 1, "I": 3})


def test_without_a_judge_nothing_is_asked_and_the_flags_are_named(run: Run) -> None:
    asked: list[str] = []
    with pytest.raises(ConfigError, match=r"capitals is scored by a judge.*--judge_model .* --judge_model_args"):
        run([], lambda prompt: f"{asked.append(prompt)}")  # type: ignore[func-returns-value]
    assert not asked


def test_predict_only_needs_no_judge(run: Run) -> None:
    assert "judging" not in run([], predict_only=True)


def test_an_unreadable_verdict_is_asked_again_in_other_words(run: Run) -> None:
    prompts: list[str] = []

    def hesitant(prompt: str) -> str:
        prompts.append(prompt)
        return honest(prompt) if "could not be read" in prompt else "Hm."

    results = run(hesitant)
    assert score(results) == 1.0
    assert len(set(prompts)) == 8
    assert results["judging"]["capitals"]["asked_again"] == 4


def test_an_unreadable_verdict_is_no_zero(run: Run) -> None:
    results = run(lambda prompt: "Hm." if "Peru" in prompt else honest(prompt))
    assert score(results) == 1.0
    entry = results["judging"]["capitals"]
    assert (entry["unjudged"], entry["unreadable"], entry["coverage"], entry["bounds"]) == (1, 1, 0.75, [0.75, 1.0])
    assert results["missing"]["capitals"] == {"judge_score,none": 1}
    assert not results["errors"]["exceeded"]


def test_without_any_verdict_there_is_no_score(run: Run) -> None:
    results = run(lambda prompt: "Hm.")
    assert score(results) == "N/A"
    assert "judge_score,none" in results["results"]["capitals"]["failed"]


def test_lost_documents_are_not_judged(run: Run, tmp_path: Path) -> None:
    results = run(FakeLM(honest, lose=lambda instance: instance.doc_id == 1))
    assert results["judging"]["capitals"]["judge_failed"] == 1
    assert results["errors"] == {"lost": 0, "tasks": {}, "unjudged": 1, "allowed": 0, "exceeded": True}
    verdict = results["samples"]["capitals"][1]["judge"]["verdicts"][0]
    assert (verdict["status"], verdict["error"]) == ("failed", "timeout: no answer in 300 s")


class Broken(FakeLM):
    """A judge whose endpoint goes away after some waves."""

    def harness_respond(self, instances: Iterable[Instance], answered: Answered | None = None) -> None:
        raise RunStopped("The server is unreachable since 900 s.")


def test_a_judge_that_is_down_loses_no_answer(run: Run) -> None:
    results = run(Broken(honest))
    assert [sample["resps"] for sample in results["samples"]["capitals"]] == [[[city]] for city in CAPITALS.values()]
    entry = results["judging"]["capitals"]
    assert (entry["judge_failed"], entry["stopped"]) == (4, {"Broken": "The server is unreachable since 900 s."})
    assert results["errors"]["exceeded"]


def test_a_jury_goes_on_without_a_judge_that_is_down(run: Run) -> None:
    results = run([FakeLM(honest), Broken(honest)])
    assert score(results) == 1.0
    assert results["judging"]["capitals"]["failed"] == 4


def test_a_fault_of_the_jury_ends_the_run(run: Run) -> None:
    def faulty(prompt: str) -> str:
        raise ZeroDivisionError("judge")

    with pytest.raises(ZeroDivisionError):
        run(faulty)


def test_no_thread_is_left(run: Run) -> None:
    run(honest)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("lm-eval-judge")]


def test_judges_of_a_jury_stand_side_by_side(run: Run) -> None:
    results = run([FakeLM(honest), FakeLM(lambda prompt: "GRADE: I")])
    assert score(results) == 0.5
    entry = results["judging"]["capitals"]
    assert entry["judges"] == ["FakeLM", "FakeLM#2"]
    assert entry["agreement"]["judges"]["same"] == 0.0
    assert [v["juror"] for v in results["samples"]["capitals"][0]["judge"]["verdicts"]] == entry["judges"]


def test_repeats_agree_or_not(run: Run) -> None:
    turns = iter(["C", "I"] * 4)
    lm = FakeLM(lambda prompt: f"GRADE: {next(turns)}")
    results = run(lm, scorer={"repeats": 2})
    assert score(results) == 0.5
    assert lm.asked[0].repeats == 2
    assert results["judging"]["capitals"]["agreement"]["repeats"]["same"] == 0.0


def test_a_cheaper_metric_settles_documents(run: Run) -> None:
    judge = FakeLM(honest)
    results = run(
        judge,
        lambda prompt: "Paris" if "Peru" not in prompt else "It is Lima",
        scorer={"only_if": "exact_match < 1"},
        task={"metric_list": [{"metric": "exact_match"}]},
    )
    row = results["results"]["capitals"]
    assert (row["exact_match,none"], row["judge_score,none"]) == (0.25, 0.5)
    assert (results["judging"]["capitals"]["settled"], len(judge.asked)) == (1, 3)


def test_both_orders_are_asked_and_a_flip_is_a_tie(run: Run) -> None:
    scorer = {
        "prompt": "{{question}} A: {{answer_a}} B: {{answer_b}} Which is better? WINNER: A, B or tie",
        "verdict": {"pairwise": "target"},
        "metrics": ["judge_score", {"metric": "flips", "value": "flip"}],
    }
    results = run(lambda prompt: "WINNER: A", scorer=scorer)
    row, entry = results["results"]["capitals"], results["judging"]["capitals"]
    assert (row["judge_score,none"], row["flips,none"], entry["flips"], entry["first_rate"]) == (0.5, 1.0, 4, 1.0)


def test_answers_of_a_saved_run_are_the_baseline(run: Run, tmp_path: Path) -> None:
    scorer = {
        "prompt": "Right: {{target}} {{answer_a}} or {{answer_b}}? WINNER: A, B or tie",
        "verdict": {"pairwise": None},
    }
    with pytest.raises(ConfigError, match="--judge_baseline DIR"):
        run(honest, scorer=scorer)
    run([], lambda prompt: "Rome", predict_only=True, output_path=str(tmp_path / "base"))

    def prefers(prompt: str) -> str:
        first, second = re.findall(r"\[BEGIN \w+\]\n(.*?)\n\[END", prompt, re.DOTALL)
        right = re.findall(r"Right: (\w+)", prompt)[0]
        return f"WINNER: {'tie' if first == second else 'A' if right in first else 'B'}"

    results = run(prefers, scorer=scorer, judge_baseline=str(tmp_path / "base"))
    assert score(results) == (1 + 1 + 0.5 + 1) / 4
    assert results["judging"]["capitals"]["baseline"] == str(tmp_path / "base")
    assert results["samples"]["capitals"][0]["judge"]["baseline"] == "Rome"


def test_criteria_are_judged_one_by_one(run: Run) -> None:
    rubric = [{"criterion": "names Paris", "points": 3}, {"criterion": "is short", "points": 1}]
    scorer = {"prompt": "{{answer}} {{criterion}}? MET: yes or no", "verdict": {"rubric": rubric}}

    def strict(prompt: str) -> str:
        return f"MET: {'no' if 'names Paris' in prompt and 'Paris' not in inside(prompt) else 'yes'}"

    results = run(strict, scorer=scorer)
    assert score(results) == pytest.approx((1 + 3 * 0.25) / 4)
    assert results["samples"]["capitals"][1]["judge"]["criteria"][0]["met"] == 0.0


def test_a_document_without_its_rubric_is_unjudged(run: Run) -> None:
    scorer = {"prompt": "{{answer}} {{criterion}}?", "verdict": {"rubric": "rubric"}}
    results = run(honest, scorer=scorer)
    assert "no column 'rubric'" in results["judging"]["capitals"]["messages"][0]["message"]


def test_another_template_has_another_version(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "strict.txt"
    path.write_text("Right: {{target}} {{answer}} GRADE: C or I?")
    results = run(honest, judge_template=str(path), task={"metadata": {"version": 2}})
    assert str(results["versions"]["capitals"]).startswith("2-judge-")
    entry = results["judging"]["capitals"]
    assert (entry["template"], entry["prompt"]) == (str(path), path.read_text())


def test_a_template_that_does_not_show_the_answer_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("Right: {{target}}")
    with pytest.raises(ConfigError, match="does not show"):
        run(honest, judge_template=str(tmp_path / "bad.txt"))


def test_each_repeat_of_the_model_is_judged_where_a_pipeline_keeps_them(run: Run) -> None:
    answers = iter(["Paris", "Rome"] * 4)
    pipeline = [{"name": "both", "filter": [{"function": "take_first_k", "k": 2}]}]
    results = run(honest, lambda prompt: next(answers), task={"repeats": 2, "filter_list": pipeline})
    assert results["results"]["capitals"]["judge_score,both"] == pytest.approx((0.5 + 0 + 0.5 + 0) / 4)


def test_the_settings_of_a_run_name_its_judges_without_secrets(run: Run) -> None:
    assert run(honest)["config"]["judge"] == [{"model": "FakeLM"}]


class Chat(FakeLM):
    """A model that takes messages."""

    def apply_chat_template(self, chat_history: list[dict[str, Any]], add_generation_prompt: bool = True) -> Any:
        return ChatPrompt(chat_history)


def test_each_turn_of_a_conversation_is_judged_with_the_turns_before_it(run: Run) -> None:
    def turns(doc: dict[str, Any]) -> list[dict[str, Any]]:
        more = {"role": "user", "content": "Are you sure?"}
        return [{"role": "user", "content": doc["question"]}, {"role": "assistant", "content": None}, more]

    judge = FakeLM(lambda prompt: f"GRADE: {'C' if '[assistant]' in prompt.split('Yes')[0] else 'I'}")
    results = run(
        judge,
        model=Chat(lambda prompt: "Yes" if "sure" in str(prompt) else "Paris"),
        scorer={"prompt": "Turn {{turn}} of {{turns}}. {{conversation}} GRADE: C or I"},
        task={"doc_to_text": turns},
        apply_chat_template=True,
        limit=1,
    )
    assert sorted(prompt.args[0].count("[assistant]") for prompt in judge.asked) == [1, 2]
    assert any("[user]\nAre you sure?\n\n[assistant]\nYes" in prompt.args[0] for prompt in judge.asked)
    assert [verdict.get("answer", 0) for verdict in results["samples"]["capitals"][0]["judge"]["verdicts"]] == [0, 1]


class Waiting(FakeLM):
    """Answers one document, and the others only when the judge was asked about it."""

    def __init__(self, asked: threading.Event) -> None:
        super().__init__(capital)
        self.judge_asked = asked
        self.in_time = False

    def harness_respond(self, instances: Iterable[Instance], answered: Answered | None = None) -> None:
        first, *others = instances
        super().harness_respond([first], answered)
        self.in_time = self.judge_asked.wait(30)
        super().harness_respond(others, answered)


def test_the_judge_is_asked_while_the_model_still_answers(run: Run) -> None:
    asked = threading.Event()
    model = Waiting(asked)

    def judge(prompt: str) -> str:
        asked.set()
        return honest(prompt)

    assert score(run(judge, model=model)) == 1.0
    assert model.in_time


def test_a_run_that_ends_early_stops_its_judges(run: Run) -> None:
    class Stopped(FakeLM):
        def harness_respond(self, instances: Iterable[Instance], answered: Answered | None = None) -> None:
            super().harness_respond(list(instances)[:1], answered)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(honest, model=Stopped(capital))
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("lm-eval-")]


def test_the_plan_counts_the_judges_requests(run: Run, tmp_path: Path) -> None:
    rows = tmp_path / "data.jsonl"
    task = {**TASK, "dataset_kwargs": {"data_files": str(rows)}, "scorer": {**SCORER, "repeats": 2}}
    judges = [
        {"model": "big", "base_url": "http://127.0.0.1:9/v1", "price_in": 1, "price_out": 10},
        {"model": "small", "base_url": "http://127.0.0.1:9/v1"},
    ]
    found = plan(FakeLM(), tasks=[task], judge_model_args=judges)
    assert [(entry.judge, entry.requests, entry.generated_tokens) for entry in found.judging] == [
        ("big", 8, 8 * 2048),
        ("small", 8, 8 * 2048),
    ]
    cost = (found.judging[0].prompt_tokens * 1 + 8 * 2048 * 10) / 1e6
    assert found.judging[0].cost == pytest.approx(cost)
    assert "(the answer)" in found.judging[0].prompt
    assert "big    capitals" in str(found)


def test_the_plan_names_documents_that_cannot_be_judged(run: Run, tmp_path: Path) -> None:
    scorer = {**SCORER, "prompt": "{{answer}} {{missing}}"}
    task = {**TASK, "dataset_kwargs": {"data_files": str(tmp_path / "data.jsonl")}, "scorer": scorer}
    assert "'missing' is undefined" in str(plan(FakeLM(), tasks=[task], judge=FakeLM()))


def test_a_mistake_in_the_arguments_of_a_judge_is_said_to_be_one(run: Run) -> None:
    with pytest.raises(ConfigError, match=r"judge_model_args: .*bse_url"):
        run([], judge_model_args="model=m,bse_url=http://127.0.0.1:9/v1")


def test_one_kind_of_judge_holds_for_all_and_several_need_one_each(run: Run) -> None:
    with pytest.raises(ConfigError, match="2 judges have 1 judge_model_args"):
        run([], judge_model=["local-completions", "local-chat-completions"], judge_model_args="model=m")


def test_a_judge_without_a_judged_task_has_no_effect_and_that_is_said(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    task = {"scorer": None, "metric_list": [{"metric": "exact_match"}]}
    results = run([], task=task, judge_model_args="model=m,base_url=http://127.0.0.1:9/v1")
    assert "judging" not in results
    assert "judge_model has no effect" in caplog.text


def test_no_judge_is_built_for_a_run_that_is_not_judged(run: Run) -> None:
    results = run([], task={"scorer": None, "metric_list": [{"metric": "exact_match"}]})
    assert "judge" not in results["config"]


def test_a_template_that_is_not_well_formed_is_refused(run: Run) -> None:
    with pytest.raises(TaskFileError, match="Task capitals, scorer"):
        run(honest, scorer={"prompt": "{{answer}} {% if %}"})


def test_judgements_are_saved_as_parquet(run: Run, tmp_path: Path) -> None:
    run(honest, output_path=str(tmp_path / "out"), output_format="parquet")
    saved = load(tmp_path / "out")
    judge = next(iter(saved.read("capitals"))).line["judge"]
    assert isinstance(judge, dict)
    assert judge["label"] == "C"


def test_code_of_the_task_that_fails_leaves_documents_unjudged(run: Run) -> None:
    def values(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
        return {"length": 1 / (len(results[0]) - 5)}

    results = run(
        honest,
        scorer={"only_if": "length < 9"},
        task={"metric_list": [{"metric": "length", "aggregation": "mean"}], "process_results": values},
    )
    assert "ZeroDivisionError" in results["judging"]["capitals"]["messages"][0]["message"]
    assert results["judging"]["capitals"]["judged"] == 2


def test_a_repeat_of_a_conversation_is_judged_with_its_own_earlier_answers(run: Run) -> None:
    talk = iter(f"Answer {n}." for n in range(100))

    class Follows(Chat):
        """Answers turn after turn, so that the second turn of each repeat shows the first."""

        def harness_follows(self) -> bool:
            return True

        def harness_respond(self, instances: Iterable[Instance], answered: Answered | None = None) -> None:
            for instance in instances:
                if instance.follows is not None:
                    instance.arguments = (instance.follows.prompt(), *instance.args[1:])
                instance.resps = [next(talk) for _ in range(instance.repeats or 1)]
                assert answered is not None
                answered(instance)

    def turns(doc: dict[str, Any]) -> list[dict[str, Any]]:
        more = {"role": "user", "content": "Are you sure?"}
        return [{"role": "user", "content": doc["question"]}, {"role": "assistant", "content": None}, more]

    judge = FakeLM(lambda prompt: "GRADE: C")
    pipeline = [{"name": "both", "filter": [{"function": "take_first_k", "k": 2}]}]
    run(
        judge,
        model=Follows(),
        scorer={"prompt": "Turn {{turn}} of {{turns}}. {{conversation}} GRADE: C or I"},
        task={"doc_to_text": turns, "repeats": 2, "filter_list": pipeline},
        apply_chat_template=True,
        limit=1,
    )
    seen = [re.findall(r"Turn \d of \d|Answer \d", asked.args[0]) for asked in judge.asked]
    assert seen == [
        ["Turn 1 of 2", "Answer 0"],
        ["Turn 1 of 2", "Answer 1"],
        ["Turn 2 of 2", "Answer 0", "Answer 2"],
        ["Turn 2 of 2", "Answer 1", "Answer 3"],
    ]
