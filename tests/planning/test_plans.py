from __future__ import annotations

import json
from typing import Any

import pytest

from lm_eval.planning import Example, Plan, TaskPlan


def task(name: str = "gsm8k", **more: Any) -> TaskPlan:
    given: dict[str, Any] = {"docs": 50, "requests": 1234, "repeated": 0, "prompt_tokens": 56789}
    about: dict[str, Any] = {"task": name, "output_type": "generate_until", "num_fewshot": 5}
    return TaskPlan(**about, **{**given, "generated_tokens": 12800, **more})


def text(**more: Any) -> str:
    return str(Plan("local-completions", {"model": "m"}, **{"tasks": [task()], **more}))


def test_numbers_are_readable() -> None:
    row = next(line for line in text().splitlines() if line.startswith("gsm8k"))
    assert row.split() == ["gsm8k", "generate_until", "5", "50", "1,234", "56,789", "12,800"]


@pytest.mark.parametrize(("cost", "shown"), [(0.01234, "0.0123"), (12.345, "12.35"), (1234.5, "1,234.50")])
def test_cost_has_a_column_when_there_are_prices(cost: float, shown: str) -> None:
    row = next(line for line in text(tasks=[task(cost=cost)]).splitlines() if line.startswith("gsm8k"))
    assert row.split()[-1] == shown


def test_several_tasks_have_a_total() -> None:
    total = next(line for line in text(tasks=[task(), task("b", cost=1.5)]).splitlines() if line.startswith("2 tasks"))
    assert total.split() == ["2", "tasks", "100", "2,468", "113,578", "25,600", "1.50"]


def test_lines_fit_100_columns() -> None:
    faults = {f"task_{number}": "needs a package " * 10 for number in range(9)}
    shown = text(faults=faults, refused={"a": "cannot " * 30}, notes=["word " * 40], tasks=[task(cost=1.0)])
    assert max(map(len, shown.splitlines())) <= 100


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"tokens_by": "characters / 4"}, "Prompt tokens: characters / 4."),
        ({"scoring": "echo_offsets", "scoring_assumed": True}, "scoring=echo_offsets is assumed"),
        ({"scoring": "echo_offsets"}, "Log-likelihoods: scoring=echo_offsets."),
        ({"window": 4096}, "Window: 4,096 tokens."),
        ({}, "Window: not known"),
        ({"tasks": [task(repeated=1500)]}, "1,500 of the requests are equal to others"),
        (
            {"tasks": [task(repeated=1500)], "answers_kept": True},
            "1,500 requests are equal to others and are sent once",
        ),
        ({"tasks": [task(too_long=3)]}, "! gsm8k: 3 prompts are longer than the window"),
        ({"tasks": [task(tight=2)]}, "! gsm8k: 2 prompts leave less room than max_gen_toks"),
        ({"refused": {"a": "No echo.", "b": "No echo."}}, "! Not run: a, b. No echo."),
        ({"faults": {"a": "needs x: pip install x"}}, "! Cannot run: a. needs x: pip install x"),
        ({"notes": ["Something."]}, "\nSomething."),
    ],
)
def test_the_basis_of_the_numbers_is_shown(more: dict[str, Any], expected: str) -> None:
    assert expected in text(**more)


def body(example: Example) -> Any:
    return json.loads(text(example=example).partition("Its request: POST ")[2].partition("\n")[2])


def test_the_first_prompt_is_complete() -> None:
    example = Example("gsm8k", 0, "line\nline " * 200, None, "/completions", {"prompt": "x", "max_tokens": 3})
    assert "line\nline " * 200 in text(example=example)
    assert body(example) == {"prompt": "x", "max_tokens": 3}


def test_messages_are_shown_with_their_roles() -> None:
    example = Example("a", 0, [{"role": "system", "content": "Be."}, {"role": "user", "content": "Q"}])
    assert "[system]\nBe.\n[user]\nQ" in text(example=example)


def test_images_and_token_ids_are_cut_short() -> None:
    image = {"image_url": {"url": "data:image/png;base64," + "A" * 5000}}
    shown = body(Example("a", 0, "p", None, "/c", {"prompt": list(range(500)), "content": [image]}))
    assert shown["prompt"] == "[0, 1, 2, 3, 4, 5, 6, 7, … 500 token ids]"
    assert "5000 characters" in shown["content"][0]["image_url"]["url"]


def test_an_unknown_body_is_shown_as_unknown() -> None:
    assert "needs token ids from the server" in text(example=Example("a", 0, "p", " A", "/completions", None))


def test_plain_data_is_json() -> None:
    plan = Plan("m", tasks=[task()], example=Example("a", 0, "p"))
    assert json.loads(json.dumps(plan.to_dict()))["total"]["requests"] == 1234
