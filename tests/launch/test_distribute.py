"""A run by several processes: the files of a run by one, and no answer paid for twice when a process is lost."""

from __future__ import annotations

import _thread
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lm_eval.api.instance import Usage
from lm_eval.cli import main
from lm_eval.config.run import RunSettings
from lm_eval.errors import ConfigError, LMEvalError, RunStopped, SavingError, UserError
from lm_eval.launch import distribute as distribution
from lm_eval.launch.distribute import distribute, scratch_folder, tidy
from lm_eval.launch.hub import Hub, Snapshot
from lm_eval.launch.local import LocalWorkers
from lm_eval.launch.work import Job, Outcome
from lm_eval.loggers.evaluation_tracker import EvaluationTracker
from lm_eval.mock_server import MockServer
from lm_eval.models.http.journal_file import add_rows, rows_of
from lm_eval.models.http.shared import Counts, Delivery
from tests.e2e.conftest import environment
from tests.e2e.killing import Witness, differences, saved, words, write_tasks


def settings(server: MockServer, folder: Path, output: str, **changes: Any) -> RunSettings:
    given = {
        "model": "local-completions",
        "model_args": {"model": "mock", "base_url": server.base_url, "num_concurrent": 8},
        "tasks": ["killed_multiple_choice", "killed_generate_until"],
        "include_path": [str(folder / "tasks")],
        "output_path": str(folder / output),
        "log_samples": True,
        "bootstrap_iters": 0,
    }
    return RunSettings.from_record({**given, **changes})


def run(given: RunSettings) -> None:
    results = distribute(given) if given.distribute else _alone(given)
    EvaluationTracker(given.output_path).save(results)
    tidy(given)


def _alone(given: RunSettings) -> dict[str, Any]:
    from lm_eval import evaluator

    return evaluator.run(given)


