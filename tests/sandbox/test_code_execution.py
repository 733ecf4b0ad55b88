"""Generated programs pass or fail, and cannot affect anything outside their process."""

from __future__ import annotations

import math
import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

from lm_eval.sandbox.code_execution import ProgramLimits, ProgramResult, code_eval, pass_at_k, run_program, run_programs

pytestmark = pytest.mark.skipif(os.name != "posix", reason="generated code runs on POSIX systems only")
linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's layers are Linux's")

TIGHT = ProgramLimits(seconds=5, memory_mb=512, file_mb=1, processes=4, open_files=32)
# Without the checks of Python: only the limits of the kernel.
BARE = ProgramLimits(seconds=5, memory_mb=512, file_mb=1, processes=4, open_files=32, refuse_in_python=False)


def held_by(*layers: str) -> None:
    missing = set(layers) - run_program("", TIGHT).layers
    if missing:
        pytest.skip(f"this system has no layer for: {', '.join(sorted(missing))}")


def processes_running(mark: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [entry.parent.name] if mark in entry.read_text() else []
        except OSError:
            continue
    return found


@pytest.fixture
def server() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@pytest.mark.parametrize(
    "program",
    [
        "assert 1 + 1 == 2",
        "import collections, dataclasses, heapq, itertools, math, re, typing",
        "with open('own.txt', 'w') as file:\n    file.write('x')\nimport os\nassert os.listdir() == ['own.txt']",
        "import threading\nthread = threading.Thread(target=print)\nthread.start()\nthread.join()",
        "import asyncio\nasync def main():\n    return 3\nassert asyncio.run(main()) == 3",
        "print('x' * 100_000)",
    ],
)
def test_program_that_ends_passes(program: str) -> None:
    assert run_program(program, ProgramLimits(seconds=20)) == ProgramResult("passed", layers=run_program("").layers)


@pytest.mark.parametrize(
    ("program", "detail"),
    [
        ("assert False, 'no'", "AssertionError: no"),
        ("def f(:", "SyntaxError"),
        ("import sys\nsys.exit(0)", "SystemExit: 0"),
        ("import os\nos._exit(0)", "ended before the program did"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("input()", "EOFError"),
        ("def f():\n    f()\nf()", "RecursionError"),
        ("class E(Exception):\n    def __str__(self):\n        raise self\nraise E", "E"),
    ],
)
def test_program_that_does_not_end_fails_with_the_reason(program: str, detail: str) -> None:
    outcome = run_program(program, TIGHT)
    assert outcome.status == "failed"
    assert detail in outcome.detail


def test_program_sees_nothing_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    assert run_program("import os\nassert 'OPENAI_API_KEY' not in os.environ", TIGHT).passed


def test_folder_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tmp_path.chmod(0o755)
    run_program("import os\nos.mkdir('a')\nopen('a/b', 'w').close()\nos.chmod('a', 0)", TIGHT)
    assert list(tmp_path.iterdir()) == []


def test_endless_loop_is_stopped() -> None:
    assert run_program("while True:\n    pass", ProgramLimits(seconds=0.3)).status == "timeout"


def test_program_that_ignores_signals_is_stopped() -> None:
    program = (
        "import os, signal\nfor n in (1, 2, 3, 14, 15):\n    signal.signal(n, signal.SIG_IGN)\nwhile True:\n    pass"
    )
    assert run_program(program, ProgramLimits(seconds=0.3)).status == "timeout"


def test_memory_hog_fails() -> None:
    outcome = run_program("hog = []\nwhile True:\n    hog.append(bytearray(1 << 24))", TIGHT)
    assert (outcome.status, outcome.detail) == ("failed", "MemoryError: ")


def test_large_file_fails() -> None:
    assert "File too large" in run_program("open('big', 'wb').write(b'x' * (2 << 20))", TIGHT).detail


@linux
def test_many_files_fill_only_their_own_space() -> None:
    held_by("disk")
    program = "for n in range(8):\n    open(f'{n}', 'wb').write(b'x' * (1 << 19))"
    assert "No space left" in run_program(program, TIGHT).detail


@pytest.mark.parametrize(
    "program",
    [
        "import os\nos.fork()",
        "import subprocess\nsubprocess.run(['true'])",
        "import os\nos.system('true')",
        "import os\nos.kill(os.getppid(), 9)",
        "import socket\nsocket.create_connection(('127.0.0.1', 9))",
        "import socket\nsocket.getaddrinfo('example.org', 80)",
        "open('/tmp/lm-eval-was-here', 'w')",
        "open('../lm-eval-was-here', 'w')",
        "import os\nos.symlink('/tmp', 'out')\nopen('out/lm-eval-was-here', 'w')",
        "import os\nos.remove('/etc/hostname')",
        "import ctypes\nctypes.CDLL(None).getpid()",
    ],
)
def test_python_refuses_processes_connections_and_writes_elsewhere_on_every_system(program: str) -> None:
    outcome = run_program(program, TIGHT)
    assert outcome.status == "failed"
    assert re.search(r"PermissionError: refused|FileNotFoundError", outcome.detail)


@linux
def test_kernel_bounds_a_fork_bomb() -> None:
    held_by("processes")
    # At most 64 forks in any case; each child ends on its own.
    program = """
import os, time
children = 0
try:
    for _ in range(64):
        if os.fork() == 0:
            time.sleep(5)
            os._exit(0)
        children += 1
except BlockingIOError:
    raise RuntimeError(f"stopped after {children}")
"""
    outcome = run_program(program, BARE)
    stopped = re.fullmatch(r"RuntimeError: stopped after (\d+)", outcome.detail)
    assert stopped, outcome
    assert int(stopped.group(1)) < 16


@linux
def test_process_left_behind_dies_with_the_program() -> None:
    held_by("processes")
    mark = "lm-eval-left-behind"
    program = f"""
import os, sys
if os.fork() == 0:
    os.setsid()
    os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(20)", {mark!r}])
"""
    assert run_program(program, BARE).passed
    # The kernel ends it with the first process of its namespace, just after the verdict; otherwise it would run longer.
    deadline = time.monotonic() + 10
    while processes_running(mark) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert processes_running(mark) == []


@linux
def test_kernel_hides_other_processes() -> None:
    held_by("processes")
    assert "ProcessLookupError" in run_program(f"import os\nos.kill({os.getpid()}, 0)", BARE).detail


@linux
def test_kernel_refuses_connections(server: int) -> None:
    held_by("network")
    outcome = run_program(f"import socket\nsocket.create_connection(('127.0.0.1', {server}), 2)", BARE)
    assert outcome.status == "failed"
    assert re.match("PermissionError|ConnectionRefusedError|OSError", outcome.detail)


@linux
def test_kernel_refuses_writes_elsewhere(tmp_path: Path) -> None:
    held_by("files")
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o005)
    tmp_path.chmod(0o777)
    outcome = run_program(f"open({str(tmp_path / 'here')!r}, 'w')", BARE)
    # The file system of the program does not have the folder; where it shows all folders, Landlock refuses the write.
    refused = "FileNotFoundError: [Errno 2]" if "root" in outcome.layers else "PermissionError: [Errno 13]"
    assert refused in outcome.detail
    assert list(tmp_path.iterdir()) == []


@linux
@pytest.mark.skipif(os.name == "posix" and os.geteuid() != 0, reason="not the superuser")
def test_superuser_becomes_nobody() -> None:
    held_by("user")
    assert run_program("import os\nassert os.getuid() == 65534", BARE).passed
    assert "PermissionError" in run_program("import os\nos.setuid(0)", BARE).detail


def test_a_program_cannot_forge_the_verdict() -> None:
    program = """
import os
for number in range(3, 16):
    try:
        os.write(number, b"passed\\n0123 passed\\n" + b"x" * 20_000)
    except OSError:
        pass
os._exit(0)
"""
    assert run_program(program, TIGHT).status == "failed"


def test_hostile_samples_are_scored_as_failed_among_good_ones() -> None:
    samples = ["x = 1", "import os\nwhile True:\n    os.fork()", "while True:\n    x = 1", "hog = 'x' * (1 << 40)"]
    assert code_eval(["assert x == 1"], [samples], [1, 2, 4], ProgramLimits(seconds=1)) == {
        "pass@1": 0.25,
        "pass@2": pytest.approx(0.5),
        "pass@4": 1.0,
    }


def test_equal_programs_are_run_once_and_in_order() -> None:
    outcomes = run_programs(["x = 1", "assert 0", "x = 1"], TIGHT)
    assert [outcome.passed for outcome in outcomes] == [True, False, True]
    assert outcomes[0] is outcomes[2]


def test_sets_of_strings_have_the_same_order_in_every_run() -> None:
    shown = "raise ValueError(list({'a', 'b', 'c', 'd', 'e'}))"
    assert run_program(shown).detail == run_program(shown + " # again").detail


def test_k_beyond_the_samples_is_left_out() -> None:
    assert code_eval(["assert x", "assert x"], [["x = 1", "x = 0"], ["x = 1"]], [1, 2], TIGHT) == {"pass@1": 0.75}


def test_nothing_to_score_gives_nothing() -> None:
    assert code_eval([], []) == {}


@pytest.mark.parametrize("total", [1, 5, 10])
def test_pass_at_k_is_the_share_of_draws_with_a_right_sample(total: int) -> None:
    for correct in range(total + 1):
        for k in range(1, total + 1):
            draws = list(combinations(range(total), k))
            share = sum(min(draw) < correct for draw in draws) / len(draws)
            assert pass_at_k(total, correct, k) == pytest.approx(share, abs=1e-12)


@pytest.mark.parametrize(("total", "correct", "k"), [(200, 3, 100), (64, 1, 64), (100, 0, 10), (1000, 500, 7)])
def test_pass_at_k_is_the_published_formula(total: int, correct: int, k: int) -> None:
    formula = 1 - math.comb(total - correct, k) / math.comb(total, k)
    assert pass_at_k(total, correct, k) == pytest.approx(formula, abs=1e-12)
