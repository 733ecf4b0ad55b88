from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from lm_eval.models.http.runner import cancel, run


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


async def fail() -> int:
    raise ValueError("ours")


def test_it_runs_from_ordinary_code_and_inside_a_running_loop() -> None:
    async def inside() -> int:
        return run(answer)

    assert run(answer) == 42
    assert asyncio.run(inside()) == 42


def test_exceptions_are_passed_on() -> None:
    with pytest.raises(ValueError, match="ours"):
        run(fail)


def test_another_thread_cancels_what_a_thread_waits_for() -> None:
    started, ended = threading.Event(), []

    async def work() -> None:
        try:
            started.set()
            await asyncio.sleep(60)
        finally:
            ended.append("cleaned up")

    def wait() -> None:
        try:
            run(work)
        except asyncio.CancelledError:
            ended.append("cancelled")

    thread = threading.Thread(target=wait)
    thread.start()
    assert started.wait(30)
    cancel(thread)
    thread.join(30)
    assert ended == ["cleaned up", "cancelled"]


def test_a_thread_that_waits_for_nothing_is_left_alone() -> None:
    cancel(threading.current_thread())
    assert run(answer) == 42


@pytest.mark.skipif(os.name == "nt", reason="signals are sent as on POSIX")
def test_ctrl_c_lets_the_coroutine_clean_up() -> None:
    program = """
        import asyncio
        from lm_eval.models.http.runner import cancel, run

        async def work():
            try:
                print("started", flush=True)
                await asyncio.sleep(60)
            finally:
                print("cleaned up", flush=True)

        try:
            run(work)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (out, err) == ("cleaned up\ninterrupted\n", "")
