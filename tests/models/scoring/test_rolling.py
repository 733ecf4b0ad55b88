from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lm_eval.api.instance import RequestError
from lm_eval.errors import APIError, MalformedResponse, RequestRejected
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.http.dispatcher import Dispatcher
from lm_eval.models.http.session import Session
from lm_eval.models.logprobs.checks import LogLikelihood
from lm_eval.models.scoring.rolling import Window, window_units, windows
from lm_eval.models.work import Answer, Ask
from tests.models.scoring.helpers import document


def run(failures: dict[int, list[APIError]], places: int) -> tuple[list[Answer], list[RequestError], Counter[int]]:
    """Score a text of five windows; the windows in ``failures`` fail as often as they have errors."""
    asked: Counter[int] = Counter()

    async def score(ask: Ask, ids: list[int], first: int, repeat: int) -> LogLikelihood:
        window = ids[-1]
        asked[window] += 1
        await asyncio.sleep(0)
        if failures.get(window):
            raise failures[window].pop(0)
        return LogLikelihood(-1.0, True)

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
def test_a_window_that_succeeds_on_retry_keeps_the_document(places: int) -> None:
    answers, lost, asked = run({1: [MalformedResponse("odd")], 3: [MalformedResponse("odd")]}, places)
    assert [answer.response for answer in answers] == [-5.0]
    assert lost == []
    assert set(asked) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("places", [1, 3, 8])
def test_a_document_is_lost_once_and_its_other_windows_are_not_sent(places: int) -> None:
    answers, lost, asked = run({0: [RequestRejected("no")], 4: [RequestRejected("no")]}, places)
    assert (answers, [error.kind for error in lost]) == ([], ["rejected"])
    assert sum(asked.values()) <= places


def test_windows_keep_a_full_context_for_the_last() -> None:
    assert windows(10, 4) == [Window(-1, 0, 4), Window(3, 4, 8), Window(5, 8, 10)]
    assert windows(3, 4) == [Window(-1, 0, 3)]


@given(st.integers(1, 200), st.integers(1, 50))
def test_every_token_is_predicted_once_and_no_window_is_too_long(count: int, max_length: int) -> None:
    cuts = windows(count, max_length)
    assert [place for cut in cuts for place in range(cut.first, cut.stop)] == list(range(count))
    assert all(cut.stop - max(cut.start, 0) <= max_length + 1 for cut in cuts)
    assert all(cut.stop - cut.start == max_length + 1 for cut in cuts[1:])
