from __future__ import annotations

import asyncio

import pytest

from lm_eval.models.http.deadlines import Deadline, Deadlines


async def waits(deadlines: Deadlines, seconds: float) -> bool:
    """Wait; return whether the time ran out."""
    deadline = deadlines.begin()
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        if deadlines.end(deadline):
            return True
        raise
    finally:
        deadlines.end(deadline)
    return False


def test_only_late_work_is_cancelled() -> None:
    async def work() -> tuple[bool, ...]:
        deadlines = Deadlines(0.05)
        found = tuple(await asyncio.gather(waits(deadlines, 30), waits(deadlines, 0), waits(deadlines, 30)))
        deadlines.close()
        return found

    assert asyncio.run(work()) == (True, False, True)


def test_a_later_deadline_is_watched_after_the_first_has_ended() -> None:
    async def work() -> bool:
        deadlines = Deadlines(0.05)
        await waits(deadlines, 0.03)
        found = await waits(deadlines, 30)
        deadlines.close()
        return found

    assert asyncio.run(work())


def test_a_cancellation_by_other_code_is_not_a_timeout() -> None:
    async def work() -> None:
        deadlines = Deadlines(30)
        task = asyncio.ensure_future(waits(deadlines, 30))
        await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        finally:
            deadlines.close()

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(work())


def test_a_slow_call_does_not_delay_the_result_of_a_later_one() -> None:
    async def work() -> int:
        deadlines = Deadlines(30)
        first: Deadline = deadlines.begin()
        for _ in range(20_000):
            deadlines.end(deadlines.begin())
        waiting = len(deadlines._begun)
        deadlines.end(first)
        deadlines.close()
        return waiting

    assert asyncio.run(work()) < 5_000
