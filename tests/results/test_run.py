from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lm_eval.results import Results, Sample, load

FACTS = {
    "n": 8,
    "lost": 2,
    "interval": [0.2, 0.8],
    "method": "wilson",
    "level": 0.9,
    "bounds": [0.4, 0.6],
    "clusters": 3,
    "effective_n": 5.5,
}
ROW = {
    "alias": " - T",
    "acc,none": 0.5,
    "acc_stderr,none": 0.1,
    "sample_len": 8,
    "n_errors": 2,
    "errors": {"timeout": 2},
    "outcomes": {"length": 1},
    "failed": {"f1,none": "why"},
}
RESULTS: dict[str, Any] = {
    "results": {
        "t": ROW,
        "u": {"acc,none": "N/A"},
        "g": {"alias": "G", "acc,none": 0.5, "sample_count": {"acc,none": 9}},
    },
    "group_subtasks": {"g": ["h", "u", "g"], "h": ["t"], "t": []},
    "configs": {"t": {"output_type": "multiple_choice"}, "u": {}},
    "versions": {"t": 1.0},
    "n-shot": {"t": 5},
    "higher_is_better": {"t": {"acc": True}},
    "statistics": {"t": {"acc,none": FACTS}},
    "config": {"model": "m", "limit": 3, "model_info": {"profile": "p", "run": {"requests": 7}}},
    "errors": {"lost": 2},
    "refused": {"v": "no log-probabilities"},
    "total_evaluation_time_seconds": 1.5,
}


def test_a_result_dict_in_memory_is_read() -> None:
    run = Results(RESULTS)
    assert (run.model_name, run.lost, run.seconds, run.date) == ("m", 2, 1.5, None)
    assert (run.at("config", "limit"), run.at("config", "limit", "x"), run.section("nothing")) == (3, None, {})
    assert (run.model_info["profile"], run.usage) == ("p", {"requests": 7})
    assert run.refused == {"v": "no log-probabilities"}
    assert run.tasks == ["t", "u"]


def test_a_task_of_the_run() -> None:
    task = Results(RESULTS).members["t"]
    assert (task.alias, task.version, task.shots, task.n, task.lost) == ("T", 1.0, 5, 8, 2)
    assert (task.errors, task.outcomes, task.failed) == ({"timeout": 2}, {"length": 1}, {"f1,none": "why"})
    assert (task.output_type, task.higher_is_better) == ("multiple_choice", {"acc": True})


def test_the_fields_of_a_score() -> None:
    first, second, third = Results(RESULTS).scores
    assert (first.interval, first.method, first.level, first.lost) == ((0.2, 0.8), "wilson", 0.9, 2)
    assert (first.bounds, first.clusters, first.effective_n) == ((0.4, 0.6), 3, 5.5)
    assert (second.value, second.interval, second.method, second.lost) == (None, None, "", 0)
    assert (third.task, third.is_group, third.n) == ("g", True, 9)


def test_leaves_of_groups_within_groups() -> None:
    run = Results(RESULTS)
    assert list(run.groups) == ["g", "h"]
    assert run.groups["g"].children == ("h", "u", "g")
    assert run.groups["g"].leaves() == ["t", "u"]
    assert run.leaves("t") == ["t"]


def test_damaged_results_are_read_as_far_as_possible() -> None:
    run = Results({"results": {"t": None}, "config": [], "statistics": {"t": 1}, "group_subtasks": {"g": "t"}})
    assert (run.scores, run.groups, run.config, run.model_name) == ([], {}, {}, "")


def test_samples_of_files_are_typed(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(json.dumps(RESULTS))
    (tmp_path / "samples_t_2026-01-01T00-00-00.jsonl").write_text('{"doc_id": 4, "acc": 1.0}\n')
    (sample,) = load(tmp_path).read("t")
    assert isinstance(sample, Sample)
    assert (sample.doc_id, sample.number("acc")) == (4, 1.0)
