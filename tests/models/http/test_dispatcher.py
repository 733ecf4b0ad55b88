from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from lm_eval.api.instance import Instance, RequestError
from lm_eval.errors import APIError, CheckFailed, ConfigError, MalformedResponse, RequestRejected
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.http.dispatcher import Dispatcher
from lm_eval.models.http.session import Session
from lm_eval.models.work import Answer, Ask, Slot, Unit


def slot(number: int) -> Slot:
    return Slot(Instance("generate_until", {}, (number, {}), 0))


@dataclass
class Plain:
    """Waits for one iteration of the loop and answers; may fail, or return more work."""

    number: int
    counts: dict[str, int]
    error: Exception | None = None
    more: Sequence[Unit] = ()
    slots: Sequence[Slot] = field(init=False)

    def __post_init__(self) -> None:
        self.slots = (slot(self.number),)

    async def run(self, ask: Ask) -> Sequence[Answer | Unit]:
        self.counts["runs"] = self.counts.get("runs", 0) + 1
        self.counts["now"] = self.counts.get("now", 0) + 1
        self.counts["max"] = max(self.counts.get("max", 0), self.counts["now"])
        await asyncio.sleep(0)
        self.counts["now"] -= 1
        if self.error is not None:
            raise self.error
        return [Answer(self.slots[0], self.number), *self.more]


def dispatch(units: Iterator[Unit], places: int = 4, retries: int = 6) -> tuple[list[Any], list[RequestError]]:
    answers: list[Any] = []
    lost: list[RequestError] = []

    async def work() -> None:
        args = ModelArguments(model="m", base_url="http://127.0.0.1:9", num_concurrent=places, max_retries=retries)
        async with Session(args, "/completions").engine({}) as engine:
            await Dispatcher(
                engine, units, lambda answer: answers.append(answer.response), lambda slot, error: lost.append(error)
            ).run()

    asyncio.run(work())
    return answers, lost


def test_units_are_taken_only_when_a_worker_is_free() -> None:
    counts: dict[str, int] = {}
    taken = 0

    def units() -> Iterator[Unit]:
        nonlocal taken
        for number in range(100):
            taken += 1
            assert taken - len(done) <= 2 * 4
            yield Plain(number, counts)

    done: list[Any] = []

    async def work() -> None:
        args = ModelArguments(model="m", base_url="http://127.0.0.1:9", num_concurrent=4)
        async with Session(args, "/completions").engine({}) as engine:
            await Dispatcher(engine, units(), lambda a: done.append(a.response), lambda s, e: None).run()

    asyncio.run(work())
    assert sorted(done) == list(range(100))
    assert counts["max"] == 4


def test_follow_up_units_run_first() -> None:
    counts: dict[str, int] = {}
    windows = [Plain(10, counts), Plain(11, counts)]
    answers, _ = dispatch(iter([Plain(0, counts, more=windows), Plain(1, counts)]), places=1)
    assert answers == [0, 10, 11, 1]


def test_follow_ups_of_the_last_unit_are_spread_over_workers() -> None:
    counts: dict[str, int] = {}
    dispatch(iter([Plain(0, counts, more=[Plain(number, counts) for number in range(1, 9)])]), places=4)
    assert counts["max"] == 4


def test_a_lost_unit_is_data_and_the_rest_continues() -> None:
    counts: dict[str, int] = {}
    units = [
        Plain(0, counts),
        Plain(1, counts, RequestRejected("no", status=400, endpoint="http://h")),
        Plain(2, counts),
    ]
    answers, lost = dispatch(iter(units))
    assert sorted(answers) == [0, 2]
    assert [(error.kind, error.status, error.endpoint) for error in lost] == [("rejected", 400, "http://h")]


@pytest.mark.parametrize("error", [ConfigError("ours"), ValueError("a bug")])
def test_an_unexpected_error_ends_the_run(error: Exception) -> None:
    counts: dict[str, int] = {}
    with pytest.raises(type(error), match=str(error)):
        dispatch(Plain(number, counts, error if number == 3 else None) for number in range(1000))
    assert counts["runs"] < 20


def test_an_error_in_the_iterator_ends_the_run() -> None:
    def units() -> Iterator[Unit]:
        yield Plain(0, {})
        raise ConfigError("a bad template")

    with pytest.raises(ConfigError, match="a bad template"):
        dispatch(units())


@pytest.mark.parametrize(
    ("error", "retries", "runs"),
    [
        (MalformedResponse("odd"), 6, 3),
        (MalformedResponse("odd"), 0, 1),
        (CheckFailed("wrong"), 6, 1),
    ],
)
def test_a_unit_that_cannot_use_its_answer_runs_again_if_that_may_help(
    error: APIError, retries: int, runs: int
) -> None:
    counts: dict[str, int] = {}
    _, lost = dispatch(iter([Plain(0, counts, error)]), retries=retries)
    assert counts["runs"] == runs
    assert [entry.attempts for entry in lost] == [runs]


def test_no_work_returns_at_once() -> None:
    assert dispatch(iter([])) == ([], [])


def test_no_unit_is_left_behind_when_fewer_may_be_in_flight() -> None:
    counts: dict[str, int] = {}
    done: list[Any] = []

    async def work() -> None:
        args = ModelArguments(model="m", base_url="http://127.0.0.1:9", num_concurrent=16)
        async with Session(args, "/completions").engine({}) as engine:

            def answered(answer: Answer) -> None:
                done.append(answer.response)
                engine.gate.limit.value = 4  # while 16 units end in the same iteration of the loop

            units = (Plain(number, counts) for number in range(100))
            await Dispatcher(engine, units, answered, lambda slot, error: None).run()

    asyncio.run(work())
    assert sorted(done) == list(range(100))
