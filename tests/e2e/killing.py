"""Kill a run at random moments, repeat the command, and compare with a run that was not killed.

``python -m tests.e2e.killing`` uses 5,000 requests and ten kills, then other concurrencies.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lm_eval.mock_server import MockServer
from lm_eval.mock_server.stats import RequestRecord
from lm_eval.models.logprobs.seams import common_prefix
from tests.e2e.conftest import environment

AT_RISK = 1.0
"""Answers younger than this when the process is killed, in seconds, may be asked again."""

TASK = """\
task: killed_{kind}
custom_dataset: !function docs.load
dataset_kwargs: {{count: {count}}}
test_split: test
output_type: {kind}
doc_to_text: "Question {{{{number}}}}: the capital of France is"
doc_to_target: {target}
"""
MORE = {
    "multiple_choice": "doc_to_choice: [Paris, London, Rome, Oslo]\n",
    "generate_until": 'generation_kwargs: {until: ["\\n"], max_gen_toks: 8}\n',
}
DOCS = 'def load(count, **kwargs):\n    return {"test": [{"number": number, "answer": 0} for number in range(count)]}\n'


def write_tasks(folder: Path, requests: int) -> Path:
    """Write two tasks with four choices and one generation per doc; ``requests`` is the total of both."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "docs.py").write_text(DOCS)
    for kind, more in MORE.items():
        target = "answer" if kind == "multiple_choice" else '" Paris"'
        text = TASK.format(kind=kind, count=requests // 5, target=target) + more
        (folder / f"{kind}.yaml").write_text(text)
    return folder


@dataclass
class Witness:
    """Records when each body arrived and when its answer was sent."""

    arrivals: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    answers: dict[str, float] = field(default_factory=dict)
    waiting: list[RequestRecord] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def arrived(self, record: RequestRecord) -> None:
        if not str((record.body or {}).get("prompt")).startswith("Question "):
            return  # Every process probes the server again.
        self.arrivals[record.body_hash].append(time.monotonic())
        self.waiting.append(record)

    def watch(self) -> None:
        while not self.closing.wait(0.02):
            waiting, self.waiting = self.waiting, []
            now = time.monotonic()
            for record in waiting:
                if record.status == 200:
                    self.answers.setdefault(record.body_hash, now)
                elif record.status is None:
                    self.waiting.append(record)

    def forget_since(self, moment: float, settled: float) -> None:
        """Ignore answers to a process that has been killed; they end after some seconds."""
        time.sleep(settled)
        for body in [body for body, answered in list(self.answers.items()) if answered >= moment]:
            del self.answers[body]

    def asked_again(self, kills: Sequence[float]) -> tuple[int, int]:
        """Count the bodies that a later process sent again, and those of them whose answers were sent early enough."""
        again = late = 0
        for body, times in self.arrivals.items():
            answered = self.answers.get(body)
            if answered is None:
                continue
            for kill in kills:
                if answered < kill and any(arrived > kill for arrived in times):
                    again += 1
                    late += answered < kill - AT_RISK
                    break
        return again, late


@dataclass
class Outcome:
    """The result of a series of kills."""

    requests: int
    kills: int
    asked_again: int
    lost: int
    differing: list[str]
    seconds: float


def words(url: str, tasks: Path, out: Path, concurrent: int | str = 32) -> list[str]:
    """Write the command line."""
    return [
        sys.executable, "-m", "lm_eval", "run", "--model", "local-completions", "--model_args",
        f"model=mock,base_url={url},num_concurrent={concurrent}", "--include_path", str(tasks),
        "--tasks", "killed_multiple_choice,killed_generate_until", "--output_path", str(out), "--log_samples",
    ]  # fmt: skip


def finish(command: Sequence[str]) -> None:
    """Run a command to its end."""
    ran = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment())
    assert ran.returncode == 0, ran.stderr


