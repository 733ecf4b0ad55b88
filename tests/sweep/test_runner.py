"""Cells run in processes: a small program stands for a run, and does what the name of its task says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from lm_eval.sweep.file import read_sweep
from lm_eval.sweep.runner import Ended, run_cells
from tests.sweep.conftest import Write

PROGRAM = """
import json, os, signal, sys, threading, time
from pathlib import Path
options = json.loads(sys.stdin.buffer.readline())
folder, what = Path(options["output_path"]), options["tasks"][0]
with open(folder / "starts", "a") as file:
    file.write(f"{time.time()} {os.getpid()}\\n")
code = 130
def interrupted(*_):
    (folder / "kept").write_text("answers")
    os._exit(130)
signal.signal(signal.SIGINT, interrupted)
def wait():
    if not os.read(0, 1):
        os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=wait, daemon=True).start()
def save(lost=0, refused=()):
    number = len(list(folder.glob("m/results_*")))
    (folder / "m").mkdir(exist_ok=True)
    results = {"results": {what: {}}, "errors": {"lost": lost, "exceeded": lost > 1}}
    results["refused"] = dict.fromkeys(refused, "no")
    (folder / "m" / f"results_2026-01-01T00-00-0{number}.json").write_text(json.dumps(results))
first = len((folder / "starts").read_text().splitlines()) == 1
if what == "mistake":
    print("noise\\nlm_eval: error: this cannot be", file=sys.stderr)
    sys.exit(2)
if what == "breaks":
    raise ValueError("of its own")
if what == "loses" and first:
    save(lost=2)
    sys.exit(3)
if what == "refuses":
    save(refused=["x"])
    sys.exit(3)
if what == "dies" and first:
    os.kill(os.getpid(), signal.SIGKILL)
if what == "waits" and first:
    (folder / "waiting").write_text(str(os.getpid()))
    time.sleep(60)
save()
"""
COMMAND = (sys.executable, "-c", PROGRAM)


def go(path: Path) -> tuple[dict[str, Ended], list[str]]:
    lines: list[str] = []
    ended = run_cells(read_sweep(path).cells, COMMAND, (4, 130), lines.append)
    return {one.cell.name: one for one in ended}, lines


def states(ended: dict[str, Ended]) -> list[str]:
    return [one.state for one in ended.values()]


def test_a_cell_that_fails_does_not_stop_the_others_and_only_what_is_missing_is_repeated(write: Write) -> None:
    path = write(settings=None, tasks=["mistake", "loses", "refuses", "dies", "works"])
    ended, lines = go(path)
    assert states(ended) == ["failed", "lost", "incomplete", "failed", "done"] * 2
    assert ended["one mistake"].said == "error: this cannot be"
    assert ended["one dies"].said == "killed by signal 9"
    assert len(lines) == 10
    again, _ = go(path)
    assert states(again) == ["failed", "done", "incomplete", "done", "was done"] * 2
    starts = {name: len((one.cell.folder / "starts").read_text().splitlines()) for name, one in again.items()}
    assert [starts[f"one {task}"] for task in ("mistake", "loses", "refuses", "dies", "works")] == [2, 2, 1, 2, 1]


def test_an_exception_is_told_by_its_text(write: Write) -> None:
    ended, _ = go(write(settings=None, tasks=["breaks"]))
    assert {one.said for one in ended.values()} == {"ValueError: of its own"}


def test_the_cells_of_an_endpoint_wait_for_each_other(write: Write) -> None:
    model = {"model": "local-completions", "model_args": {"model": "m", "base_url": "http://127.0.0.1:1/v1"}}
    cells = read_sweep(write(models={"a": model, "b": model}, tasks=["works"])).cells
    assert len({cell.endpoint for cell in cells}) == 1


def test_other_settings_are_another_run(write: Write) -> None:
    assert states(go(write(settings=None, tasks=["works"]))[0]) == ["done", "done"]
    assert states(go(write(settings=None, tasks=["works"], model_args={"num_concurrent": 9}))[0]) == ["was done"] * 2
    assert states(go(write(settings=None, tasks=["works"], limit=3))[0]) == ["done", "done"]
    assert states(go(write(settings=None, tasks=["works"], limit=3))[0]) == ["was done", "was done"]


def test_no_key_is_written(write: Write, tmp_path: Path) -> None:
    secret = "sk-abcdefghijklmnop1234"
    go(write(settings=None, tasks=["works"], model_args={"auth_token": secret, "header": {"x-api-key": secret}}))
    texts = [file.read_text() for file in (tmp_path / "out").rglob("*") if file.is_file()]
    assert texts
    assert not any(secret in text for text in texts)


SCRIPT = """
import sys
from pathlib import Path
from lm_eval.sweep.file import read_sweep
from lm_eval.sweep.runner import run_cells
from tests.sweep.test_runner import COMMAND
ended = run_cells(read_sweep(Path(sys.argv[1])).cells, COMMAND, (4, 130), print)
print([one.state for one in ended], flush=True)
"""


def waiting(folders: Sequence[Path], limit: float = 60.0) -> None:
    end = time.monotonic() + limit
    while not all((folder / "waiting").exists() and (folder / "waiting").read_text() for folder in folders):
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_a_sweep_that_is_stopped_or_killed_goes_on(write: Write, sign: signal.Signals) -> None:
    path = write(settings=None, tasks=["waits", "works"])
    cells = read_sweep(path).cells
    command = [sys.executable, "-c", SCRIPT, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        folders = [cell.folder for cell in cells if cell.tasks == "waits"]
        waiting(folders)
        process.send_signal(sign)
        printed = process.communicate()[0]
    if sign == signal.SIGINT:
        assert printed.splitlines()[-1] == str(["stopped", "not started"] * 2)
    end = time.monotonic() + 60
    while not all((folder / "kept").exists() for folder in folders):  # each run has kept its answers
        assert time.monotonic() < end
        time.sleep(0.02)
    assert states(go(path)[0]) == ["done"] * 4


def test_options_reach_the_run(write: Write) -> None:
    ended, _ = go(write(settings=None, tasks=["works"]))
    kept = json.loads((ended["one works"].cell.folder / "cell.json").read_text())
    assert kept["settings"]["tasks"] == ["works"]
