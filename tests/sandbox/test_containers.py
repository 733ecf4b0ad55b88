"""Programs run in containers; a script stands for Docker: it writes its command line down and runs Python here."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lm_eval.errors import ConfigError
from lm_eval.sandbox import containers
from lm_eval.sandbox.code_execution import ProgramLimits, check_sandbox, run_program, use_sandbox

pytestmark = pytest.mark.skipif(os.name != "posix", reason="containers are started on POSIX systems only")

DOCKER = """#!{python}
import os, sys
here = {here!r}
open(here + "/log", "a").write(" ".join(a if "\\n" not in a else "RUNNER" for a in sys.argv[1:]) + "\\n")
words = sys.argv[1:]
if words[0] == "image":
    sys.exit(0 if os.path.exists(here + "/image") else 1)
if words[0] == "pull":
    if os.path.exists(here + "/offline"):
        sys.exit("no route to registry")
    open(here + "/image", "w").close()
if words[0] == "run":
    os.chdir("/tmp")
    start = words.index("python")
    os.execve(sys.executable, [sys.executable, *words[start + 1:]], {{"PATH": "/usr/bin:/bin"}})
"""
LIMITS = ProgramLimits(seconds=3, memory_mb=512)


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "docker"
    folder.mkdir()
    program = folder / "docker"
    program.write_text(DOCKER.format(python=sys.executable, here=str(folder)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    containers.forget_images()
    use_sandbox("docker")
    yield folder
    use_sandbox("strict")
    containers.forget_images()


def test_programs_run_in_containers_that_are_removed(docker: Path) -> None:
    check_sandbox()
    assert run_program("print(1)", LIMITS).passed
    assert run_program("assert 0, 'no'", LIMITS).detail == "AssertionError: no"
    assert run_program("while True:\n    pass", ProgramLimits(seconds=0.5)).status == "timeout"
    assert "container" in run_program("", LIMITS).layers
    log = (docker / "log").read_text().splitlines()
    image = f"python:{sys.version_info.major}.{sys.version_info.minor}-slim"
    assert log[:2] == [f"image inspect {image}", f"pull {image}"]
    runs = [line for line in log if line.startswith("run ")]
    assert len(runs) == 5
    for option in ("--network=none", "--read-only", "--cap-drop=ALL", "--user=65534:65534", "--ipc=none"):
        assert all(option in line for line in runs)
    assert "--memory=512m --memory-swap=512m" in runs[1]
    names = [word.removeprefix("--name=") for line in runs for word in line.split() if word.startswith("--name=")]
    assert [line for line in log if line.startswith("rm ")] == [f"rm --force {name}" for name in names]


def test_an_image_can_be_chosen(docker: Path) -> None:
    use_sandbox("docker:registry.example:5000/python:3.12")
    assert run_program("", LIMITS).passed
    assert "image inspect registry.example:5000/python:3.12" in (docker / "log").read_text()


def test_an_image_that_cannot_be_fetched_is_told_before_a_run(docker: Path) -> None:
    (docker / "offline").touch()
    with pytest.raises(ConfigError, match=r"the image python:.* cannot be fetched: no route to registry"):
        check_sandbox()


def test_a_missing_program_is_told_before_a_run(docker: Path) -> None:
    use_sandbox("podman")
    with pytest.raises(ConfigError, match="there is no program 'podman' on this system"):
        check_sandbox()
