"""Runs from Python that are saved, interrupted and repeated."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lm_eval import simple_evaluate
from lm_eval.errors import ConfigError, SavingError
from lm_eval.loggers import EvaluationTracker
from lm_eval.models.openai_completions import LocalCompletionsAPI
from lm_eval.results import load
from tests.e2e.conftest import TASKS, environment
from tests.models.scripted import ScriptedServer, completion

ASKED = 5


def evaluate(url: str, **more: Any) -> dict[str, Any]:
    return simple_evaluate(
        model="local-completions",
        model_args={"model": "m", "base_url": url, "max_retries": 0},
        tasks="demo_numbers",
        include_path=TASKS,
        limit=ASKED,
        bootstrap_iters=0,
        **more,
    )


def answering(text: str) -> ScriptedServer:
    return ScriptedServer(lambda request, body: completion(text))


def answers(results: dict[str, Any]) -> set[str]:
    return {sample["resps"][0][0] for rows in results["samples"].values() for sample in rows}


def test_one_call_saves_results_and_samples(tmp_path: Path) -> None:
    with answering(" 1") as server:
        results = evaluate(server.url, output_path=tmp_path)
    saved = load(tmp_path)
    assert saved.at("results") == results["results"]
    assert [len(saved.samples(task)) for task in saved.tasks] == [ASKED]
    assert not (tmp_path / ".journal").exists()


def test_samples_are_saved_as_parquet(tmp_path: Path) -> None:
    with answering(" 1") as server:
        evaluate(server.url, output_path=tmp_path, output_format="parquet")
    assert [file.suffix for file in load(tmp_path).sample_files.values()] == [".parquet"]


def save_at_once(tracker: EvaluationTracker, results: dict[str, Any]) -> None:
    tracker.save(results)


def save_one_by_one(tracker: EvaluationTracker, results: dict[str, Any]) -> None:
    samples = results["samples"]
    tracker.save_results_aggregated(results=results, samples=samples)
    for task, rows in samples.items():
        tracker.save_results_samples(task_name=task, samples=rows)


def save_nothing(tracker: EvaluationTracker, results: dict[str, Any]) -> None:
    """Look at the results and save nothing."""


@pytest.mark.parametrize("saving", [None, save_at_once, save_one_by_one, save_nothing])
def test_the_model_of_the_next_night_is_asked(tmp_path: Path, saving: Any) -> None:
    text = " first"
    with ScriptedServer(lambda request, body: completion(text)) as server:
        for text in (" first", " second"):
            if saving is None:
                results = evaluate(server.url, output_path=tmp_path)
            else:
                tracker = EvaluationTracker(output_path=tmp_path)
                results = evaluate(server.url, evaluation_tracker=tracker)
                saving(tracker, results)
            assert answers(results) == {text}


def test_a_run_with_lost_documents_is_resumed(tmp_path: Path) -> None:
    broken = True

    def answer(request: Any, body: Any) -> Any:
        import aiohttp.web

        lost = broken and body is not None and sum(seen == body for seen in server.bodies) == 1 and "7" in str(body)
        return aiohttp.web.json_response({}, status=500) if lost else completion(" 1")

    with ScriptedServer(answer) as server:
        first = evaluate(server.url, output_path=tmp_path, max_errors=ASKED)
        lost = first["errors"]["lost"]
        broken = False
        server.seen.clear()
        second = evaluate(server.url, output_path=tmp_path)
    assert 0 < lost < ASKED
    assert second["config"]["model_info"]["run"]["cached_answers"] == ASKED - lost


def test_a_run_that_could_not_be_saved_is_saved_without_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(" 1") as server:
        with monkeypatch.context() as patched:
            patched.setattr("os.fsync", full_disk)
            with pytest.raises(SavingError, match="No space left on device"):
                evaluate(server.url, output_path=tmp_path)
        results = evaluate(server.url, output_path=tmp_path)
    assert results["config"]["model_info"]["run"]["cached_answers"] == ASKED
    assert load(tmp_path).at("results") == results["results"]


def full_disk(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_a_tracker_and_an_output_path_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="evaluation_tracker and output_path exclude each other"):
        evaluate("http://127.0.0.1:9/v1", output_path=tmp_path, evaluation_tracker=EvaluationTracker(tmp_path))


@pytest.mark.skipif(sys.platform == "win32", reason="resource limits")
def test_a_full_disk_prints_the_table_and_one_line(tmp_path: Path) -> None:
    program = """
        import resource, sys
        import lm_eval.results.writer as writer
        from lm_eval.cli.main import main

        written = writer.ResultFiles.write_results

        def limited(self, *given):
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
            return written(self, *given)

        writer.ResultFiles.write_results = limited
        sys.exit(main(sys.argv[1:]))
    """
    with answering(" 1") as server:
        words = ["run", "-M", "local-completions", "-a", f"model=m,base_url={server.url}", "-t", "demo_numbers"]
        words += ["--include_path", TASKS, "-L", str(ASKED), "-o", str(tmp_path / "out"), "-v", "ERROR"]
        code = "\n".join(line[8:] for line in program.splitlines())
        command = [sys.executable, "-c", code, *words]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment())
        again = subprocess.run(
            [sys.executable, "-m", "lm_eval", *words], capture_output=True, text=True, timeout=60, env=environment()
        )
    assert ran.returncode == 2
    assert "|demo_numbers|" in ran.stdout.replace(" ", "")
    (line,) = ran.stderr.splitlines()
    assert line.startswith("lm_eval: error: The results are not saved: ")
    assert line.endswith("cannot be written: File too large. The answers are kept; the same command saves them.")
    assert again.returncode == 0
    assert load(tmp_path / "out").at("config", "model_info", "run", "cached_answers") == ASKED


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full")
def test_a_full_disk_behind_stdout_is_one_line(tmp_path: Path) -> None:
    with answering(" 1") as server:
        words = ["run", "-M", "local-completions", "-a", f"model=m,base_url={server.url}", "-t", "demo_numbers"]
        words += ["--include_path", TASKS, "-L", str(ASKED), "-o", str(tmp_path / "out"), "-v", "ERROR"]
        with open("/dev/full", "w") as full:
            ran = subprocess.run(
                [sys.executable, "-m", "lm_eval", *words],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                env=environment(),
            )
    assert "The scores cannot be printed: No space left on device." in ran.stderr
    assert "Traceback" not in ran.stderr
    assert load(tmp_path / "out").tasks == ["demo_numbers"]


class Fragile(LocalCompletionsAPI):
    """A model class with a fault: it cannot read an answer without a letter."""

    @staticmethod
    def parse_generations(outputs: object, **kwargs: object) -> list[str]:
        texts = LocalCompletionsAPI.parse_generations(outputs, **kwargs)
        return [text[text.index("x") :] for text in texts]


def test_an_answer_that_a_reader_fails_on_is_forgotten(tmp_path: Path) -> None:
    texts = [" 1"]
    with ScriptedServer(lambda request, body: completion(texts[-1])) as server:

        def run() -> dict[str, Any]:
            lm = Fragile(model="m", base_url=server.url, max_retries=0)
            return simple_evaluate(lm, tasks="demo_numbers", include_path=TASKS, limit=ASKED, output_path=tmp_path)

        assert run()["errors"]["lost"] == ASKED
        texts.append(" x1")
        mended = run()
    assert (mended["errors"]["lost"], answers(mended)) == (0, {"x1"})
