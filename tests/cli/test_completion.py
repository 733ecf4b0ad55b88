from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lm_eval.cli import main
from lm_eval.cli._candidates import DIRS, FILES, candidates
from lm_eval.cli.main import COMMANDS
from tests.fakes import write_tasks

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ([""], list(COMMANDS)),
        (["val"], ["validate"]),
        (["--ver"], ["--version"]),
        (["nothing", ""], []),
        (["run", "--num_f"], ["--num_fewshot"]),
        (["--num_fewshot", "3", "--lim"], ["--limit"]),
        (["run", "--model", "local-ch"], ["local-chat-completions"]),
        (["run", "--model=local-ch"], ["--model=local-chat-completions"]),
        (["run", "--model", "=", "local-ch"], ["local-chat-completions"]),
        (["run", "-t", "gsm8k,wikit"], ["gsm8k,wikitext"]),
        (["run", "-t", "gsm8k", "wikit"], ["wikitext"]),
        (["run", "--tasks", "=", "gsm8k,wikit"], ["gsm8k,wikitext"]),
        (["run", "--model-args", "model=x,base_u"], ["model=x,base_url="]),
        (["run", "--model_args", "model", "=", "x,base_u"], ["x,base_url="]),
        (["run", "--model_args", "model=x"], []),
        (["run", "--config", ""], [FILES]),
        (["run", "--config=a"], [FILES]),
        (["run", "-t", "tasks/mine"], [FILES]),
        (["run", "--output_path", ""], [DIRS]),
        (["run", "--limit", "3"], []),
        (["run", "--log_samples", ""], []),
        (["run", "--verbosity", "DE"], ["DEBUG"]),
        (["ls", "subt"], ["subtasks"]),
        (["ls", "tags", "math_"], ["math_word_problems"]),
        (["ls", "--family", "glu"], ["glue"]),
        (["ls", "--output_type", "multi"], ["multiple_choice"]),
        (["show", "gsm8k_platinum_cot_z"], ["gsm8k_platinum_cot_zeroshot"]),
        (["validate", "--tasks", "wikit"], ["wikitext"]),
        (["completion", "z"], ["zsh"]),
    ],
)
def test_completions_of_the_next_word(words: list[str], found: list[str]) -> None:
    assert candidates(words) == found


def test_a_task_is_offered_once() -> None:
    assert "arc_easy" not in candidates(["run", "--tasks", "arc_easy", "arc_"])


def test_tasks_of_other_folders_are_known(tmp_path: Path) -> None:
    words = ["run", "--include_path", str(write_tasks(tmp_path)), "--tasks", "roll"]
    assert candidates(words) == ["rolling"]


@pytest.mark.parametrize("words", [[], ["tcsh"]])
def test_the_shell_has_to_be_named(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", *words]) == 2
    assert "bash" in capsys.readouterr().err


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a command ``lm_eval``, a file and a folder in it."""
    script = tmp_path / "bin" / "lm_eval"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lm_eval "$@"\n')
    script.chmod(0o755)
    (tmp_path / "run me.yaml").write_text("")
    return tmp_path


def shell(place: Path, *words: str) -> list[str]:
    environment = {**os.environ, "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(words, cwd=place, env=environment, capture_output=True, text=True, timeout=60)
    return ran.stdout.splitlines()


needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
needs_fish = pytest.mark.skipif(shutil.which("fish") is None, reason="no fish")
needs_zsh = pytest.mark.skipif(shutil.which("zsh") is None, reason="no zsh")

BASH = """
eval "$(lm_eval completion bash)"
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_lm_eval 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
"""


@needs_bash
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["valid"], ["validate"]),
        (["run", "--tasks", "gsm8k,wikit"], ["gsm8k,wikitext"]),
        (["run", "--model_args", "model", "=", "x,base_u"], ["x,base_url="]),
        (["run", "--config", "=", "run"], ["run me.yaml"]),
        (["run", "--output_path", ""], ["bin"]),
        (["nothing", ""], [""]),
    ],
)
def test_bash_completes(place: Path, words: list[str], found: list[str]) -> None:
    assert shell(place, "bash", "--norc", "-c", BASH, "bash", "lm_eval", *words) == found


@needs_fish
@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("lm_eval run --tasks gsm8k,wikit", ["gsm8k,wikitext"]),
        ("lm_eval run --config=ru", ["--config=run me.yaml"]),
        ("lm_eval valid", ["validate"]),
    ],
)
def test_fish_completes(place: Path, typed: str, found: list[str]) -> None:
    assert shell(place, "fish", "--no-config", "-c", f"lm_eval completion fish | source; complete -C'{typed}'") == found


@needs_zsh
def test_zsh_takes_the_script(place: Path) -> None:
    script = 'eval "$(lm_eval completion zsh | grep -v ^compdef)" && whence -w _lm_eval'
    assert shell(place, "zsh", "-f", "-c", script) == ["_lm_eval: function"]
