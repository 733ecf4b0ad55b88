"""Questions that are conversations, with answers of the model between the turns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lm_eval.api.instance import Instance, RequestError
from lm_eval.api.model import ask_model
from lm_eval.errors import UserError
from lm_eval.evaluator import simple_evaluate
from lm_eval.mock_server import MockServer
from lm_eval.models.openai_completions import LocalChatCompletion
from lm_eval.planning import plan
from lm_eval.task_files.manager import TaskManager

from ..fakes import FakeLM, write_tasks

_DATA = """
def rows(**_):
    return {"test": [{"id": n, "first": f"Name {n}.", "second": "Again."} for n in range(3)]}

def turns(doc):
    return [
        {"role": "user", "content": doc["first"]},
        {"role": "assistant", "content": None},
        {"role": "user", "content": doc["second"]},
    ]

def history(doc):
    return [
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": doc["first"]},
    ]

def broken(doc):
    return [{"role": "user", "content": doc["first"]}, {"role": "assistant", "content": "So"}]

def score(doc, results):
    return {"turns": len(results), "last": float(results[-1].endswith("."))}
"""

_TASK = """
custom_dataset: !function talk.rows
test_split: test
doc_to_text: !function talk.{0}
doc_to_target: ""
process_results: !function talk.score
metric_list: [{{metric: turns}}, {{metric: last}}]
"""


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    (tmp_path / "talk.py").write_text(_DATA)
    folder = write_tasks(tmp_path)
    for name in ("turns", "history", "broken"):
        (folder / f"{name}.yaml").write_text(f"task: {name}\n" + _TASK.format(name))
    return folder


def evaluated(folder: Path, task: str, lm: Any, **options: Any) -> dict[str, Any]:
    options = {"apply_chat_template": True, "bootstrap_iters": 0, **options}
    return simple_evaluate(lm, tasks=[task], include_path=folder, **options)


def test_the_second_turn_shows_the_answer_to_the_first(tasks: Path) -> None:
    lm = FakeLM(lambda prompt: f"({prompt.count('<user>')})")
    found = evaluated(tasks, "turns", lm)
    assert [instance.args[0] for instance in lm.asked] == [
        *(f"<user>Name {n}." for n in range(3)),
        *(f"<user>Name {n}.<assistant>(1)<user>Again." for n in range(3)),
    ]
    assert [sample["resps"] for sample in found["samples"]["turns"]] == [[["(1)"], ["(2)"]]] * 3
    assert found["results"]["turns"]["turns,none"] == 2


def test_a_lost_first_turn_loses_the_second(tasks: Path) -> None:
    lm = FakeLM(lambda prompt: "A.", lose=lambda instance: instance.args[0] == "<user>Name 1.")
    found = evaluated(tasks, "turns", lm, max_errors=1)
    assert [instance.args[0].count("<user>") for instance in lm.asked] == [1, 1, 1, 2, 2]
    assert found["n-samples"]["turns"]["effective"] == 2
    assert found["samples"]["turns"][1]["error"]["kind"] == "timeout"


def test_a_history_is_sent_as_it_is(tasks: Path) -> None:
    lm = FakeLM(lambda prompt: "A.")
    evaluated(tasks, "history", lm)
    assert lm.asked[0].args[0] == "<user>Hello.<assistant>Yes?<user>Name 0."


def test_the_system_instruction_comes_first(tasks: Path) -> None:
    lm = FakeLM(lambda prompt: "A.")
    evaluated(tasks, "turns", lm, system_instruction="Be brief.")
    assert lm.asked[-1].args[0].startswith("<system>Be brief.<user>Name 2.<assistant>A.<user>")


@pytest.mark.parametrize(
    ("task", "chat", "message"),
    [
        ("turns", False, "is a conversation, which needs messages: use --apply_chat_template"),
        ("broken", True, "ends with a user's message"),
    ],
)
def test_a_conversation_that_cannot_be_asked_is_refused(tasks: Path, task: str, chat: bool, message: str) -> None:
    with pytest.raises(UserError, match=message):
        evaluated(tasks, task, FakeLM(), apply_chat_template=chat)


def test_repeats_of_several_turns_need_a_model_that_asks_each_after_its_own(tasks: Path) -> None:
    lm = FakeLM()
    with pytest.raises(UserError, match="repeats of a conversation with several turns need a chat endpoint"):
        simple_evaluate(lm, tasks=[{"task": "turns", "repeats": 2}], include_path=tasks, apply_chat_template=True)
    assert not lm.asked


CHAT = "local-chat-completions"


def arguments(server: MockServer, **more: Any) -> dict[str, Any]:
    return {"model": "mock", "base_url": server.base_url + "/chat/completions", **more}


class Talk:
    """Answers each prompt of a server with a text of its own, and keeps the prompts."""

    def __init__(self) -> None:
        self.prompts: list[str] = []

    def __call__(self, prompt: str) -> str:
        if "Name" in prompt:  # The probe asks something else.
            self.prompts.append(prompt)
        return f"A{len(self.prompts)}."


def test_a_conversation_goes_on_while_others_wait_for_their_first_turn(tasks: Path) -> None:
    talk = Talk()
    with MockServer(answers=talk) as server:
        evaluated(tasks, "turns", CHAT, model_args=arguments(server, num_concurrent=1))
    assert [(f"Name {n // 2}." in prompt, "Again." in prompt) for n, prompt in enumerate(talk.prompts)] == [
        (True, False),
        (True, True),
    ] * 3


def test_each_repeat_is_a_conversation_of_its_own(tasks: Path) -> None:
    talk = Talk()
    with MockServer(answers=talk) as server:
        task: Any = {"task": "turns", "repeats": 2}
        found = evaluated(tasks, task, CHAT, model_args=arguments(server, num_concurrent=3))
    for sample in found["samples"]["turns"]:
        first, second = sample["resps"]
        assert len({*first, *second}) == 4
        assert all(any(answer in prompt for prompt in talk.prompts) for answer in first)
        assert sample["arguments"][1][0][1]["content"] == first[0]
    assert len(talk.prompts) == 12


def test_a_lost_repeat_loses_what_follows_it(tasks: Path) -> None:
    from lm_eval.models.responses import Responses
    from lm_eval.models.work import Answer

    task = TaskManager(include_path=tasks).load("turns")["tasks"]["turns"]
    task.set_config("repeats", 2)
    task.build_all_requests(apply_chat_template=True, chat_template=lambda chat, add_generation_prompt: str(chat))
    complete: list[Instance] = []
    responses = Responses(task.instances[:2], complete.append)
    first, second = responses.slots()
    (follower,) = responses.answered(Answer(second, "A."))
    assert "'A.'" in follower.instance.args[0]
    error = RequestError("timeout", "no answer")
    assert responses.lost(first, error) == 2
    assert not responses.answered(Answer(follower, "B."))
    assert [(each.idx, each.error and each.error.kind) for each in complete] == [(0, "timeout"), (1, "earlier_turn")]


def test_turns_that_an_iterator_gives_late_are_asked(tasks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lm_eval.models.responses._FIRST_PART", 3)
    monkeypatch.setattr("lm_eval.models.responses._PART", 3)
    with MockServer(answers=lambda prompt: "A.") as server:
        lm = LocalChatCompletion(**arguments(server, num_concurrent=1))
        task = TaskManager(include_path=tasks).load("turns")["tasks"]["turns"]
        task.build_all_requests(apply_chat_template=True, chat_template=lm.apply_chat_template)
        ask_model(lm, iter(task.instances))
    assert [instance.resps for instance in task.instances] == [["A."]] * 6


def test_answers_of_both_turns_are_kept(tasks: Path, tmp_path: Path) -> None:
    with MockServer(answers=lambda prompt: "A." if "Again" in prompt else "B.") as server:

        def run(output: str) -> dict[str, Any]:
            return simple_evaluate(
                CHAT,
                arguments(server),
                tasks=["turns"],
                include_path=tasks,
                apply_chat_template=True,
                use_cache=str(tmp_path / "answers"),
                output_path=str(tmp_path / output),
            )

        first = run("one")
        bodies = len(server.stats.bodies)
        again = run("two")
        assert len(server.stats.bodies) == bodies == 7  # The probe sends a prompt of its own.
    assert first["samples"] == again["samples"]
    counters = first["config"]["model_info"]["run"]
    assert counters["tasks"]["turns"]["completion_tokens"] == 18
    assert counters["resumed_with_answers"] == 0


def test_a_plan_counts_all_turns(tasks: Path) -> None:
    found = plan(
        "local-chat-completions",
        {"model": "mock", "base_url": "http://127.0.0.1:9/v1/chat/completions"},
        ["turns"],
        include_path=tasks,
        apply_chat_template=True,
    )
    assert found.tasks[0].requests == 6


def test_an_instance_that_follows_is_equal_to_one_that_does_not() -> None:
    class Nothing:
        earlier: list[Instance] = []  # noqa: RUF012

        def prompt(self, repeat: int = 0) -> object:
            return ""

    assert Instance("generate_until", {}, (), 0, follows=Nothing()) == Instance("generate_until", {}, (), 0)
