"""``lm_eval launch``: the files of a run's jobs, and what their commands do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
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


def launch(
    tmp_path: Path, scheduler: str, *more: str, arguments: str = "base_url=http://127.0.0.1:1/v1", code: int = 0
) -> Path:
    """Write the files of a run of the task ``generate``; return their folder."""
    write_tasks(tmp_path)
    words = ["launch", scheduler, *MODEL, f"model=mock,{arguments}", "--tasks", "generate"]
    words += ["--include_path", str(tmp_path), "--output_path", str(tmp_path / "out"), "--log_samples"]
    assert main([*words, "--folder", str(tmp_path / "jobs"), *more]) == code
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


@pytest.mark.parametrize(
    ("scheduler", "program", "more"), [("slurm", "sbatch", []), ("kubernetes", "kubectl", ["--image", "i"])]
)
def test_a_cluster_that_is_not_there_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    scheduler: str,
    program: str,
    more: list[str],
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    words = ["launch", scheduler, *MODEL, "model=m,base_url=http://127.0.0.1:1/v1", "--tasks", "gsm8k", *more]
    assert main([*words, "--output_path", "out", "--folder", str(tmp_path / "jobs"), "--submit"]) == 2
    printed = capfd.readouterr().err
    assert f"error: --submit needs {program}, which is not installed here." in printed
    assert len(printed.splitlines()) == 1
    assert not (tmp_path / "jobs").exists()


def test_paths_may_have_spaces_and_percent_signs(
    tmp_path: Path, bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a b%a").mkdir()
    monkeypatch.chdir(tmp_path / "a b%a")
    launch(tmp_path, "slurm", "--folder", "jobs", "--output_path", "out")
    folder = tmp_path / "a b%a" / "jobs"
    logs = f"{tmp_path}/a b%%a/jobs/logs"
    assert f"#SBATCH --output='{logs}/shard-%a.log'\n" in (folder / "shards.sbatch").read_text()
    assert f"#SBATCH --output='{logs}/merge.log'\n" in (folder / "merge.sbatch").read_text()
    for name, asked in (
        ("shards", f"run --config {folder}/run.yaml --shard auto"),
        ("merge", f"merge {folder.parent}/out"),
    ):
        assert run(["bash", str(folder / f"{name}.sbatch")], bin_folder).returncode == 0
        assert (tmp_path / "asked").read_text() == f"{asked}\n"
        (tmp_path / "asked").unlink()


def test_the_scripts_have_no_faults_that_shellcheck_knows(tmp_path: Path) -> None:
    checker = shutil.which("shellcheck", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if checker is None:
        pytest.skip("shellcheck is not installed")
    folder = launch(tmp_path, "slurm", "--setup", "module load python")
    pods = tmp_path / "pods"
    launch(tmp_path, "kubernetes", "--image", "i", "--folder", str(pods))
    for job in ("lm-eval", "lm-eval-merge"):
        command = manifests(pods)[f"Job/{job}"]["spec"]["template"]["spec"]["containers"][0]["command"][-1]
        (folder / f"{job}.sh").write_text(f"#!/bin/sh\n{command}\n")
    # SC2012: the names of the manifests have no special characters.
    words = [checker, "--exclude=SC2012", *map(str, [*folder.glob("*.sbatch"), *folder.glob("*.sh")])]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


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
@pytest.mark.parametrize(
    ("job", "asked"),
    [("lm-eval", "run --config /config/run.yaml --shard auto"), ("lm-eval-merge", "merge /results/out")],
)
def test_what_a_pod_exits_with(tmp_path: Path, bin_folder: Path, code: int, exits: int, job: str, asked: str) -> None:
    things = manifests(launch(tmp_path, "kubernetes", "--image", "i", "--jobs", "1"))
    program(bin_folder, "wc", "echo 1")  # the manifests that the merge waits for
    words = things[f"Job/{job}"]["spec"]["template"]["spec"]["containers"][0]["command"]
    assert run(words, bin_folder, CODE=str(code)).returncode == exits
    assert (tmp_path / "asked").read_text() == f"{asked}\n"


def test_the_merge_of_pods_asks_for_little_and_ends(tmp_path: Path) -> None:
    more = ["--memory", "1.5Gi", "--cpus", "2", "--retries", "1"]
    things = manifests(launch(tmp_path, "kubernetes", "--image", "i", *more))
    spec = things["Job/lm-eval-merge"]["spec"]
    assert (spec["activeDeadlineSeconds"], spec["backoffLimit"]) == (7 * 24 * 3600, 1)
    mistake, _ = spec["podFailurePolicy"]["rules"]
    assert (mistake["action"], mistake["onExitCodes"]["values"]) == ("FailJob", [2])
    pods = {name: thing["spec"]["template"]["spec"]["containers"][0] for name, thing in things.items() if "Job" in name}
    assert pods["Job/lm-eval"]["resources"] == {"requests": {"cpu": "2", "memory": "1.5Gi"}}
    assert pods["Job/lm-eval-merge"]["resources"] == {"requests": {"cpu": "100m", "memory": "256Mi"}}


@pytest.mark.parametrize(("given", "written"), [("2G", "2Gi"), ("512Mi", "512Mi")])
def test_memory_is_a_quantity_of_kubernetes(tmp_path: Path, given: str, written: str) -> None:
    things = manifests(launch(tmp_path, "kubernetes", "--image", "i", "--memory", given))
    (container,) = things["Job/lm-eval"]["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["requests"]["memory"] == written


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
    assert "model_args.auth_token is in no file: set OPENAI_API_KEY for the jobs" in printed
    assert "requests_per_minute=600 holds for the run: each of 4 shards gets 150." in printed
    assert "max_tokens_total=8001 holds for the run: each of 8 shards gets 1000." in printed
    texts = [file.read_text() for file in folder.iterdir() if file.is_file()]
    assert not any("sk-abcdef" in text for text in texts)
    kept: Mapping[str, Any] = yaml.safe_load((folder / "run.yaml").read_text())["model_args"]
    assert (kept["requests_per_minute"], kept["max_tokens_total"], kept["num_concurrent"]) == (150, 1000, 4)
    assert "OPENAI_API_KEY" in (folder / "run.yaml").read_text()


@pytest.mark.parametrize(
    "secret",
    [
        ["--model_args", 'header={"X-Team": "sekretsekret"}'],
        ["--model_args", "base_url=http://me:sekretsekret@h/v1"],
        ["--model_args", 'extra_body={"api_key": "sekretsekret"}'],
        [
            *["--judge_model_args", "model=j,base_url=http://h/v1,api_key=sekretsekret"],
            *["--judge_model_args", "model=k,base_url=http://h/v1,api_key=sekretsekret"],
        ],
    ],
)
def test_a_secret_that_no_variable_replaces_is_refused(
    tmp_path: Path, secret: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    model = ["--model", "local-completions", "--model_args", "model=m", *secret[1:]]
    given = model if secret[0] == "--model_args" else [*model[:4], "base_url=http://h/v1", *secret]
    words = ["launch", "slurm", *given, "--tasks", "gsm8k", "--output_path", str(tmp_path / "out")]
    assert main([*words, "--folder", str(tmp_path / "jobs")]) == 2
    printed = capsys.readouterr().err
    assert "holds a secret, which launch writes into no file" in printed and "env:NAME" in printed
    assert "sekret" not in printed and not (tmp_path / "jobs").exists()


def test_variables_stand_for_keys_and_headers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They need not be set where launch runs; pods take them from the secret."""
    judge = ["--judge_model_args", "model=j,base_url=http://h/v1,api_key=sk-judgejudgejudge"]
    arguments = 'base_url=http://h/v1,client_key=k.pem,auth_token=env:THE_KEY,header={"X-Team": "env:THE_TEAM"}'
    folder = launch(tmp_path, "kubernetes", "--image", "i", *judge, arguments=arguments)
    assert "judge_model_args.0.api_key is in no file: set LM_EVAL_JUDGE_API_KEY for the jobs" in capsys.readouterr().err
    kept = yaml.safe_load((folder / "run.yaml").read_text())
    assert (kept["model_args"]["auth_token"], kept["model_args"]["client_key"]) == ("env:THE_KEY", "k.pem")
    assert kept["model_args"]["header"] == {"X-Team": "env:THE_TEAM"}
    assert kept["judge_model_args"] == [{"model": "j", "base_url": "http://h/v1"}]
    pods = manifests(folder)["Job/lm-eval"]["spec"]["template"]["spec"]["containers"][0]["env"]
    names = ["OPENAI_API_KEY", "LM_EVAL_JUDGE_API_KEY", "HF_TOKEN", "THE_KEY", "THE_TEAM", "LM_EVAL_SHARDS"]
    assert [entry["name"] for entry in pods] == names
    assert pods[4]["valueFrom"] == {"secretKeyRef": {"name": "lm-eval", "key": "THE_TEAM", "optional": True}}


