from __future__ import annotations

from typing import Any

import pytest

from lm_eval.config import values
from lm_eval.config.generation import LIMITS, check_settings, doubts, merge_settings, near_miss, take_limit, take_stops
from lm_eval.config.task import TaskConfig
from lm_eval.errors import ConfigError


@pytest.mark.parametrize("of_task", LIMITS)
@pytest.mark.parametrize("of_user", LIMITS)
def test_the_limit_of_the_user_wins(of_task: str, of_user: str) -> None:
    merged = merge_settings({of_task: 256, "until": ["x"]}, {of_user: 4096})
    assert merged == {of_task: 4096, "until": ["x"]}
    assert take_limit(merged, 9) == 4096
    assert merged == {"until": ["x"]}


def test_one_limit_of_the_user_replaces_two_of_the_task() -> None:
    assert merge_settings({"max_tokens": 1, "max_gen_toks": 2}, {"max_new_tokens": 3}) == {"max_gen_toks": 3}


def test_stop_strings_of_the_user_win_under_both_names() -> None:
    assert merge_settings({"until": ["x"]}, {"stop": ["y"]}) == {"until": ["y"]}
    assert take_stops({"until": ["x"], "stop": "y"}) == "y"


@pytest.mark.parametrize("name", LIMITS)
def test_no_limit_is_sent_on_demand(name: str) -> None:
    assert take_limit({name: None}, 9) is None
    assert take_limit({}, 9) == 9


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"max_gen_toks": "7", "temperature": "0.5", "seed": "007"},
            {"max_gen_toks": 7, "temperature": 0.5, "seed": 7},
        ),
        ({"min_p": "5e-2", "other": "1e-3"}, {"min_p": 0.05, "other": 0.001}),
        ({"max_tokens": 8.0, "top_k": -1}, {"max_tokens": 8, "top_k": -1}),
        ({"n": 1, "stream": False, "temperature": None}, {"n": 1, "stream": False, "temperature": None}),
        ({"until": ("a", "b"), "seed": 2**62 + 1}, {"until": ["a", "b"], "seed": 2**62 + 1}),
    ],
)
def test_values_get_their_types(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert check_settings(given) == expected


@pytest.mark.parametrize(
    "given",
    [
        "max_gen_toks=abc",
        "max_gen_toks=0",
        "max_gen_toks=1.5",
        "max_new_tokens=inf",
        "max_tokens=true",
        "temperature=nan",
        "temperature=-1",
        "temperature=hot",
        "top_p=2",
        "min_p=1e400",
        "seed=99999999999999999999",
        "do_sample=perhaps",
        "until=[1]",
        "top_a=[NaN]",
        {"top_a": float("inf")},
        {"top_a": {1}},
        {"until": [False]},
        {"until": 5},
        "model=other",
        "prompt=x",
        "messages=[]",
        "n=2",
        "stream=true",
        "max_tokens=1,max_gen_toks=2",
        "temperatur=0.5",
        "max_gen_tok=5",
        ["top_p=0.5", "Temperature=1"],
    ],
)
def test_impossible_settings_are_refused_in_one_line(given: Any) -> None:
    with pytest.raises(ConfigError, match=r"^gen_kwargs: ") as caught:
        values.generation("gen_kwargs", given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", ['{"temperatur": 0.5}', {"temperatur": 0.5}, ['{"temperatur": 0.5}', "top_p=1"]])
def test_a_misspelt_setting_in_a_mapping_is_told_and_sent(given: Any) -> None:
    settings = values.generation("gen_kwargs", given)
    assert settings["temperatur"] == 0.5
    (said,) = doubts(settings, {})
    assert "'temperatur'" in said and "'temperature'" in said


@pytest.mark.parametrize(
    "key", ["chat_template_kwargs", "guided_json", "top_k", "min_tokens", "my_server_flag", "top_a"]
)
def test_settings_of_servers_are_no_misspellings(key: str) -> None:
    assert near_miss(key) is None


def test_sampling_at_temperature_0_is_told() -> None:
    tasks: dict[str, dict[str, Any]] = {
        "a": {"do_sample": True, "temperature": 0.0},
        "b": {"do_sample": True},
        "c": {"do_sample": True, "temperature": 0.7},
        "d": {"do_sample": True, "temperature": None},
        "e": {"do_sample": False},
    }
    (said,) = doubts({}, tasks)
    assert said.startswith("do_sample=true has no effect on a, b: temperature is 0.")


def test_a_backslash_that_is_no_line_break_is_told() -> None:
    (said,) = doubts(values.generation("gen_kwargs", r"until=\n\n"), {})
    assert r'until="\n"' in said
    assert not list(doubts(values.generation("gen_kwargs", r'until="\n\n"'), {}))


def test_a_misspelt_setting_of_a_task_is_told() -> None:
    (said,) = doubts({"top_p": 1}, {"a": {"max_gen_tok": 5, "top_p": 1, "until": ["x"]}})
    assert said == "Task a: 'max_gen_tok' in generation_kwargs is no known setting. Did you mean 'max_gen_toks'?"


def test_two_limits_of_a_task_are_told() -> None:
    (said,) = doubts({}, {"a": {"max_gen_toks": 1, "max_tokens": 2}})
    assert said.startswith("Task a: max_gen_toks and max_tokens mean the same")


def test_a_task_file_with_an_impossible_setting_names_the_task() -> None:
    with pytest.raises(ConfigError, match=r"^Task t: generation_kwargs: max_gen_toks takes a whole number"):
        TaskConfig(task="t", generation_kwargs={"max_gen_toks": "x"})
    kept = TaskConfig(task="t", generation_kwargs={"min_p": "5e-2", "max_new_tokens": 5}).generation_kwargs
    assert kept == {"min_p": 0.05, "max_new_tokens": 5, "until": ["\n\n"]}
