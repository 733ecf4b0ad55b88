"""Invariants of prompts and requests, over random task configs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lm_eval.api.task import ConfigurableTask

from .tasks_for_tests import build, show_chat

WORDS = st.text(alphabet="abé xyz.?\n", min_size=1, max_size=8)
FIELD = WORDS.filter(lambda text: "{" not in text)
GAPS = st.sampled_from(["", " ", "\n", "\n\n", ": ", "##"])


@dataclass
class Case:
    """A random config and the rows it reads."""

    config: dict[str, Any]
    test: list[dict[str, Any]]
    train: list[dict[str, Any]]
    shots: int
    multiturn: bool
    instruction: str | None

    def task(self, **keys: Any) -> ConfigurableTask:
        return ConfigurableTask(config={**self.config, **keys})

    def run(self, chat: bool, **keys: Any) -> list[Any]:
        run: dict[str, Any] = {"system_instruction": self.instruction}
        if chat:
            run |= {"apply_chat_template": True, "fewshot_as_multiturn": self.multiturn, "chat_template": show_chat}
        return build(self.task(**keys), **run)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    def rows(mark: str, count: int) -> list[dict[str, Any]]:
        return [
            {
                "q": f"<{mark}{i}>{draw(FIELD)}",
                "choices": [f"{letter}{draw(FIELD)}" for letter in "ABC"],
                "gold": draw(st.integers(0, 2)),
                "answer": f"[{mark}{i}]{draw(FIELD)}",
                "start": draw(FIELD),
            }
            for i in range(count)
        ]

    test, train = rows("t", draw(st.integers(1, 4))), rows("s", 5)
    kind = draw(st.sampled_from(["multiple_choice", "generate_until", "loglikelihood"]))
    shots = draw(st.integers(0, 4))
    config: dict[str, Any] = {
        "task": "random",
        "custom_dataset": lambda: {"test": test, "train": train},
        "test_split": "test",
        "fewshot_split": "train",
        "output_type": kind,
        "doc_to_text": draw(st.sampled_from(["q", "{{q}}", "Q: {{q}}\nA:", "{{q}} "])),
        "doc_to_target": "gold" if kind == "multiple_choice" else draw(st.sampled_from(["answer", " {{answer}}"])),
        "target_delimiter": draw(GAPS),
        "fewshot_delimiter": draw(GAPS),
        "description": draw(st.sampled_from(["", "A quiz.", "A quiz.\n\n", "On {{start}}: "])),
        "gen_prefix": draw(st.sampled_from([None, "So", "So ", "start", "{{start}}:"])),
        "fewshot_config": {"sampler": draw(st.sampled_from(["default", "first_n"]))},
        "num_fewshot": shots,
    }
    if kind == "multiple_choice":
        config["doc_to_choice"] = draw(st.sampled_from(["choices", "{{choices}}"]))
    instruction = draw(st.sampled_from([None, "Be brief.", "Be brief.\n"]))
    return Case(config, test, train, shots, draw(st.booleans()), instruction)


def spaced(left: str, right: str) -> bool:
    return left[-1:].isspace() or right[:1].isspace()


@settings(max_examples=80, deadline=None)
@given(cases())
def test_every_doc_is_asked_in_order_with_its_choices(case: Case) -> None:
    built = case.run(chat=False)
    each = 3 if case.config["output_type"] == "multiple_choice" else 1
    assert [i.doc_id for i in built] == [n for n in range(len(case.test)) for _ in range(each)]
    assert [i.idx for i in built] == list(range(each)) * len(case.test)
    for instance in built:
        assert instance.doc == case.test[instance.doc_id]
        if each == 3:
            choice = instance.doc["choices"][instance.idx]
            assert instance.args[1] == case.config["target_delimiter"] + choice


@settings(max_examples=80, deadline=None)
@given(cases())
def test_prompt_holds_the_shots_then_ends_with_the_question_and_the_prefix(case: Case) -> None:
    for instance in case.run(chat=False):
        task, doc, prompt = case.task(), instance.doc, instance.args[0]
        question, prefix = str(task.doc_to_text(doc)), task.doc_to_prefix(doc)
        end = question
        if prefix:
            end += ("" if spaced(question, prefix) else case.config["target_delimiter"]) + prefix
        assert prompt.endswith(end)
        marks = [f"<s{i}>" for i in range(5) if f"<s{i}>" in prompt]
        assert len(marks) == case.shots
        assert all(prompt.index(mark) < len(prompt) - len(end) for mark in marks)
        assert prompt.count(f"<t{instance.doc_id}>") == 1


@settings(max_examples=60, deadline=None)
@given(cases())
def test_chat_and_text_say_the_same(case: Case) -> None:
    for plain, chat_instance in zip(case.run(chat=False), case.run(chat=True), strict=True):
        chat = json.loads(chat_instance.args[0])
        turns = chat["chat"]
        prefix = case.task().doc_to_prefix(plain.doc)
        assert chat["open"] is (not prefix)
        assert (turns[-1]["role"] == "assistant") is bool(prefix)
        bodies = [turn for turn in turns if turn["role"] != "system"]
        if case.multiturn:
            assert [turn["role"] for turn in bodies][: 2 * case.shots + 1] == ["user", "assistant"] * case.shots + [
                "user"
            ]
        else:
            assert [turn["role"] for turn in bodies] == ["user"] + ["assistant"] * bool(prefix)
        place = 0
        for turn in turns:
            place = plain.args[0].index(turn["content"], place) + len(turn["content"])
        assert place == len(plain.args[0])


@settings(max_examples=60, deadline=None)
@given(cases())
def test_building_is_repeatable_and_limit_takes_the_first(case: Case) -> None:
    complete = [instance.args for instance in case.run(chat=False)]
    assert [instance.args for instance in case.run(chat=False)] == complete
    task = case.task()
    first = [i.args for i in build(task, system_instruction=case.instruction, limit=1)]
    assert first == complete[: len(first)]


@settings(max_examples=60, deadline=None)
@given(cases())
def test_functions_and_templates_build_the_same(case: Case) -> None:
    task = case.task()
    by_hand: dict[str, Any] = {
        "doc_to_text": lambda doc: task.doc_to_text(doc),
        "doc_to_target": lambda doc: task.doc_to_target(doc),
    }
    if "doc_to_choice" in case.config:
        by_hand["doc_to_choice"] = lambda doc: task.doc_to_choice(doc)
    assert [i.args for i in case.run(chat=False, **by_hand)] == [i.args for i in case.run(chat=False)]


@settings(max_examples=60, deadline=None)
@given(cases(), st.lists(st.floats(-50, -0.01), min_size=3, max_size=3))
def test_multiple_choice_scores_are_zero_or_one_and_right_when_gold_is_likeliest(case: Case, lls: list[float]) -> None:
    if case.config["output_type"] != "multiple_choice":
        return
    task, doc = case.task(), case.test[0]
    values = task.process_results(doc, [(ll, False) for ll in lls])
    best = lls.index(max(lls))
    assert values["acc"] == float(best == doc["gold"])
    assert set(values.values()) <= {0.0, 1.0}
