"""The file of a sweep becomes cells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lm_eval.errors import ConfigError
from lm_eval.sweep.file import read_sweep
from tests.sweep.conftest import Write


def test_a_cell_is_a_model_tasks_and_settings(write: Write, tmp_path: Path) -> None:
    sweep = read_sweep(write(limit=5))
    assert [cell.name for cell in sweep.cells][:3] == [
        "one gsm8k num_fewshot=0",
        "one gsm8k num_fewshot=5",
        "one arc_easy num_fewshot=0",
    ]
    assert len(sweep.cells) == 8
    assert sweep.cells[1].options == {
        "model": "local-completions",
        "model_args": {"model": "m", "base_url": "http://127.0.0.1:1/v1"},
        "limit": 5,
        "num_fewshot": 5,
        "tasks": ["gsm8k"],
        "output_path": str(tmp_path / "out" / "one" / "gsm8k__num_fewshot=5"),
    }
    assert len({cell.endpoint for cell in sweep.cells}) == 2


def test_settings_are_a_product_or_a_list(write: Write) -> None:
    product = read_sweep(write(settings={"num_fewshot": [0, 5], "temperature": [0, 0.7], "seed": 1}))
    assert [dict(cell.settings) for cell in product.cells[:4]] == [
        {"num_fewshot": shots, "temperature": heat, "seed": 1} for shots in (0, 5) for heat in (0, 0.7)
    ]
    listed = read_sweep(write(settings=[{}, {"num_fewshot": 5, "gen_kwargs": "top_p=0.9", "temperature": 0.7}]))
    assert listed.cells[1].options["gen_kwargs"] == {"top_p": 0.9, "temperature": 0.7}
    assert listed.cells[0].folder.name == "gsm8k"
    assert len(read_sweep(write(settings=None)).cells) == 4


def test_arguments_of_all_models_are_merged_with_those_of_one(write: Write) -> None:
    sweep = read_sweep(write(model_args={"num_concurrent": 2}))
    assert [cell.options["model_args"] for cell in sweep.cells[::4]] == [
        {"num_concurrent": 2, "model": "m", "base_url": f"http://127.0.0.1:{port}/v1"} for port in (1, 2)
    ]


def test_a_list_of_tasks_is_one_run_and_a_format_is_in_the_names(write: Write) -> None:
    sweep = read_sweep(write(tasks=[["arc_easy", "sciq@cot"], "piqa"], settings={"format": ["generate"]}))
    assert [cell.options["tasks"] for cell in sweep.cells[:2]] == [["arc_easy@generate", "sciq@cot"], ["piqa@generate"]]


def test_exclusions_name_models_tasks_and_settings(write: Write) -> None:
    rules = [{"model": "two", "tasks": "arc*"}, {"num_fewshot": [5, 25], "model": "one"}]
    assert [cell.name for cell in read_sweep(write(exclude=rules)).cells] == [
        "one gsm8k num_fewshot=0",
        "one arc_easy num_fewshot=0",
        "two gsm8k num_fewshot=0",
        "two gsm8k num_fewshot=5",
    ]


def test_no_two_cells_share_a_folder(write: Write) -> None:
    sweep = read_sweep(write(settings={"system_instruction": ["a/b", "a_b", "x" * 300, "x" * 299, ".."]}))
    folders = {cell.folder for cell in sweep.cells}
    assert len(folders) == len(sweep.cells)
    assert all(folder.parent.parent == sweep.folder and len(folder.name) < 100 for folder in folders)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"output_path": None}, "output_path is missing"),
        ({"models": None}, "models is missing"),
        ({"models": {"one": "x"}}, "model 'one' needs options"),
        ({"models": {"one": {"model_arg": {}}}}, r"unknown option 'model_arg' in model 'one'.*model_args"),
        ({"models": {"one": {"model": "local-completions", "limit": "many"}}}, "one, gsm8k: .*limit"),
        ({"models": {"one": {}}}, "No model given"),
        ({"tasks": []}, "tasks is missing"),
        ({"tasks": [[]]}, "names of tasks"),
        ({"settings": {"num_shots": [1]}}, "unknown option 'num_shots' in settings.*num_fewshot"),
        ({"settings": {"num_fewshot": []}}, "without values"),
        ({"settings": "x"}, "settings is a mapping"),
        ({"settings": [{"output_path": "x"}]}, "output_path in settings has no place"),
        ({"limits": 5}, r"unknown option 'limits' in the top of the file.*limit"),
        ({"exclude": [{"model": "three"}]}, "matches none of the 8 runs"),
        ({"exclude": [{"model": "*"}]}, "exclude leaves no run"),
        ({"settings": [{"num_fewshot": 1}, {"num_fewshot": 1}]}, "one gsm8k num_fewshot=1 is there twice"),
    ],
)
def test_a_mistake_is_one_line_with_the_file(write: Write, changes: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_sweep(write(**changes))


@pytest.mark.parametrize("text", ["", "models: [", "- a", "\x00"])
def test_a_file_that_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"s\.yaml"):
        read_sweep(tmp_path / "s.yaml")
    with pytest.raises(ConfigError, match="cannot read"):
        read_sweep(tmp_path / "none.yaml")


def test_json_is_read_too(tmp_path: Path, write: Write) -> None:
    import yaml

    path = tmp_path / "sweep.json"
    path.write_text(json.dumps(yaml.safe_load(write().read_text())))
    assert len(read_sweep(path, str(tmp_path / "other")).cells) == 8
