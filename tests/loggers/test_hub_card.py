from __future__ import annotations

import yaml

from lm_eval.loggers._hub_card import card

FILES = [
    "README.md",
    "org/m/results_2026-01-02T03-04-05.678901.json",
    "org__m/samples_mmlu_law_2026-01-02T03-04-05.678901.jsonl",
    "org__m/samples_mmlu_law_2026-02-02T03-04-05.678901.jsonl",
    "org__m/samples_t_2026-01-02T03-04-05.678901.parquet",
]


def test_samples_of_a_model_and_task_are_a_configuration() -> None:
    head = yaml.safe_load(card("me/r", FILES, {}).split("---")[1])
    configs = {config["config_name"]: config["data_files"] for config in head["configs"]}
    assert list(configs) == ["org__m__mmlu_law", "org__m__t"]
    assert configs["org__m__mmlu_law"] == [
        {"split": "2026_01_02T03_04_05_678901", "path": FILES[2]},
        {"split": "2026_02_02T03_04_05_678901", "path": FILES[3]},
        {"split": "latest", "path": FILES[3]},
    ]


def test_runs_are_listed() -> None:
    assert f"| org/m | 2026-01-02T03-04-05.678901 | `{FILES[1]}` |" in card("me/r", FILES, {})


def test_loading_is_shown() -> None:
    assert 'load_dataset("me/r", "org__m__mmlu_law", split="latest")' in card("me/r", FILES, {})


def test_notes_are_shown() -> None:
    text = card("me/r", [], {"point_of_contact": "a@b.c", "leaderboard_url": ""})
    assert "Contact: a@b.c" in text
    assert "Leaderboard" not in text


def test_an_empty_card_is_valid() -> None:
    assert yaml.safe_load(card("me/r", [], {}).split("---")[1]) == {"tags": ["lm-eval"]}