def test_a_process_that_is_killed_is_taken_up_from_its_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two real processes: the files are equal, and no answer older than a second is asked again."""
    write_tasks(tmp_path / "tasks", 200)
    witness, kills = Witness(), list[float]()
    ended = LocalWorkers.ended

    def killing(workers: LocalWorkers) -> Iterator[tuple[str, str]]:
        witness_now = len(witness.answers)
        if not kills and witness_now > 70:
            next(iter(workers._running.values())).kill()
            kills.append(time.monotonic())
        return ended(workers)

    monkeypatch.setattr(LocalWorkers, "ended", killing)
    with MockServer() as server:
        run(settings(server, tmp_path, "whole"))
        port = server.port
    with MockServer(port=port, latency_ms=60, faults=lambda record: witness.arrived(record)) as server:
        watcher = threading.Thread(target=witness.watch, daemon=True)
        watcher.start()
        run(settings(server, tmp_path, "parts", distribute="local:2"))
        witness.closing.set()
        watcher.join()
    assert kills
    assert witness.asked_again(kills)[1] == 0
    assert differences(saved(tmp_path / "whole"), saved(tmp_path / "parts")) == []
    assert not list((tmp_path / "parts").glob(".shards-*"))


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_processes_end_with_the_command_also_one_in_the_background(tmp_path: Path, sign: signal.Signals) -> None:
    """A shell lets a command in the background ignore Ctrl-C, and what it starts inherits that."""
    write_tasks(tmp_path / "tasks", 400)
    with MockServer(latency_ms=60) as server:
        line = [*words(server.base_url, tmp_path / "tasks", tmp_path / "out", 1), "--distribute", "local:2"]
        process = subprocess.Popen(
            line, stderr=subprocess.PIPE, text=True, env=environment(),
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        )  # fmt: skip
        wait_until(lambda: server.stats.statuses[200] > 30 or process.poll() is not None)
        process.send_signal(sign)
        _, err = process.communicate(timeout=60)
        assert process.returncode == (-9 if sign == signal.SIGKILL else 143), err
        answered = -1

        def at_rest() -> bool:
            nonlocal answered
            before, answered = answered, server.stats.statuses[200]
            time.sleep(0.5)  # eight answers, if anybody asked
            return before == answered

        wait_until(at_rest)
        assert server.stats.statuses[200] < 300


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_ctrl_c_leaves_everything_resumable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_tasks(tmp_path / "tasks", 100)
    with MockServer(latency_ms=150) as server:

        def interrupt() -> None:
            deadline = time.monotonic() + 60
            while server.stats.total < 30 and time.monotonic() < deadline:
                time.sleep(0.02)
            _thread.interrupt_main()

        threading.Thread(target=interrupt, daemon=True).start()
        assert (
            main([*words(server.base_url, tmp_path / "tasks", tmp_path / "out", 4)[3:], "--distribute", "local:2"])
            == 130
        )
        assert "the same command resumes" in capsys.readouterr().err
        kept = sum(1 for journal in tmp_path.rglob("answers.sqlite") for _ in rows_of(journal))
        asked = server.stats.total
        time.sleep(0.3)
        assert server.stats.total == asked  # no process goes on
    assert kept


class Fakes:
    """Workers that end as a script says, without asking anything."""

    copies_journal = True

    def __init__(self, *ends: tuple[str, Outcome | None]) -> None:
        self.jobs: list[Job] = []
        self.journals: list[int] = []
        self.stopped = False
        self._ends, self._hub, self._running = list(ends), Hub(), list[tuple[str, str, Outcome | None]]()

    def cpus(self) -> int:
        return 1

    def room(self) -> bool:
        return not self._running

    def start(self, job: Job, journal: Path) -> None:
        self.jobs.append(job)
        self.journals.append(sum(1 for _ in rows_of(journal)))
        how, outcome = self._ends.pop(0) if self._ends else ("ended", Outcome("done"))
        self._running.append((job.worker, how, outcome))

    def snapshot(self) -> Snapshot:
        found = Snapshot(Counts(total=10, done=5, requests=9, prompt=9, completion=3), shards=1)
        for job in self.jobs[-1:]:
            found.deliveries = [Delivery(job.shard.index, "", (b"", b""))]
        found.outcomes = {worker: outcome for worker, _, outcome in self._ended if outcome is not None}
        return found

    def ended(self) -> Iterator[tuple[str, str]]:
        self._ended, self._running = self._running, []
        return iter([(worker, how) for worker, how, _ in self._ended])

    def lost(self, worker: str) -> None:
        self._hub.lost(worker)

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        self.stop()


def distributed(tmp_path: Path, workers: Fakes, count: int = 1, shown: bool = False) -> None:
    from lm_eval.models.http.recorded import Recorded
    from lm_eval.models.http.usage import Accounting

    given = RunSettings(model="fake", tasks=["t"], output_path=str(tmp_path))
    distribution._Distribution(given, count, workers, Recorded(), Accounting(requests=4), shown).run()


def test_the_line_of_progress_counts_what_the_first_reports_bring_and_not_the_probe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    distributed(tmp_path, Fakes(), shown=True)
    assert "9 requests" in capsys.readouterr().err


def test_a_lost_shard_is_started_again_with_the_rows_that_came(tmp_path: Path) -> None:
    workers = Fakes(("killed by signal 9", None), ("NodeDiedError", None))
    distributed(tmp_path, workers)
    assert [job.worker for job in workers.jobs] == ["0.0", "0.1", "0.2"]
    assert workers.journals == sorted(workers.journals)
    assert workers.journals[1] > 0


def test_a_shard_that_is_lost_again_and_again_stops_the_run(tmp_path: Path) -> None:
    workers = Fakes(*[("killed by signal 9", None)] * 20)
    with pytest.raises(RunStopped, match=r"shard 0/1 was lost 6 times, the last time: killed by signal 9"):
        distributed(tmp_path, workers)
    assert workers.stopped


def test_a_disk_that_cannot_be_written_stops_all_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, rows: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(distribution, "add_rows", full)
    workers = Fakes()
    with pytest.raises(SavingError, match=r"disk is full\. The same command resumes"):
        distributed(tmp_path, workers)
    assert workers.stopped


@pytest.mark.parametrize(("kind", "error"), [("mistake", UserError), ("stopped", RunStopped), ("bug", LMEvalError)])
def test_an_error_of_one_shard_ends_the_run(tmp_path: Path, kind: str, error: type[Exception]) -> None:
    workers = Fakes(("ended", Outcome(kind, "what happened")))
    with pytest.raises(error, match="what happened"):
        distributed(tmp_path, workers, 3)
    assert workers.stopped
    assert len(workers.jobs) == 1


def test_a_second_command_is_refused_before_it_removes_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = RunSettings(model="fake", tasks=["t"], output_path=str(tmp_path), distribute="local:2", fresh=True)
    folder = scratch_folder(given)
    folder.mkdir()
    monkeypatch.setattr(distribution, "SECONDS_FOR_ANOTHER", 0.0)
    lock = distribution._lock_of(folder)
    take = "import fcntl, sys; file = open(sys.argv[1], 'ab'); fcntl.flock(file, fcntl.LOCK_EX)"
    code = f"{take}; print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code, str(lock)], stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "\n"
        with pytest.raises(RunStopped, match="another command does the same run"):
            distribute(given)
        tidy(given)
        assert folder.is_dir()
        other.communicate("\n")
    tidy(given)
    assert not list(tmp_path.iterdir())


def test_what_a_run_has_spent_outlives_its_commands(tmp_path: Path) -> None:
    for _ in range(2):
        distributed(tmp_path, Fakes())
    assert distribution._Spent(tmp_path / "spent.json").read() == Usage(2 * 9, 2 * 3)


def test_an_interrupted_run_keeps_its_number_of_shards(tmp_path: Path) -> None:
    given = RunSettings(model="fake", tasks=["t"], output_path=str(tmp_path), distribute="local:2")
    folder = scratch_folder(given)
    (folder / "shards" / "0001-of-0007").mkdir(parents=True)
    assert distribution._count(given, folder, Fakes()) == 7
    given.shards = 3
    with pytest.raises(ConfigError, match="has 7 shards, and --shards is 3"):
        distribution._count(given, folder, Fakes())


@pytest.mark.parametrize("name", ["", "x.json", "below"])
def test_an_output_path_that_is_no_folder_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "env.sh").touch()
    where = str(tmp_path / "env.sh" / name)
    assert (
        main(["--model", "local-completions", "--tasks", "t", "--output_path", where, "--distribute", "local:2"]) == 2
    )
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("env.sh is no folder.")


def test_rows_of_a_journal_are_those_that_were_added(tmp_path: Path) -> None:
    add_rows(tmp_path / "a" / "j.sqlite", [(b"k1", b"b1")])
    add_rows(tmp_path / "a" / "j.sqlite", [(b"k2", b"b2")])
    assert list(rows_of(tmp_path / "a" / "j.sqlite")) == [(b"k1", b"b1"), (b"k2", b"b2")]
    assert list(rows_of(tmp_path / "none.sqlite")) == []


@pytest.mark.parametrize(
    "given",
    [
        {"shards": 3},
        {"distribute": "local:2", "shard": "0/2", "output_path": "out"},
        {"distribute": "local:2"},
        {"distribute": "ray", "output_path": "out", "use_cache": "c"},
        {"shard": "0/2", "output_path": "out", "wandb_args": "project=x"},
    ],
    ids=str,
)
def test_options_that_do_not_go_together_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="--"):
        RunSettings.from_mapping({"model": "m", "tasks": "t", **given}).check_command()


@pytest.mark.parametrize("where", ["local", "local:0", "local:x", "ray:", "ray://", "slurm", ""])
def test_what_is_no_place_is_refused(where: str) -> None:
    with pytest.raises(ConfigError, match="distribute takes"):
        RunSettings.from_mapping({"distribute": where})
