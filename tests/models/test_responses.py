from __future__ import annotations

from typing import Any

import pytest

from lm_eval.api.instance import Instance, RequestError, ResponseInfo, Usage
from lm_eval.errors import APIError
from lm_eval.mock_server.prefix_cache import PrefixCache
from lm_eval.mock_server.tokenizer import default_tokenizer
from lm_eval.models.messages import ChatPrompt
from lm_eval.models.responses import ListedResponses, Responses, in_prefix_order
from lm_eval.models.work import Answer, Slot


def scored(task: str, prompt: str, idx: int = 0, repeats: int = 1) -> Instance:
    return Instance("loglikelihood", {}, (prompt, " x"), idx, (task, 0, repeats))


def test_prompts_with_shared_starts_are_neighbours_and_tasks_keep_their_order() -> None:
    instances = [
        scored("b", "shot two: q1"), scored("b", "shot one: q2"), scored("a", "shot one: q9"),
        scored("b", "shot two: q3"), scored("b", "shot one: q1", 0), scored("b", "shot one: q1", 1),
    ]  # fmt: skip
    ordered = [(i.task_name, i.args[0], i.idx) for i in in_prefix_order(instances)]
    assert ordered == [
        ("b", "shot one: q1", 0), ("b", "shot one: q1", 1), ("b", "shot one: q2", 0),
        ("b", "shot two: q1", 0), ("b", "shot two: q3", 0), ("a", "shot one: q9", 0),
    ]  # fmt: skip


def generated(task: str, prompt: str, temperature: float) -> Instance:
    return Instance("generate_until", {}, (prompt, {"temperature": temperature}), 0, (task, 0, 1))


def test_tasks_with_the_same_prompts_are_grouped() -> None:
    instances = [
        generated("greedy", "q2", 0.0), generated("greedy", "q1", 0.0), generated("other", "p1", 0.0),
        generated("sampled", "q1", 0.7), generated("sampled", "q2", 0.7), generated("sampled", "q3", 0.7),
    ]  # fmt: skip
    assert [(i.task_name, i.args[0]) for i in in_prefix_order(instances)] == [
        ("greedy", "q1"), ("sampled", "q1"), ("greedy", "q2"), ("sampled", "q2"), ("sampled", "q3"), ("other", "p1"),
    ]  # fmt: skip


def test_the_choices_of_a_context_stay_together_if_tasks_share_it() -> None:
    instances = [scored(task, context, idx) for idx in range(2) for context in "ba" for task in ("one", "two")]
    ordered = [(i.args[0], i.task_name, i.idx) for i in in_prefix_order(instances)]
    assert ordered == [(context, task, idx) for context in "ab" for task in ("one", "two") for idx in range(2)]


def test_a_limited_cache_has_as_many_hits_as_an_unlimited_one() -> None:
    def text(name: str) -> str:
        return " ".join(f"{name} {word}" for word in range(20))

    contexts = [f"{text(f'shot {doc % 4}')} {text(f'question {doc}')}" for doc in range(100)]
    instances = [scored(f"task {doc % 4}", context, idx) for idx in range(4) for doc, context in enumerate(contexts)]
    tokenizer = default_tokenizer()

    def found(order: list[Instance], blocks: int) -> int:
        cache = PrefixCache(blocks)
        return sum(cache.look_up(tokenizer.encode("".join(instance.args[:2]))) for instance in order)

    unlimited = found(instances, 10**6)
    assert found(in_prefix_order(instances), 64) == unlimited
    assert found(instances, 64) < unlimited


def test_messages_are_ordered_too() -> None:
    def chat(text: str) -> Instance:
        return Instance("generate_until", {}, (ChatPrompt([{"role": "user", "content": text}]), {}), 0)

    ordered = in_prefix_order([chat("b"), chat("a")])
    assert [instance.args[0][0]["content"] for instance in ordered] == ["a", "b"]


def test_repeats_are_returned_in_order() -> None:
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


def test_an_instance_is_complete_with_the_last_of_its_repeats() -> None:
    instance, complete = scored("t", "p", repeats=3), list[list[Any]]()
    responses = Responses([instance], lambda done: complete.append([done.resps, done.error is not None]))
    first, second, third = responses.slots()
    responses.answered(Answer(second, "b"))
    responses.lost(first, RequestError("timeout", "too slow"))
    assert not complete
    responses.answered(Answer(third, "c"))
    assert complete == [[["b", "c"], True]]


def test_tokens_are_added_up_by_task() -> None:
    one, two, none = scored("a", "p", repeats=2), scored("b", "q"), scored("c", "r")
    responses = Responses([one, two, none])
    for slot in responses.slots():
        usage = Usage(10, 1, 4, 2) if slot.instance is not none else None
        responses.answered(Answer(slot, "r", ResponseInfo(usage=usage)))
    responses.finish()
    assert responses.usage == {"a": Usage(20, 2, 8, 4), "b": Usage(10, 1, 4, 2)}


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
