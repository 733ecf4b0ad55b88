from __future__ import annotations

import copy
from typing import Any

import pytest

from lm_eval.api.samplers import FirstNSampler
from lm_eval.api.task import ConfigurableTask
from lm_eval.errors import ConfigError, TaskFileError, TemplateError

from .tasks_for_tests import chat, choice, make, prompts, questions

FIRST: dict[str, Any] = {"fewshot_config": {"sampler": "first_n"}}


def test_zero_shot_prompt_is_only_the_question() -> None:
    assert prompts(make(), limit=2) == ["Q0?", "Q1?"]


def test_shots_precede_the_question_with_both_delimiters() -> None:
    task = make(num_fewshot=2, target_delimiter=" -> ", fewshot_delimiter="\n", **FIRST)
    assert prompts(task, limit=1) == ["Q0? -> answer 0\nQ1? -> answer 1\nQ0?"]


@pytest.mark.parametrize(
    ("instruction", "description", "opening"),
    [
        ("Be brief.", "", "Be brief."),
        ("", "A quiz.", "A quiz."),
        ("Be brief.", "A quiz.", "Be brief.##A quiz."),
        ("Be brief.\n", "A quiz.", "Be brief.\nA quiz."),
        ("Be brief.", " A quiz.", "Be brief. A quiz."),
        (None, "About {{q}} ", "About Q0? "),
    ],
)
def test_system_instruction_and_description_open_the_prompt(
    instruction: str | None, description: str, opening: str
) -> None:
    task = make(description=description, fewshot_delimiter="##")
    assert prompts(task, limit=1, system_instruction=instruction) == [f"{opening}Q0?"]


def test_description_named_like_a_column_is_that_column_of_each_doc() -> None:
    assert prompts(make(description="word"), limit=2) == ["yesQ0?", "noQ1?"]


@pytest.mark.parametrize(
    ("text", "prefix", "prompt"),
    [
        ("{{q}}", "So:", "Q0? So:"),
        ("{{q}}\n", "So:", "Q0?\nSo:"),
        ("{{q}}", "\nSo:", "Q0?\nSo:"),
        ("{{q}}", "word", "Q0? yes"),
        ("{{q}}", "{{word}}:", "Q0? yes:"),
        ("", "So:", "So:"),
        ("{{q}}", "", "Q0?"),
    ],
)
def test_gen_prefix_follows_the_question(text: str, prefix: str, prompt: str) -> None:
    assert prompts(make(doc_to_text=text, gen_prefix=prefix), limit=1) == [prompt]


@pytest.mark.parametrize(("prefix", "shot"), [("So:", "Q0? So: answer 0"), ("So: ", "Q0? So: answer 0")])
def test_gen_prefix_and_a_shots_answer_are_one_space_apart(prefix: str, shot: str) -> None:
    task = make(num_fewshot=1, gen_prefix=prefix, **FIRST)
    assert prompts(task, limit=1) == [f"{shot}\n\nQ0? {prefix}"]


def test_shot_with_an_empty_answer_is_its_question_without_delimiters() -> None:
    task = make(num_fewshot=2, fewshot_config={"sampler": "first_n", "doc_to_target": ""})
    assert prompts(task, limit=1) == ["Q0?Q1?Q0?"]


@pytest.mark.parametrize(
    ("target", "answer"),
    [("label", "yes"), ("{{label}}", "yes"), ("word", "yes"), (["a", "b"], "a"), ("{{['a', 'b']}}", "a"), (1, "no")],
)
def test_answer_of_a_shot(target: Any, answer: str) -> None:
    task = choice(doc_to_target=target, num_fewshot=1, **FIRST)
    assert prompts(task, limit=1)[0] == f"Q0? {answer}\n\nQ0?"


def test_fewshot_config_overrides_how_shots_are_written() -> None:
    own = {
        "sampler": "first_n",
        "doc_to_text": "ask {{q}}",
        "doc_to_target": "say {{answer}}",
        "gen_prefix": ">",
        "target_delimiter": "|",
        "fewshot_delimiter": "||",
    }
    assert prompts(make(num_fewshot=1, fewshot_config=own), limit=1) == ["ask Q0?|> say answer 0||Q0?"]


def test_chat_keeps_shots_as_turns() -> None:
    task = make(num_fewshot=1, description="A quiz.", **FIRST)
    assert chat(task, limit=1) == [
        {
            "chat": [
                {"role": "system", "content": "A quiz."},
                {"role": "user", "content": "Q0?"},
                {"role": "assistant", "content": "answer 0"},
                {"role": "user", "content": "Q0?"},
            ],
            "open": True,
        }
    ]


def test_chat_in_one_turn_writes_shots_as_text() -> None:
    task = make(num_fewshot=1, description="A quiz.", **FIRST)
    assert chat(task, multiturn=False, limit=1)[0]["chat"] == [
        {"role": "system", "content": "A quiz."},
        {"role": "user", "content": "Q0? answer 0\n\nQ0?"},
    ]


@pytest.mark.parametrize("multiturn", [True, False])
def test_chat_ends_with_the_gen_prefix_which_is_not_opened_again(multiturn: bool) -> None:
    (chat_prompt,) = chat(make(gen_prefix="So:"), multiturn=multiturn, limit=1)
    assert chat_prompt == {
        "chat": [{"role": "user", "content": "Q0?"}, {"role": "assistant", "content": "So:"}],
        "open": False,
    }


