from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from lm_eval.api.instance import RequestError
from lm_eval.errors import APIError, MalformedResponse, RequestRejected
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.http.dispatcher import Dispatcher
from lm_eval.models.http.session import Session
from lm_eval.models.logprobs.checks import Score
from lm_eval.models.logprobs.seams import windows
from lm_eval.models.scoring.rolling import window_units
from lm_eval.models.work import Answer, Ask
from tests.models.scoring.helpers import document


def run(failures: dict[int, list[APIError]], places: int) -> tuple[list[Answer], list[RequestError], Counter[int]]:
    """Score a document of five windows; the windows named fail as often as they have errors."""
    asked: Counter[int] = Counter()

    async def score(ask: Ask, ids: list[int], first: int, repeat: int) -> Score:
        window = ids[-1]
        asked[window] += 1
        await asyncio.sleep(0)
        if failures.get(window):
            raise failures[window].pop(0)
        return Score(-1.0, True)

    units = window_units(document("x"), 99, range(5), windows(5, 1), score)
    answers: list[Answer] = []
    lost: list[RequestError] = []

    async def work() -> None:
        args = ModelArguments(model="m", base_url="http://127.0.0.1:9", num_concurrent=places)
        async with Session(args, "/completions").engine({}) as engine:
            waiting = (unit for unit in units if not isinstance(unit, Answer))
            await Dispatcher(engine, waiting, answers.append, lambda slot, error: lost.append(error)).run()

    asyncio.run(work())
    return answers, lost, asked


@pytest.mark.parametrize("places", [1, 3, 8])
def test_a_window_that_succeeds_the_second_time_leaves_the_document_whole(places: int) -> None:
    answers, lost, asked = run({1: [MalformedResponse("odd")], 3: [MalformedResponse("odd")]}, places)
    assert [answer.response for answer in answers] == [-5.0]
    assert lost == []
    assert set(asked) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("places", [1, 3, 8])
def test_a_document_is_lost_once_and_its_other_windows_are_left(places: int) -> None:
    answers, lost, asked = run({0: [RequestRejected("no")], 4: [RequestRejected("no")]}, places)
    assert (answers, [error.kind for error in lost]) == ([], ["rejected"])
    assert sum(asked.values()) <= places
