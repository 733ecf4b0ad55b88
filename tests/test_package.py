from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest

import lm_eval

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", lm_eval.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert getattr(lm_eval, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="simple_evalute"):
        _ = lm_eval.simple_evalute  # type: ignore[attr-defined]


def test_public_names_are_listed() -> None:
    assert set(lm_eval.__all__) <= set(dir(lm_eval))


def test_it_runs_as_a_module() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "lm_eval", "--help"], capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_package_is_marked_as_typed() -> None:
    assert (ROOT / "lm_eval" / "py.typed").is_file()


def test_every_file_of_the_package_is_shipped() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    patterns = re.search(r'^"\*" = \[(.*)\]', text, re.MULTILINE)
    assert patterns is not None
    shipped = tuple(re.findall(r'"\*?([^"]+)"', patterns[1]))
    files = [file for file in (ROOT / "lm_eval").rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    assert [file.name for file in files if not file.name.endswith((".py", *shipped))] == []


def test_changelog_lines_start_with_their_area() -> None:
    lines = [line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("- ")]
    assert [line for line in lines if not re.match(r"- [A-Z][\w -]*: ", line)] == []


def _dependencies() -> set[str]:
    text = (ROOT / "pyproject.toml").read_text()
    block = re.search(r"^dependencies = \[(.*?)^\]", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    return {re.split(r"[><=!~\[; ]", line.strip(' ",'))[0] for line in block[1].splitlines() if line.strip()}


def test_installing_adds_no_model_library() -> None:
    seen: set[str] = set()
    waiting = _dependencies()
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            needs = requires(name) or []
        except PackageNotFoundError:  # for another platform or Python
            continue
        waiting |= {re.split(r"[><=!~\[; (]", need)[0] for need in needs if "extra ==" not in need}
    assert "datasets" in seen
    assert seen & {"torch", "transformers", "tiktoken", "accelerate"} == set()
