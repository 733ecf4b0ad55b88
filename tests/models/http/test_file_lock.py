from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from lm_eval.models.http.file_lock import FileLock, lock, unlock

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX locks")
TAKE = "import sys, pathlib; from lm_eval.models.http.file_lock import FileLock; FileLock(pathlib.Path(sys.argv[1]))"


def elsewhere(path: Path) -> str:
    """Take the lock in another process; return the last line of its errors."""
    ran = subprocess.run([sys.executable, "-c", TAKE, str(path)], capture_output=True, text=True, timeout=60)
    return (ran.stderr.splitlines() or [""])[-1]


def test_another_process_is_kept_out_until_the_last_owner_in_this_one_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "run-lock"
    first, second = FileLock(path), FileLock(path)
    assert "BlockingIOError" in elsewhere(path)
    first.close()
    assert "BlockingIOError" in elsewhere(path)
    second.close()
    assert elsewhere(path) == ""


def locked_once(path: Path) -> Callable[[], None]:
    file = lock(path)
    assert file is not None
    return partial(unlock, file)


@pytest.mark.parametrize("take", [lambda path: FileLock(path).close, locked_once], ids=["run", "batches"])
def test_a_process_that_was_forked_meanwhile_keeps_nothing_locked(
    tmp_path: Path, take: Callable[[Path], Callable[[], None]]
) -> None:
    path = tmp_path / "folder" / "run-lock"
    release = take(path)
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.read(read, 1)
        os._exit(0)
    try:
        release()
        assert elsewhere(path) == ""
    finally:
        os.write(write, b"x")
        os.waitpid(child, 0)


def test_a_process_that_is_killed_leaves_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "run-lock"
    code = f"{TAKE}; print('locked', flush=True); import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "locked\n"
        with pytest.raises(BlockingIOError):
            FileLock(path)
        process.kill()
        FileLock(path, seconds=10).close()
