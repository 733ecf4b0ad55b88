"""Compiles and runs C++ programs that a model wrote, where that is allowed: the sandbox runs Python only."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lm_eval.api.not_computed import NotComputed

__all__ = ["passes"]

_ALLOWED = "LM_EVAL_RUN_CPP"
_HEADERS = (
    "cstdio iostream vector algorithm numeric cmath cstring set map queue stack list fstream climits cassert iomanip"
    " sstream bitset"
)
_MAX_CASES = 10
_COMPILE_SECONDS, _RUN_SECONDS = 60, 3


def passes(code: str, testcases: Sequence[tuple[Sequence[str], Sequence[str]]]) -> bool | NotComputed:
    """Whether a program gives the right output for the first ten test cases.

    Args:
        code: The program, without its includes.
        testcases: Lines of input and lines of output.

    Returns:
        The verdict; or why no program is run.
    """
    if os.environ.get(_ALLOWED) != "1":
        return NotComputed(f"C++ programs run outside the sandbox; {_ALLOWED}=1 allows it")
    if shutil.which("g++") is None:
        return NotComputed("needs g++ with C++11")
    with tempfile.TemporaryDirectory(prefix="lm-eval-cpp-") as name:
        folder = Path(name)
        source, program = folder / "main.cpp", folder / "main"
        includes = "".join(f"#include <{header}>\n" for header in _HEADERS.split())
        source.write_text(f"{includes}using namespace std;\n{code}", encoding="utf-8")
        command = ["g++", "-std=c++11", "-O", "-o", str(program), str(source)]
        return _ends_well(command, folder) and all(
            _prints(program, "\n".join(given) + "\n", "\n".join(wanted) + "\n", folder)
            for given, wanted in testcases[:_MAX_CASES]
        )


def _ends_well(command: Sequence[str], folder: Path) -> bool:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=_COMPILE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _prints(program: Path, given: str, wanted: str, folder: Path) -> bool:
    try:
        done = subprocess.run(
            [str(program)],
            input=given.encode(),
            cwd=folder,
            env={},
            capture_output=True,
            timeout=_RUN_SECONDS,
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError):
        return False
    return done.stdout == wanted.encode()