def saved(folder: Path) -> dict[str, str]:
    """Read the files of a run, without times and other values that differ between runs (docs/results.md)."""
    found: dict[str, str] = {}
    for file in sorted((folder / "mock").iterdir()):
        text = file.read_text(encoding="utf-8")
        name = file.name.partition("_20")[0]
        if name == "results":
            results: dict[str, Any] = json.loads(text)
            for key in ("date", "total_evaluation_time_seconds", "git_hash"):
                results.pop(key)
            del results["config"]["model_info"]["run"]
            text = json.dumps(results, ensure_ascii=False)
        assert name not in found, "a run saved its results twice"
        found[name] = text
    return found


def kill_and_resume(folder: Path, requests: int, kills: int, seed: int = 0, latency_ms: float = 5) -> Outcome:
    """Kill a run repeatedly, let the last process finish, and compare."""
    rng, began = random.Random(seed), time.monotonic()
    tasks, witness = write_tasks(folder / "tasks", requests), Witness()
    moments: list[float] = []

    def note(record: RequestRecord) -> None:
        witness.arrived(record)

    with MockServer(latency_ms=latency_ms) as server:
        port = server.port
        finish(words(server.base_url, tasks, folder / "quiet"))
    with MockServer(port=port, latency_ms=latency_ms, faults=note) as server:
        watcher = threading.Thread(target=witness.watch, daemon=True)
        watcher.start()
        command = words(server.base_url, tasks, folder / "killed")
        for life in range(kills):
            # Each process answers a fraction of the remaining requests, so that the last kill is also in the middle.
            share = (requests - len(witness.answers)) / (kills - life + 1)
            goal = len(witness.answers) + share * rng.uniform(0.3, 1.5)
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment())
            while len(witness.answers) < goal and process.poll() is None:
                time.sleep(0.005)
            assert process.poll() is None, "the run ended before it was killed"
            process.kill()
            process.wait()
            moments.append(time.monotonic())
            witness.forget_since(moments[-1], 0.2 + 3 * latency_ms / 1000)
        finish(command)
        witness.closing.set()
        watcher.join()
    again, lost = witness.asked_again(moments)
    differing = differences(saved(folder / "quiet"), saved(folder / "killed"))
    return Outcome(requests, kills, again, lost, differing, time.monotonic() - began)


def differences(one: dict[str, str], other: dict[str, str]) -> list[str]:
    """Name the files that differ, with the position of the first difference."""
    found = []
    for name in sorted({*one, *other}):
        left, right = one.get(name, ""), other.get(name, "")
        if left != right:
            at = common_prefix(left, right)
            found.append(f"{name}: {left[max(at - 60, 0) : at + 60]!r} / {right[max(at - 60, 0) : at + 60]!r}")
    return found


def without_concurrency(files: dict[str, str]) -> dict[str, str]:
    """Remove the model argument that differs."""

    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: clean(item) for key, item in value.items() if key != "num_concurrent"}
        return [clean(item) for item in value] if isinstance(value, list) else value

    return {**files, "results": json.dumps(clean(json.loads(files["results"])))}


def same_at_any_concurrency(folder: Path, requests: int, concurrencies: Sequence[int | str]) -> bool:
    """Run the same tasks at several concurrencies and compare the saved files."""
    tasks = write_tasks(folder / "tasks", requests)
    found = []
    with MockServer() as server:
        for concurrent in concurrencies:
            out = folder / f"at-{concurrent}"
            finish(words(server.base_url, tasks, out, concurrent))
            found.append(without_concurrency(saved(out)))
    return all(files == found[0] for files in found)


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # Slow enough that a process runs for seconds, and most of its answers are older than the last commit.
        outcome = kill_and_resume(Path(folder) / "kill", options.requests, options.kills, options.seed, latency_ms=200)
        print(outcome)
        same = same_at_any_concurrency(Path(folder) / "pace", options.requests, (1, 7, 64, "auto"))
        print(f"concurrency 1, 7, 64 and auto: {'the same files' if same else 'DIFFERENT FILES'}")
    return 0 if same and not outcome.differing and not outcome.lost else 1


if __name__ == "__main__":
    sys.exit(main())
