"""``lm_eval launch``: the files of a run's jobs, and what their commands do."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from lm_eval.cli import main
from lm_eval.mock_server import MockServer
from tests.fakes import write_tasks

ROOT = Path(__file__).parents[2]
MODEL = ["--model", "local-completions", "--model_args"]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="shell scripts")


def launch(tmp_path: Path, scheduler: str, *more: str, arguments: str = "base_url=http://127.0.0.1:1/v1") -> Path:
    """Write the files of a run of the task ``generate``; return their folder."""
    write_tasks(tmp_path)
    words = ["launch", scheduler, *MODEL, f"model=mock,{arguments}", "--tasks", "generate"]
    words += ["--include_path", str(tmp_path), "--output_path", str(tmp_path / "out"), "--log_samples"]
    assert main([*words, "--folder", str(tmp_path / "jobs"), *more]) == 0
    return tmp_path / "jobs"


def program(folder: Path, name: str, text: str) -> None:
    """Write a program that stands for one of the cluster."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/bash\n{text}\n")
    (folder / name).chmod(0o755)


def run(words: list[str], path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **variables, "PATH": f"{path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return subprocess.run(words, capture_output=True, text=True, env=environment, timeout=120, check=False)


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """``lm_eval`` that notes its words and exits as the variable CODE says, and ``scontrol`` that notes its own."""
    folder = tmp_path / "bin"
    program(folder, "lm_eval", f'echo "$@" >> {tmp_path}/asked; exit ${{CODE:-0}}')
    program(folder, "scontrol", f'echo "$@" >> {tmp_path}/scontrol')
    return folder


def test_the_array_has_a_task_per_shard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--jobs", "16", "--at_once", "4", "--sbatch=--time=01:00:00", "--setup", "source venv/bin/activate"]
    folder = launch(tmp_path, "slurm", *more)
    printed = capsys.readouterr()
    names = ["run.yaml", "shards.sbatch", "merge.sbatch", "submit.sh"]
    assert printed.out.splitlines() == [str(folder / name) for name in names]
    assert f"To submit them: bash {folder}/submit.sh" in printed.err
    shards = (folder / "shards.sbatch").read_text()
    assert "#SBATCH --array=0-15%4\n" in shards
    assert "#SBATCH --time=01:00:00\n" in shards
    assert f"source venv/bin/activate\nlm_eval run --config {folder}/run.yaml --shard auto\n" in shards
    assert f"lm_eval merge {tmp_path}/out\n" in (folder / "merge.sbatch").read_text()
    kept = yaml.safe_load((folder / "run.yaml").read_text())
    assert (kept["tasks"], kept["output_path"]) == (["generate"], str(tmp_path / "out"))


@pytest.mark.parametrize(
    ("code", "restarts", "exits", "requeued"),
    [(0, 0, 0, False), (3, 0, 0, False), (2, 0, 2, False), (4, 0, 4, True), (137, 1, 137, True), (4, 2, 4, False)],
)
def test_what_a_task_of_the_array_does_after_its_shard(
    tmp_path: Path, bin_folder: Path, code: int, restarts: int, exits: int, requeued: bool
) -> None:
    folder = launch(tmp_path, "slurm", "--retries", "2")
    variables = {"SLURM_ARRAY_JOB_ID": "77", "SLURM_ARRAY_TASK_ID": "3", "SLURM_RESTART_COUNT": str(restarts)}
    done = run(["bash", str(folder / "shards.sbatch")], bin_folder, CODE=str(code), **variables)
    assert done.returncode == exits
    assert (tmp_path / "asked").read_text() == f"run --config {folder}/run.yaml --shard auto\n"
    assert (tmp_path / "scontrol").exists() == requeued
    assert not requeued or (tmp_path / "scontrol").read_text() == "requeue 77_3\n"


def test_the_merge_is_submitted_after_the_array(
    tmp_path: Path, bin_folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    program(bin_folder, "sbatch", f'echo "$@" >> {tmp_path}/sbatch; echo "77;cluster"')
    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
    folder = launch(tmp_path, "slurm", "--submit")
    assert capfd.readouterr().out.splitlines()[-1] == "77;cluster"
    assert (tmp_path / "sbatch").read_text().splitlines() == [
        f"--parsable {folder}/shards.sbatch",
        f"--parsable --dependency=afterany:77 {folder}/merge.sbatch",
    ]


def test_a_cluster_that_is_not_there_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    write_tasks(tmp_path)
    words = ["launch", "kubernetes", *MODEL, "model=m,base_url=http://127.0.0.1:1/v1", "--tasks", "generate"]
    words += ["--image", "i", "--output_path", "out", "--folder", str(tmp_path / "jobs"), "--submit"]
    assert main(words) == 2
    assert "error: kubectl cannot be started" in capsys.readouterr().err


def test_the_array_and_the_merge_give_the_results_of_a_run(
    tmp_path: Path, bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands that the files run, with the variables of Slurm; they are run in this process."""

    def commanded(name: str) -> list[str]:
        (tmp_path / "asked").unlink(missing_ok=True)
        done = run(["bash", str(folder / name)], bin_folder)
        assert done.returncode == 0, done.stderr
        return (tmp_path / "asked").read_text().split()

    with MockServer() as server:
        folder = launch(tmp_path, "slurm", "--jobs", "2", arguments=f"base_url={server.base_url}")
        for shard in range(2):
            variables = {"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": str(shard), "SLURM_ARRAY_TASK_COUNT": "2"}
            for name, value in variables.items():
                monkeypatch.setenv(name, value)
            assert main(commanded("shards.sbatch")) == 0
        assert main(commanded("merge.sbatch")) == 0
        words = [*MODEL, f"model=mock,base_url={server.base_url}", "--tasks", "generate", "--log_samples"]
        assert main(["run", *words, "--include_path", str(tmp_path), "--output_path", str(tmp_path / "alone")]) == 0
    (merged,), (alone,) = ((tmp_path / name).glob("**/samples_*.jsonl") for name in ("out/mock", "alone"))
    assert merged.read_text() == alone.read_text()


def manifests(folder: Path) -> dict[str, Any]:
    """Return the objects of both files, by kind and name."""
    texts = [(folder / name).read_text() for name in ("shards.yaml", "merge.yaml")]
    found = [thing for text in texts for thing in yaml.safe_load_all(text)]
    return {f"{thing['kind']}/{thing['metadata']['name']}": thing for thing in found}


def test_the_indexed_job_retries_each_index_but_not_mistakes(tmp_path: Path) -> None:
    folder = launch(tmp_path, "kubernetes", "--jobs", "16", "--at_once", "4", "--image", "me/lm-eval", "--retries", "5")
    things = manifests(folder)
    assert list(things) == ["ConfigMap/lm-eval", "Job/lm-eval", "Job/lm-eval-merge"]
    spec = things["Job/lm-eval"]["spec"]
    assert {key: spec[key] for key in ("completions", "parallelism", "completionMode", "backoffLimitPerIndex")} == {
        "completions": 16,
        "parallelism": 4,
        "completionMode": "Indexed",
        "backoffLimitPerIndex": 5,
    }
    mistake, evicted = spec["podFailurePolicy"]["rules"]
    assert (mistake["action"], mistake["onExitCodes"]["values"]) == ("FailIndex", [2])
    assert evicted == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
    pod = spec["template"]["spec"]
    assert pod["restartPolicy"] == "Never"  # failure policies need it
    assert {"name": "LM_EVAL_SHARDS", "value": "16"} in pod["containers"][0]["env"]
    kept = yaml.safe_load(things["ConfigMap/lm-eval"]["data"]["run.yaml"])
    assert (kept["output_path"], kept["tasks"]) == ("/results/out", ["generate"])


@pytest.mark.parametrize(("code", "exits"), [(0, 0), (3, 0), (2, 2), (4, 4)])
def test_what_a_pod_exits_with(tmp_path: Path, bin_folder: Path, code: int, exits: int) -> None:
    things = manifests(launch(tmp_path, "kubernetes", "--image", "i"))
    words = things["Job/lm-eval"]["spec"]["template"]["spec"]["containers"][0]["command"]
    assert run(words, bin_folder, CODE=str(code)).returncode == exits
    assert (tmp_path / "asked").read_text() == "run --config /config/run.yaml --shard auto\n"


def test_the_merge_of_pods_waits_for_all_shards(tmp_path: Path, bin_folder: Path) -> None:
    things = manifests(launch(tmp_path, "kubernetes", "--image", "i", "--jobs", "2"))
    program(bin_folder, "sleep", f"touch {tmp_path}/results/shards/0001-of-0002/manifest.json")
    for shard in range(2):
        (tmp_path / "results" / "shards" / f"000{shard}-of-0002").mkdir(parents=True)
    (tmp_path / "results" / "shards" / "0000-of-0002" / "manifest.json").touch()
    words = things["Job/lm-eval-merge"]["spec"]["template"]["spec"]["containers"][0]["command"]
    here = [word.replace("/results/out", str(tmp_path / "results")) for word in words]
    assert run(here, bin_folder).returncode == 0
    assert (tmp_path / "asked").read_text() == f"merge {tmp_path}/results\n"


def test_limits_are_divided_and_keys_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limits = "requests_per_minute=600,max_tokens_total=8001,num_concurrent=4,auth_token=sk-abcdefghijklmnop"
    folder = launch(tmp_path, "slurm", "--jobs", "8", "--at_once", "4", arguments=f"base_url=http://x/v1,{limits}")
    printed = capsys.readouterr().err
    assert "requests_per_minute=600 holds for the run: each of 4 shards gets 150." in printed
    assert "max_tokens_total=8001 holds for the run: each of 8 shards gets 1000." in printed
    texts = [file.read_text() for file in folder.iterdir() if file.is_file()]
    assert not any("sk-abcdef" in text for text in texts)
    kept: Mapping[str, Any] = yaml.safe_load((folder / "run.yaml").read_text())["model_args"]
    assert (kept["requests_per_minute"], kept["max_tokens_total"], kept["num_concurrent"]) == (150, 1000, 4)
    assert "OPENAI_API_KEY" in (folder / "run.yaml").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["slurm", "--jobs", "0"], "--jobs takes a whole number from 1 on"),
        (["slurm", "--jobs", "many"], "jobs"),
        (["slurm", "--name", "My Job"], "--name takes small letters"),
        (["slurm", "--retries", "-1"], "--retries"),
        (["kubernetes"], "needs --image"),
        (["slurm", "--shard", "0/2"], "--shard and launch exclude each other"),
        (["pbs"], "invalid choice|pbs"),
        (["slurm", "--output_path", ""], "output_path"),
    ],
)
def test_a_mistake_is_one_line(
    tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [*words, *([] if "--output_path" in words else ["--output_path", "out"])]
    model = [*MODEL, "model=m,base_url=http://127.0.0.1:1/v1", "--tasks", "gsm8k"]
    assert main(["launch", *given, *model]) == 2
    printed = capsys.readouterr().err
    assert said.partition("|")[0] in printed or said.partition("|")[2] in printed
    assert len(printed.splitlines()) == 1