def test_settings_of_another_run_are_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = launch(tmp_path, "slurm", "--jobs", "4")
    kept = (folder / "run.yaml").read_text()
    launch(tmp_path, "slurm", "--jobs", "8")  # the same settings
    assert "--array=0-7%8" in (folder / "shards.sbatch").read_text()
    capsys.readouterr()
    launch(tmp_path, "slurm", "--limit", "5", code=2)
    printed = capsys.readouterr().err
    assert f"{folder}/run.yaml has other settings" in printed and "--folder" in printed
    assert (folder / "run.yaml").read_text() == kept


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["slurm", "--jobs", "0"], "--jobs takes a whole number from 1 on"),
        (["slurm", "--jobs", "many"], "jobs"),
        (["slurm", "--name", "My Job"], "--name takes small letters"),
        (["slurm", "--retries", "-1"], "--retries"),
        (["kubernetes"], "needs --image"),
        (["slurm", "--shard", "0/2"], "--shard and launch exclude each other"),
        (["slurm", "--jobs", "100001"], "--jobs takes a whole number up to 100000"),
        (["slurm", "--at_once", "0"], "--at_once takes a whole number from 1 on"),
        (["slurm", "--sbatch", "time=1"], "--sbatch takes an option with its dashes"),
        (["slurm", "--sbatch", ""], "--sbatch takes an option with its dashes"),
        (["slurm", "--sbatch=--comment='a"], "a quotation mark is not closed"),
        (["slurm", "--sbatch=--array=0-9"], "launch sets --array itself; change it by --jobs and --at_once"),
        (["slurm", "--sbatch=--time=1 --arr 0-9"], "launch sets --array itself"),
        (["slurm", "--sbatch=-o x.log"], "launch sets --output itself; change it by --folder"),
        (["slurm", "--sbatch=-J x"], "launch sets --job-name itself; change it by --name"),
        (["slurm", "--sbatch=--dependency=after:1"], "launch sets --dependency itself"),
        (["slurm", "--sbatch=--mem=4G"], "launch sets --mem itself; change it by --memory"),
        (["slurm", "--image", "i"], "--image is an option of launch kubernetes"),
        (["slurm", "--claim", "c"], "--claim is an option of launch kubernetes"),
        (["kubernetes", "--image", "i", "--sbatch=--time=1"], "--sbatch is an option of launch slurm"),
        (["kubernetes", "--image", "i", "--setup", "true"], "--setup is an option of launch slurm"),
        (["slurm", "--memory", "lots"], "--memory takes a size as sbatch does"),
        (["kubernetes", "--image", "i", "--memory", "2GB"], "--memory takes a size such as 2Gi"),
        (["kubernetes", "--image", "i", "--memory", "512"], "--memory takes a size such as 2Gi"),
        (["kubernetes", "--image", "i", "--claim", "My Claim"], "--claim takes"),
        (["slurm", "--tasks", "gsm8kk"], "Unknown task 'gsm8kk'"),
        (["kubernetes", "--image", "i", "--tasks", "gsm8kk"], "Unknown task 'gsm8kk'"),
        (["slurm", "--batch", "openai", "--batch_wait", "0"], "--batch_wait and launch exclude each other"),
        (["slurm", "--batch", "file:requests"], "launch takes --batch openai only"),
        (["slurm", "--wandb_args", "project=p"], "--wandb_args has no effect on a part of a run"),
        (["slurm", "--output_path", "out.json"], "--output_path of a launch is a folder"),
        (["slurm", "--model_args", "num_concurent=8"], "Unknown model argument 'num_concurent'"),
        (["slurm", "--folder", "file/jobs"], "--folder: |cannot be written"),
        (["pbs"], "invalid choice|pbs"),
        (["slurm", "--output_path", ""], "output_path"),
    ],
)
def test_a_mistake_is_one_line(
    tmp_path: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [*words, *([] if "--output_path" in words else ["--output_path", "out"])]
    (tmp_path / "file").touch()
    model = [*MODEL, "model=m,base_url=http://127.0.0.1:1/v1", *([] if "--tasks" in words else ["--tasks", "gsm8k"])]
    assert main(["launch", *given, *model]) == 2
    printed = capsys.readouterr().err
    assert said.partition("|")[0] in printed or said.partition("|")[2] in printed
    assert len(printed.splitlines()) == 1
