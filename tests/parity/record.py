"""Record the requests and scores of tasks on written documents, with answers that depend only on the question.

Each part of the library has a folder under ``cases``: ``tasks.txt`` names the tasks, ``documents.json`` has documents
in the schema of their datasets. The program runs with this package and with the reference harness, which wrote each
``expected.json``::

    cd tests/parity && python record.py core > cases/core/expected.json    # with lm-eval 0.4.13 installed
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lm_eval import simple_evaluate
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager

LIMIT = 2
CASES = Path(__file__).with_name("cases")
# The requested number of shots, in addition to the default of each task; a task with 0 shots keeps 0.
SHOTS = (None, 1)


def tasks_of(part: str) -> list[str]:
    """List the tasks of a part."""
    return (CASES / part / "tasks.txt").read_text(encoding="utf-8").split()


def _number(value: Any) -> int:
    text = json.dumps(value, sort_keys=True, default=str)
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)


class Scripted(LM):
    """Answers from a hash of the question, sometimes rightly, and records the requests."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[list[Any]] = []

    def _keep(self, kind: str, requests: Sequence[Any]) -> Iterable[tuple[Any, int]]:
        for request in requests:
            self.asked.append([request.task_name, request.doc_id, request.idx, kind, list(request.args)])
            yield request, _number(request.args[0])

    def loglikelihood(self, requests: Sequence[Any], **_: Any) -> list[tuple[float, bool]]:
        kept = self._keep("loglikelihood", requests)
        return [(-(_number(request.args) % 997) / 97.0, number % 3 == 0) for request, number in kept]

    def loglikelihood_rolling(self, requests: Sequence[Any], **_: Any) -> list[float]:
        return [-(number % 997) / 9.7 for _, number in self._keep("loglikelihood_rolling", requests)]

    def generate_until(self, requests: Sequence[Any], **_: Any) -> list[str]:
        answers = []
        for request, number in self._keep("generate_until", requests):
            fields = ("target", "answer_number", "best_answer", "answer")
            gold = next((request.doc[field] for field in fields if request.doc.get(field)), "two")
            forms = (f"{gold}", f"The answer is {gold}.", f"So the answer is ({gold}).", "(B) or two")
            answers.append(forms[number % len(forms)])
        return answers


def record(tasks: Iterable[str], manager: TaskManager) -> dict[str, Any]:
    """Run tasks with each number of shots; a task whose pool is too small is left out."""
    found: dict[str, Any] = {}
    for task in tasks:
        for shots in SHOTS:
            model = Scripted()
            try:
                run = simple_evaluate(
                    model=model,
                    tasks=[task],
                    limit=LIMIT,
                    num_fewshot=shots,
                    bootstrap_iters=0,
                    task_manager=manager,
                    log_samples=False,
                    confirm_run_unsafe_code=True,
                )
            except (AssertionError, TypeError, ValueError):
                continue
            assert run is not None
            scores = {
                name: float(value)
                for name, value in run["results"][task].items()
                if "," in name and "stderr" not in name
            }
            asked = [entry[1:] for entry in sorted(model.asked, key=lambda entry: entry[:3])]
            # All samples of a doc have the same request.
            asked = [entry for n, entry in enumerate(asked) if n == 0 or entry != asked[n - 1]]
            found[f"{task}, {'own' if shots is None else shots} shots"] = {
                "version": run["versions"].get(task),
                "shots": run["n-shot"][task],
                "asked": json.loads(json.dumps(asked)),
                "scores": scores,
            }
    return found


def _main() -> None:
    os.environ["HF_DATASETS_OFFLINE"] = "1"
    import datasets

    write_hub = importlib.import_module("documents").write_hub
    load = datasets.load_dataset
    with tempfile.TemporaryDirectory() as folder:
        part = sys.argv[1]
        hub = write_hub(Path(folder) / "hub", CASES / part / "documents.json")
        # Use a separate cache: datasets distinguishes local folders only by their last name.
        datasets.config.HF_DATASETS_CACHE = Path(folder) / "cache"
        datasets.load_dataset = lambda path, name=None, **options: load(str(hub / path), name)
        cases = record(tasks_of(part), TaskManager())
    lines = [f"{json.dumps(name)}: {json.dumps(case, ensure_ascii=False)}" for name, case in cases.items()]
    sys.stdout.write("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    _main()
