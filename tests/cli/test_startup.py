"""Most of the start time of a command is its imports."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ["aiohttp", "datasets", "jinja2", "numpy", "pandas", "pyarrow", "requests", "sqlitedict", "tenacity", "tqdm"]

SCRIPT = """
import contextlib, io, sys
from lm_eval.cli import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    with contextlib.suppress(SystemExit):
        main(sys.argv[1:])
print(*sorted(set({heavy!r}) & set(sys.modules)))
"""


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["run", "--help"],
        ["ls", "tasks"],
        ["ls", "groups"],
        ["ls", "gsm8k", "--long"],
        ["ls", "--json", "--family", "glue"],
        ["show", "--help"],
        ["completion", "bash"],
        ["completion", "--words", "run", "--tasks", "gsm8k,ar"],
        ["completion", "--words", "run", "--model_args", "ba"],
        ["validate", "--help"],
        ["probe", "--help"],
        ["mock-server", "--help"],
        ["demo", "--help"],
        ["run", "--modle", "x"],
    ],
)
def test_nothing_heavy_is_imported(words: list[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(heavy=HEAVY), *words], capture_output=True, text=True, timeout=60
    )
    assert (ran.stdout.strip(), ran.stderr) == ("", "")


def test_importing_the_package_is_light() -> None:
    script = f"import sys, lm_eval; print(*sorted(set({HEAVY!r}) & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (ran.stdout.strip(), ran.stderr) == ("", "")
