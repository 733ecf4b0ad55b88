from __future__ import annotations

import pytest

from lm_eval.api.instance import Instance, RequestError, ResponseInfo
from lm_eval.errors import APIError
from lm_eval.models.messages import ChatPrompt
from lm_eval.models.pool import ListedResponses, Responses, in_prefix_order
from lm_eval.models.work import Answer, Slot


def scored(task: str, prompt: str, idx: int = 0, repeats: int = 1) -> Instance:
    return Instance("loglikelihood", {}, (prompt, " x"), idx, (task, 0, repeats))


def test_shared_starts_are_neighbours_and_tasks_keep_their_order() -> None:
    instances = [
        scored("b", "shot two: q1"), scored("b", "shot one: q2"), scored("a", "shot one: q9"),
        scored("b", "shot two: q3"), scored("b", "shot one: q1", 0), scored("b", "shot one: q1", 1),
    ]  # fmt: skip
    ordered = [(i.task_name, i.args[0], i.idx) for i in in_prefix_order(instances)]
    assert ordered == [
        ("b", "shot one: q1", 0), ("b", "shot one: q1", 1), ("b", "shot one: q2", 0),
        ("b", "shot two: q1", 0), ("b", "shot two: q3", 0), ("a", "shot one: q9", 0),
    ]  # fmt: skip


def test_messages_are_ordered_too() -> None:
    def chat(text: str) -> Instance:
        return Instance("generate_until", {}, (ChatPrompt([{"role": "user", "content": text}]), {}), 0)

    ordered = in_prefix_order([chat("b"), chat("a")])
    assert [instance.args[0][0]["content"] for instance in ordered] == ["a", "b"]


def test_repeats_come_back_in_their_order() -> None:
    instance = scored("t", "p", repeats=3)
    responses = Responses([instance])
    slots = list(responses.slots())
    for slot in reversed(slots):
        responses.answered(Answer(slot, f"r{slot.repeat}", ResponseInfo(outcome=f"o{slot.repeat}")))
    responses.finish()
    assert instance.resps == ["r0", "r1", "r2"]
    assert [info.outcome for info in instance.info] == ["o0", "o1", "o2"]


def test_a_lost_repeat_leaves_an_error_and_no_gap() -> None:
    instance = scored("t", "p", repeats=2)
    responses = Responses([instance])
    first, second = responses.slots()
    responses.answered(Answer(second, "kept"))
    responses.lost(first, RequestError("timeout", "too slow"))
    responses.finish()
    assert instance.resps == ["kept"]
    assert len(instance.info) == 1
    assert instance.error is not None


def test_a_list_with_the_same_instance_twice_has_two_repeats() -> None:
    one, two = scored("t", "a"), scored("t", "b")
    responses = ListedResponses([one, two, one])
    slots = list(responses.slots())
    assert [slot.repeat for slot in slots] == [0, 0, 1]
    for number, slot in enumerate(slots):
        responses.answered(Answer(slot, number))
    assert responses.finish() == [0, 1, 2]


def test_a_list_has_no_place_for_a_lost_response() -> None:
    instance = scored("t", "a")
    responses = ListedResponses([instance])
    responses.lost(Slot(instance), RequestError("timeout", "too slow"))
    with pytest.raises(APIError, match="1 of 1 requests were lost, first: too slow"):
        responses.finish()
