"""``python -m tests.reports.view.screenshots OUT_DIR``: save screenshots of the viewer on made-up runs."""

from __future__ import annotations

import json
import os
import random
import socket
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, cast

from tests.reports.html.chromium import Browser, Page, find_chromium
from tests.reports.saved_runs import save
from tests.reports.view.serving import Address, Serving

__all__ = ["main"]

_MODELS = {"org/base-1b": 0.42, "org/base-7b": 0.58, "org/chat-7b": 0.66, "lab/large-70b": 0.8}
_TASKS = {
    "arc_easy": ("acc", 0.08),
    "gsm8k": ("exact_match", -0.06),
    "mmlu_astronomy": ("acc", 0.0),
    "mmlu_virology": ("acc", -0.12),
    "ifeval": ("prompt_level_strict_acc", 0.02),
}
_DOCS = 250


def main(words: list[str] | None = None) -> int:
    """Save the screenshots.

    Args:
        words: The command line.

    Returns:
        0, or 1 without a browser.
    """
    (out,) = sys.argv[1:] if words is None else words
    chromium = find_chromium()
    if chromium is None:
        print("no Chromium found; LM_EVAL_CHROMIUM names one", file=sys.stderr)
        return 1
    place = Path(out)
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, Browser(chromium) as browser:
        folder = Path(scratch) / "out"
        _make(folder)
        with Serving(folder, Path(scratch) / "index.sqlite") as serving:
            serving.index.refresh()
            newest = {run.model: run.key for run in reversed(serving.index.runs)}
            two = f"{newest['org/base-7b']},{newest['org/chat-7b']}"
            page = browser.page()
            for name, anchor, ready in (
                ("viewer-runs-light", "#/runs", ".live-run"),
                ("viewer-matrix-light", "#/matrix?open=mmlu", ".best"),
                ("viewer-time-dark", "#/time?task=gsm8k&axis=step&model=org/ckpt", ".series-dot"),
                ("viewer-beside-light", f"#/beside?runs={two}", ".better, .worse"),
                ("viewer-sample-dark", f"#/sample?runs={two}&task=gsm8k&doc=4", ".pane-body"),
                ("viewer-matrix-phone-dark", "#/matrix", ".best"),
            ):
                _take(page, serving, anchor, ready, place / f"{name}.png")
            page.close()
    return 0


def _take(page: Page, serving: Serving, anchor: str, ready: str, file: Path) -> None:
    page.prefer(color_scheme="dark" if "dark" in file.name else "light", reduced_motion="reduce")
    page.size(*((390, 700, 1.5, True) if "phone" in file.name else (1200, 640, 1, False)))
    page.open(cast("Path", Address(serving.url)), anchor)
    page.wait(f"document.querySelector({json.dumps(ready)})")
    page.screenshot(file)


def _make(folder: Path) -> None:
    rng = random.Random(7)
    levels = [rng.random() for _ in range(_DOCS)]
    start = datetime(2026, 1, 5, 9, tzinfo=timezone.utc)
    for number, (model, skill) in enumerate(_MODELS.items()):
        _run(folder, model, skill, start + timedelta(days=number, hours=3), rng, levels)
    for step in range(1, 8):
        when = start + timedelta(days=7, hours=2 * step)
        _run(folder, f"org/ckpt-{step * 1000}", 0.72 - 0.4 / step, when, rng, levels)
    _live(folder)


def _run(folder: Path, model: str, skill: float, when: datetime, rng: random.Random, levels: list[float]) -> None:
    samples: dict[str, list[dict[str, Any]]] = {}
    for task, (metric, easier) in _TASKS.items():
        lines = []
        for doc, level in enumerate(levels):
            # One column without a mark: the large model follows instructions no better than others.
            harder = 0.13 if (model, task) == ("lab/large-70b", "ifeval") else 0.0
            right = float(0.6 * level + 0.4 * rng.random() < skill + easier - harder)
            question = f"A farmer has {doc + 3} fields with {doc % 7 + 2} trees each. How many trees are there?"
            said = (doc + 3) * (doc % 7 + 2) + (0 if right else 10)
            lines.append(
                {
                    **{"doc_id": doc, "doc": {"question": question}, "target": str((doc + 3) * (doc % 7 + 2))},
                    "arguments": {
                        "gen_args_0": {"arg_0": f"Question: {question}\nAnswer:", "arg_1": {"until": ["\n"]}}
                    },
                    "resps": [[f" There are {doc + 3} fields with {doc % 7 + 2} trees, so {said} trees."]],
                    **{"filtered_resps": [str(said)], "filter": "none", "metrics": [metric], metric: right},
                    **{"doc_hash": f"{doc:064}", "prompt_hash": f"{doc:064}", "target_hash": f"{doc:064}"},
                }
            )
        samples[task] = lines
    means = {task: sum(line[_TASKS[task][0]] for line in lines) / _DOCS for task, lines in samples.items()}
    stderrs = {task: (mean * (1 - mean) / _DOCS) ** 0.5 for task, mean in means.items()}
    scores: dict[str, dict[str, Any]] = {
        task: {f"{_TASKS[task][0]}_stderr,none": stderr} for task, stderr in stderrs.items()
    }
    members = ["mmlu_astronomy", "mmlu_virology"]
    both = sum(means[name] for name in members) / 2
    scores["mmlu"] = {"acc,none": both, "acc_stderr,none": (both * (1 - both) / _DOCS / 2) ** 0.5, "alias": "mmlu"}
    save(
        folder / model.replace("/", "__"),
        samples,
        scores=scores,
        model_name=model,
        time=when.strftime("%Y-%m-%dT%H-%M-%S.%f"),
        date=when.timestamp(),
        group_subtasks={"mmlu": members},
        higher_is_better={name: {metric: True for metric, _ in _TASKS.values()} for name in (*_TASKS, "mmlu")},
        total_evaluation_time_seconds=300 + 900 * skill,
        config={"num_fewshot": 5, "model_args": {"model": model, "max_gen_toks": 256}},
    )


def _live(folder: Path) -> None:
    now = time.time()
    state = {"format": 1, "model": "lab/new-70b", "tasks": ["arc_easy", "gsm8k", "mmlu"], "started": now - 700}
    state |= {"updated": now, "pid": os.getpid(), "host": socket.gethostname(), "total": 18000, "done": 11200}
    state |= {"errors": 3, "rate": 16.4, "cost": 1.87, "prompt_tokens": 9_400_000, "completion_tokens": 410_000}
    state |= {"retries": 12, "cached": 0, "ended": False}
    (folder / ".journal").mkdir(parents=True)
    (folder / ".journal" / "a.state.json").write_text(json.dumps(state))


if __name__ == "__main__":
    sys.exit(main())
