"""The Dockerfile, checked without a registry: what is pinned, who the user is, and what gets into the image."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT


def instructions(text: str) -> list[tuple[str, str]]:
    """The name and the rest of each instruction, with continued lines joined."""
    lines = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.M)).splitlines()
    return [(line.split()[0].upper(), line.split(None, 1)[1]) for line in lines if line.strip()]


FILE = instructions((ROOT / "Dockerfile").read_text(encoding="utf-8"))


def of(name: str) -> list[str]:
    return [rest for found, rest in FILE if found == name]


def test_hadolint_finds_nothing() -> None:
    checker = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if checker is None:
        pytest.skip("hadolint is not installed")
    ran = subprocess.run([checker, str(ROOT / "Dockerfile")], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def test_every_base_has_an_exact_version() -> None:
    bases = [rest.split()[0] for rest in of("FROM")]
    assert bases
    assert [
        base for base in bases if not re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", base)
    ] == []
    assert len(set(bases)) == 1


def test_the_command_does_not_run_as_root() -> None:
    last_stage = FILE[max(place for place, (name, _) in enumerate(FILE) if name == "FROM") :]
    users = [rest for name, rest in last_stage if name == "USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1])
    names = [name for name, _ in last_stage]
    assert not set(names[names.index("USER") :]) & {"RUN", "COPY"}


def test_the_entrypoint_is_the_command_and_gets_its_signals() -> None:
    assert [json.loads(rest) for rest in of("ENTRYPOINT")] == [["lm_eval"]]
    assert [json.loads(rest) for rest in of("CMD")] == [["--help"]]


def test_no_layer_keeps_a_cache() -> None:
    commands = " ".join(of("RUN"))
    assert commands.count("pip install") == commands.count("pip install --no-cache-dir")
    assert "apt-get" not in commands or "rm -rf /var/lib/apt/lists" in commands


def test_only_files_of_the_package_are_copied() -> None:
    sources = {word for rest in of("COPY") if "--from=" not in rest for word in rest.split()[:-1]}
    assert of("ADD") == []
    assert sources == {"lm_eval", "pyproject.toml", "README.md", "LICENSE"}
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == sources
    assert ignored.index("*") < ignored.index("!lm_eval")
    assert all((ROOT / source).exists() for source in sources)


def test_no_secret_is_in_an_argument_or_a_variable() -> None:
    words = " ".join([*of("ARG"), *of("ENV"), *of("LABEL"), *of("RUN")])
    assert not re.search(r"(?i)key|token|secret|password", words)


def test_the_extras_exist() -> None:
    (default,) = [rest.partition("=")[2].strip('"[]').split(",") for rest in of("ARG")]
    tomllib = pytest.importorskip("tomllib")
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(default) <= set(known)


@pytest.mark.parametrize("words", ["docker build", "docker run"])
def test_the_workflow_builds_and_runs_the_image(words: str) -> None:
    assert words in (ROOT / ".github" / "workflows" / "docker.yml").read_text(encoding="utf-8")
