"""Compare requests and scores of this package with those recorded from the reference harness."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.parity.made import scores

# A selection over output types, few-shot settings, filters and templates; the others only take more time.
TASKS = (
    "arc_easy",
    "arc_challenge_chat",
    "bbh_cot_fewshot_snarks",
    "bbh_cot_zeroshot_web_of_lies",
    "blimp_left_branch_island_simple_question",
    "boolq-seq2seq",
    "copa",
    "drop",
    "gsm8k",
    "gsm8k_cot_self_consistency",
    "hellaswag",
    "lambada_openai",
    "mgsm_native_cot_zh",
    "mmlu_flan_n_shot_generative_global_facts",
    "mmlu_human_aging",
    "mmlu_pro_philosophy",
    "sst2",
    "truthfulqa_mc2",
    "wikitext",
    "winogrande",
)
VARIANTS = ("default", "few", "chat", "chat1")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def recorded(shared_dir: Path) -> dict[str, Any]:
    file = shared_dir / "parity" / "visible.json"
    if not file.is_file():
        pytest.skip(f"no recorded cases at {file}")
    return dict(json.loads(file.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def measured(shared_dir: Path, recorded: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("parity") / "measured.json"
    script, hub = shared_dir / "parity" / "dump.py", shared_dir / "data"
    variants = [word for variant in VARIANTS for word in ("--variant", variant)]
    known = [task for task in TASKS if f"{task}|default" in recorded]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, str(script), "--hub", str(hub), "--out", str(out), "--limit", "20", *variants, *known],
        env={**os.environ, "PYTHONPATH": path},
        cwd=out.parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(out.read_text(encoding="utf-8")))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("task", TASKS)
def test_same_requests_and_scores(task: str, variant: str, recorded: dict[str, Any], measured: dict[str, Any]) -> None:
    key = f"{task}|{variant}"
    if key not in recorded:
        pytest.skip(f"{key} is not recorded")
    expected, found = recorded[key], measured[key]
    assert "error" not in found, found.get("error")
    assert found["per_request"] == expected["per_request"]
    assert scores(found) == pytest.approx(scores(expected), rel=1e-6, abs=1e-9, nan_ok=True)
