from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lm_eval.cli.output import use_nearest_characters


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("utf-8", "a ≤ b … ± é 日 \\udc80 →"),
        ("ascii", "a <= b ... +- e \\u65e5 \\udc80 ->"),
        ("latin-1", "a <= b ... ± é \\u65e5 \\udc80 ->"),
        ("cp1252", "a <= b … ± é \\u65e5 \\udc80 ->"),
    ],
)
def test_characters_that_an_encoding_lacks_become_the_nearest(
    encoding: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = {name: io.TextIOWrapper(io.BytesIO(), encoding=encoding) for name in ("stdout", "stderr")}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    use_nearest_characters()
    for stream in streams.values():
        print("a ≤ b … ± é 日 \udc80 →", file=stream, end="", flush=True)
        assert stream.buffer.getvalue().decode(encoding) == shown


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_the_demo_ends_well_on_a_terminal_without_utf_8(encoding: str, tmp_path: Path) -> None:
    given = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "lm_eval", "demo", "-o", str(tmp_path)]
    done = subprocess.run(command, env=given, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    printed = done.stdout.decode(encoding)
    assert "demo_choices" in printed and "|acc            |^  |" in printed
