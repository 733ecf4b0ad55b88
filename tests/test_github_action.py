"""The action for GitHub: its script runs against the mock server, and its files follow GitHub's schemas."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from lm_eval.mock_server import MockServer
from tests.e2e.conftest import ROOT, TASKS

SCRIPT = ROOT / ".github" / "action" / "evaluate.sh"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
OLD = "17"
"""The number of a comment that was written before."""

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the script needs bash")


@dataclass(frozen=True)
class Ran:
    """What a run of the script left."""

    code: int
    log: str
    summary: str
    outputs: dict[str, str]
    calls: list[str]


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(answers={"1 + 1 =": " 2\n", "2 + 2 =": " 4\n"}) as server:
        yield server


def run_script(folder: Path, server: MockServer, *, old: str = "", gh_fails: bool = False, **inputs: str) -> Ran:
    """Run the script as the steps of the action do, with a command ``gh`` that notes its arguments."""
    tools = folder / "bin"
    tools.mkdir(parents=True, exist_ok=True)
    gh, calls = tools / "gh", folder / "calls.txt"
    gh.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n{"exit 1" if gh_fails else f"echo {old}"}\n')
    command = tools / "lm_eval"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lm_eval "$@"\n')
    for tool in (gh, command):
        tool.chmod(0o755)
    arguments = f"model=mock,base_url={server.base_url}"
    given = {
        **{"tasks": "demo_numbers", "model": "local-completions", "model_args": arguments, "config": "", "api_key": ""},
        **{"options": f"--include_path '{TASKS}' --limit 2 # all", "name": "demo", "fail_if_worse": ""},
        **{"undecided": "fail", "compare_options": "", "comment": "true"},
        **inputs,
    }
    outputs, summary = folder / "outputs.txt", folder / "summary.txt"
    environment = {
        **os.environ,
        **{f"INPUT_{name.upper()}": value for name, value in given.items()},
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "LM_EVAL_WORK": str(folder),
        "GITHUB_OUTPUT": str(outputs),
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_REPOSITORY": "org/repo",
        "GITHUB_RUN_ID": "5",
        "GITHUB_SERVER_URL": "https://github.example",
        "PULL_REQUEST": "3",
    }
    ran = subprocess.run(
        ["bash", str(SCRIPT)], env=environment, cwd=folder, capture_output=True, text=True, timeout=120
    )
    written = dict(line.split("=", 1) for line in outputs.read_text().splitlines()) if outputs.exists() else {}
    return Ran(
        ran.returncode,
        ran.stdout + ran.stderr,
        summary.read_text(encoding="utf-8") if summary.exists() else "",
        written,
        calls.read_text().splitlines() if calls.exists() else [],
    )


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, server: MockServer) -> tuple[Path, Ran]:
    """A run without results of a base branch, and its folder."""
    folder = tmp_path_factory.mktemp("first")
    return folder, run_script(folder, server, options=f"--include_path '{TASKS}' --limit 2 --num_fewshot '$(touch x)0'")


def with_base(folder: Path, first: tuple[Path, Ran]) -> Path:
    """A folder with results of the base branch."""
    options = folder / "work"
    base = next((first[0] / "plain" / "head").glob("*"))
    shutil.copytree(base, options / "base" / base.name)
    return options


@pytest.fixture(scope="module")
def plain(first: tuple[Path, Ran], server: MockServer) -> Ran:
    return run_script(first[0] / "plain", server)


def test_nothing_in_an_input_is_run(first: tuple[Path, Ran]) -> None:
    folder, ran = first
    assert ran.code == 2
    assert ran.outputs["verdict"] == "no results"
    assert "lm_eval ended with exit code 2" in ran.summary
    assert "num_fewshot takes a whole number" in ran.summary
    assert not (folder / "x").exists()


def test_without_results_of_the_base_branch_the_scores_are_commented(plain: Ran) -> None:
    assert plain.code == 0, plain.log
    assert plain.outputs["verdict"] == "not compared"
    assert plain.summary.startswith("<!-- lm-eval: demo -->\n### demo: scores\n")
    assert "|demo_numbers|" in plain.summary
    assert "(https://github.example/org/repo/actions/runs/5)" in plain.summary
    assert [call.split()[:3] for call in plain.calls] == [
        ["api", "--paginate", "repos/org/repo/issues/3/comments"],
        ["api", "--method", "POST"],
    ]


def test_a_worse_change_fails_and_its_comment_is_written_anew(
    tmp_path: Path, first: tuple[Path, Ran], plain: Ran
) -> None:
    folder = with_base(tmp_path, first)
    with MockServer(answers={"=": " none\n"}) as worse:
        ran = run_script(folder, worse, old=OLD, fail_if_worse="0.01")
    assert ran.code == 1
    assert ran.outputs["verdict"] == "failed"
    assert "### demo: worse than the base branch, or undecided" in ran.summary
    assert "**Gate FAILED" in ran.summary
    assert ran.calls[-1].startswith(f"api --method PATCH repos/org/repo/issues/comments/{OLD} ")


def test_a_change_of_the_prompts_cannot_be_compared_unless_told(
    tmp_path: Path, first: tuple[Path, Ran], plain: Ran, server: MockServer
) -> None:
    folder = with_base(tmp_path, first)
    options = f"--include_path '{TASKS}' --limit 2 --num_fewshot 1"
    refused = run_script(folder, server, options=options, gh_fails=True)
    assert refused.code == 2
    assert refused.outputs["verdict"] == "not comparable"
    assert "--allow_different_prompts" in refused.summary
    assert "::warning::The comment could not be written" in refused.log


def action() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    return found


def test_the_script_gets_every_input_it_reads_through_the_environment() -> None:
    steps = {step.get("name"): step for step in action()["runs"]["steps"]}
    given = set(steps["Evaluate"]["env"])
    read = {word.split("}")[0] for word in SCRIPT.read_text(encoding="utf-8").split("${INPUT_")[1:]}
    assert {f"INPUT_{name}" for name in read} == {name for name in given if name.startswith("INPUT_")}
    # An input within a command could be a command itself.
    assert not [step for step in steps.values() if "${{" in step.get("run", "")]


def test_every_input_and_output_is_documented() -> None:
    page = (ROOT / "docs" / "github_action.md").read_text(encoding="utf-8")
    named = [*action()["inputs"], *action()["outputs"]]
    assert [name for name in named if f"| `{name}` |" not in page] == []


@pytest.mark.parametrize("file", [ROOT / "action.yml", *WORKFLOWS], ids=lambda file: file.name)
def test_actions_of_others_are_pinned_to_a_commit(file: Path) -> None:
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    used = [line.split("uses:")[1].split()[0] for line in lines if "uses:" in line]
    assert [name for name in used if name != "./" and len(name.partition("@")[2]) != 40] == []


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_has_few_permissions_and_ends(file: Path) -> None:
    workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    assert [name for name, job in workflow["jobs"].items() if "timeout-minutes" not in job] == []


@pytest.mark.parametrize(
    ("schema", "files"), [("github-actions", [ROOT / "action.yml"]), ("github-workflows", WORKFLOWS)]
)
def test_files_follow_the_schemas_of_github(schema: str, files: list[Path]) -> None:
    pytest.importorskip("check_jsonschema")
    words = ["--builtin-schema", f"vendor.{schema}", *map(str, files)]
    ran = subprocess.run([sys.executable, "-m", "check_jsonschema", *words], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def test_the_script_has_no_faults_that_shellcheck_knows() -> None:
    checker = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if checker is None:
        pytest.skip("shellcheck is not installed")
    ran = subprocess.run([checker, str(SCRIPT)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout
