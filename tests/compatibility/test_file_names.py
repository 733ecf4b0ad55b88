from __future__ import annotations

import pytest

from lm_eval import utils

FILES = [
    "m/results_2024-05-01T10-00-00.1.json",
    "m/samples_gsm8k_2024-05-01T10-00-00.1.jsonl",
    "m/samples_a_b_2025-01-01T00-00-00.2.jsonl",
    "README.md",
    "results_x.json",
]


def test_results_and_samples_are_told_apart() -> None:
    assert utils.get_results_filenames(FILES) == FILES[:1]
    assert utils.get_sample_results_filenames(FILES) == FILES[1:3]


@pytest.mark.parametrize(
    ("file", "task", "time"),
    [
        ("results_2024-05-01T10-00-00.1.json", "", "2024-05-01T10-00-00.1.json"),
        ("samples_gsm8k_2024-05-01T10-00-00.1.jsonl", "gsm8k", "2024-05-01T10-00-00.1"),
        ("samples_a_b_2025-01-01T00-00-00.2.jsonl", "a_b", "2025-01-01T00-00-00.2"),
    ],
)
def test_a_name_says_task_and_time(file: str, task: str, time: str) -> None:
    assert utils.get_file_task_name(file) == task
    assert utils.get_file_datetime(file) == time


def test_the_latest_file_is_that_of_the_latest_time() -> None:
    assert utils.get_latest_filename(FILES[:3]) == FILES[2]