def test_int_question_makes_a_prompt_a_choice() -> None:
    task = choice(doc_to_text="label", doc_to_target="{{answer}}", num_fewshot=1, **FIRST)
    built = prompts(task, limit=1)
    assert built == ["yes answer 0\n\nyes", "yes answer 0\n\nno", "yes answer 0\n\nmay be"]


def test_docs_with_several_inputs_go_through_the_chat_template() -> None:
    task = choice(doc_to_text="label", doc_to_target="{{answer}}")
    assert [chat_prompt["chat"][-1]["content"] for chat_prompt in chat(task, limit=1)] == ["yes", "no", "may be"]


def test_missing_field_names_task_key_and_field() -> None:
    with pytest.raises(TemplateError, match=r"Task demo, doc_to_text: .*'missing' is undefined; the doc has q, "):
        prompts(make(doc_to_text="{{missing}}"))


def test_failing_function_names_task_and_key() -> None:
    def broken(doc: dict[str, Any]) -> str:
        return str(doc["missing"])

    with pytest.raises(TaskFileError, match=r"\[doc_to_text\]: task demo: KeyError: 'missing'"):
        prompts(make(doc_to_text=broken))


def test_text_of_another_type_is_refused() -> None:
    with pytest.raises(TemplateError, match="doc_to_text: it gives \\['yes', 'no', 'may be'\\], which is no text"):
        prompts(make(doc_to_text="choices"))


def test_negative_number_of_shots_is_refused() -> None:
    with pytest.raises(ConfigError, match="must not be negative"):
        prompts(make(num_fewshot=-1))


def test_fixed_shots_are_written_once() -> None:
    written: list[str] = []

    class Counting(ConfigurableTask):
        def shot_turns(self, shot: Any) -> Any:
            written.append(shot["q"])
            return super().shot_turns(shot)

    # A subclass that writes shots is called each time.
    prompts(make(Counting, num_fewshot=2, **FIRST), limit=3)
    assert written == ["Q0?", "Q1?"] * 3


def test_shots_written_by_functions_are_written_for_each_doc() -> None:
    calls: list[str] = []

    def text(doc: dict[str, Any]) -> str:
        calls.append(doc["q"])
        return str(doc["q"])

    prompts(make(num_fewshot=1, fewshot_config={"sampler": "first_n", "doc_to_text": text}), limit=3)
    assert calls == ["Q0?"] * 3


def test_description_of_each_doc_precedes_fixed_shots() -> None:
    task = make(num_fewshot=1, description="{{answer}}: ", test=questions(2), **FIRST)
    assert prompts(task) == ["answer 0: Q0? answer 0\n\nQ0?", "answer 1: Q0? answer 0\n\nQ1?"]


def test_copy_of_a_task_draws_from_its_pool() -> None:
    task = make(num_fewshot=1)
    copied = copy.deepcopy(task)
    copied.dataset = {"test": questions(1), "train": [{"q": "Copied?", "answer": "yes"}]}
    assert prompts(copied) == ["Copied? yes\n\nQ0?"]
    assert "Copied?" not in prompts(task)[0]


def test_another_sampler_draws_the_shots() -> None:
    task = make(num_fewshot=2, fewshot_config={"sampler": "first_n"})
    pool = list(task.sampler.fewshot_docs())
    first = prompts(task)
    task.sampler = FirstNSampler(pool[::-1])
    assert [prompt.split("\n\n")[:2] for prompt in prompts(task)] == [
        [f"{shot['q']} {shot['answer']}" for shot in pool[:1:-1]] for _ in first
    ]
    assert first != prompts(task)


@pytest.mark.parametrize(
    ("null", "prompt"),
    [
        ({}, "raw Q0? > answer 0\n\nQ0? >"),
        ({"gen_prefix": None}, "raw Q0? answer 0\n\nQ0? >"),
        ({"process_docs": None}, "Q0? > answer 0\n\nQ0? >"),
        ({"doc_to_text": None, "doc_to_target": None}, "raw Q0? > answer 0\n\nQ0? >"),
        ({"split": None, "samples": [{"q": "S?", "answer": "sample"}]}, "S? > sample\n\nQ0? >"),
    ],
)
def test_a_null_in_fewshot_config_stays_null(null: dict[str, Any], prompt: str) -> None:
    def mark(docs: Any) -> Any:
        return [{**doc, "q": f"raw {doc['q']}"} for doc in docs] if len(docs) == 4 else docs

    task = make(num_fewshot=1, gen_prefix=">", process_docs=mark, fewshot_config={"sampler": "first_n", **null})
    assert prompts(task, limit=1) == [prompt]


def test_a_null_choice_in_fewshot_config_leaves_the_target_as_it_is() -> None:
    task = choice(num_fewshot=1, doc_to_target="label", fewshot_config={"sampler": "first_n", "doc_to_choice": None})
    assert prompts(task, limit=1)[0] == "Q0? 0\n\nQ0?"


def test_shots_are_written_anew_where_a_null_falls_back_to_a_function() -> None:
    told = iter(range(100))
    task = make(
        num_fewshot=1,
        doc_to_text=lambda doc: f"{next(told)}",
        fewshot_config={"sampler": "first_n", "doc_to_text": None},
    )
    first, second = prompts(task, limit=2)
    assert first.split()[0] != second.split()[0]
