"""Tasks with choices in each format: prompts, requests, few-shot examples and scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lm_eval.api.formatted_task import FormattedTask, why_not
from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask
from lm_eval.errors import ConfigError, TemplateError

ROWS = [
    {"q": "Why?", "options": ["one", "two", "three"], "gold": 1, "letter": "B"},
    {"q": "Who?", "options": ["me", "you", "they"], "gold": 0, "letter": "A"},
    {"q": "When?", "options": ["soon", "later", "never"], "gold": 2, "letter": "C"},
]
TEXTS = {"doc_to_text": "Question: {{q}}\nAnswer:", "doc_to_choice": "{{options}}", "doc_to_target": "gold"}
LISTED = {
    "doc_to_text": "{{q}}\nA. {{options[0]}}\nB. {{options[1]}}\nC. {{options[2]}}\nAnswer:",
    "doc_to_choice": ["A", "B", "C"],
    "doc_to_target": "letter",
}
LIST = "Question: Why?\nA. one\nB. two\nC. three"
END = (
    '\nYour response should end with "The best answer is [answer_letter]"'
    " where the [answer_letter] is one of A, B or C."
)
GENERATE = f"Given the following question and 3 candidate answers (A, B and C), choose the best answer.\n{LIST}{END}"


def make(formats: object, keys: Mapping[str, object] = TEXTS, rows: list[dict[str, Any]] = ROWS, **more: object) -> Any:
    config = {
        "task": "t",
        "custom_dataset": lambda **kwargs: {"test": rows, "train": rows},
        "test_split": "test",
        "output_type": "multiple_choice",
        "metric_list": [{"metric": "acc"}],
        "formats": formats,
        **keys,
        **more,
    }
    return FormattedTask(config)


def instances(task: Any, **options: Any) -> list[Instance]:
    task.build_all_requests(limit=1, **options)
    return list(task.instances)


@pytest.mark.parametrize("keys", [TEXTS, LISTED, {**LISTED, "question": "q", "choices": "options"}])
def test_every_way_to_write_a_task_gives_the_same_prompt(keys: Mapping[str, object]) -> None:
    (asked,) = instances(make("generate", keys))
    assert asked.args[0] == GENERATE
    assert asked.request_type == "generate_until"
    assert asked.args[1]["max_gen_toks"] == 512
    assert asked.args[1]["until"][0] == "\n\nGiven the following question and"


def test_mcqa_scores_the_labels() -> None:
    task = make("mcqa", LISTED)
    asked = instances(task)
    assert [one.args for one in asked] == [(f"{LIST}\nAnswer:", f" {label}") for label in "ABC"]
    values = task.process_results(ROWS[0], [(-2.0, False), (-1.0, True), (-3.0, False)])
    assert values == {"acc": 1.0, "acc_norm": 1.0}


def test_cloze_scores_the_texts() -> None:
    task = make("cloze", LISTED)
    asked = instances(task)
    assert [one.args for one in asked] == [("Question: Why?\nAnswer:", f" {text}") for text in ("one", "two", "three")]
    values = task.process_results(ROWS[0], [(-3.0, False), (-3.5, True), (-4.0, False)])
    assert values == {"acc": 0.0, "acc_norm": 0.0}
    assert task.process_results(ROWS[0], [(-3.6, False), (-3.5, True), (-9.0, False)])["acc"] == 1.0


def test_cot_shows_no_choices_and_takes_the_final_answer() -> None:
    task = make("cot")
    (asked,) = instances(task)
    assert asked.args[0].startswith(
        "Given the following problem, reason step by step to find the final answer.\nProblem: Why?"
    )
    assert "one" not in asked.args[0]
    assert task.doc_to_target(ROWS[0]) == "two"
    assert answered(task, "Hm. The final answer is Two.") == ("Two", {"acc": 1.0})
    assert answered(task, "The final answer is twenty.") == ("twenty", {"acc": 0.0})
    assert answered(task, "No idea") == ("[invalid]", {"acc": 0.0})


def answered(task: Any, text: str) -> tuple[Any, dict[str, Any]]:
    (asked,) = instances(task)
    asked.resps = [text]
    task.apply_filters()
    filtered = asked.filtered_resps["none"]
    return filtered, task.process_results(asked.doc, [filtered])


def test_an_answer_without_a_choice_is_wrong_and_counted() -> None:
    task = make("generate")
    assert answered(task, "The best answer is B.") == ("B", {"acc": 1.0})
    assert task.scoring_notes() == []
    assert answered(task, "The best answer is C.") == ("C", {"acc": 0.0})
    assert answered(task, "I cannot say") == ("[invalid]", {"acc": 0.0})
    assert task.scoring_notes() == ["1 of 1 answers name no choice, which counts as wrong"]


def test_a_start_of_the_answer_counts_as_a_part_of_it() -> None:
    task = make({"type": "generate", "gen_prefix": "The best answer is"})
    assert answered(task, " B") == ("B", {"acc": 1.0})


def test_few_shot_examples_are_written_in_the_format() -> None:
    task = make("generate", fewshot_split="train", fewshot_config={"sampler": "first_n"}, num_fewshot=2)
    (asked,) = instances(task)
    first, second, third = asked.args[0].split("\n\n")
    assert (first, third) == (f"{GENERATE} The best answer is B", GENERATE)
    assert second.endswith(" The best answer is A")


def test_chat_keeps_the_examples_as_turns() -> None:
    task = make("generate", fewshot_split="train", fewshot_config={"sampler": "first_n"}, num_fewshot=1)
    (asked,) = instances(
        task, apply_chat_template=True, fewshot_as_multiturn=True, chat_template=lambda turns, **kwargs: turns
    )
    assert asked.args[0] == [
        {"role": "user", "content": GENERATE},
        {"role": "assistant", "content": "The best answer is B"},
        {"role": "user", "content": GENERATE},
    ]


def test_constrained_answers_are_those_of_the_document() -> None:
    rows = [{**ROWS[0], "options": ["one", "two", "three", "four"]}]
    task = make("generate+constrained", rows=rows)
    (asked,) = instances(task)
    assert asked.args[1]["constrained_to"] == [f"The best answer is {label}" for label in "ABCD"]
    assert task.get_config("generation_kwargs")["constrained_to"] == ["The best answer is A", "The best answer is B"]


def test_a_gold_answer_in_a_fixed_place_is_moved() -> None:
    rows = [{"q": f"Why {n}?", "options": ["right", "wrong", "bad", "worse"]} for n in range(40)]
    task = make("generate", {**TEXTS, "doc_to_target": 0}, rows)
    task.build_all_requests()
    golds = [task.doc_to_target(one.doc) for one in task.instances]
    assert set(golds) == set("ABCD")
    again = make("generate", {**TEXTS, "doc_to_target": 0}, rows)
    assert [again.doc_to_target(row) for row in rows] == golds
    for one, gold in zip(task.instances, golds, strict=True):
        assert f"\n{gold}. right\n" in one.args[0]


def test_the_order_of_the_task_is_kept_where_the_gold_answer_moves() -> None:
    assert make("generate").doc_to_target(ROWS[0]) == "B"


def test_contexts_of_a_task_become_a_question_with_a_blank() -> None:
    rows = [{"s": "Ann beat Bob because _ trained.", "a": "Ann", "b": "Bob", "n": "1"}]
    keys = {
        "doc_to_text": "{{n}}",
        "doc_to_choice": "{{[s.split('_')[0] + a, s.split('_')[0] + b]}}",
        "doc_to_target": "{{s.split('_')[1].strip()}}",
    }
    task = make("mcqa", keys, rows)
    asked = instances(task)
    assert asked[0].args == ("Question: Ann beat Bob because _ trained.\nA. Ann\nB. Bob\nAnswer:", " A")
    assert task.doc_to_target(rows[0]) == 1


def test_choices_with_labels_of_their_own_are_written_once() -> None:
    rows = [{"q": "Q: Why? Answer Choices: (A)one (B)two\nA:", "c": ["(A)one", "(B)two"], "gold": [1]}]
    keys = {"doc_to_text": "{{q}}", "doc_to_choice": "{{c}}", "doc_to_target": "{{gold}}"}
    asked = instances(make("mcqa", keys, rows))
    assert asked[0].args[0] == "Question: Why?\nA. one\nB. two\nAnswer:"


def test_several_right_choices() -> None:
    keys = {**TEXTS, "question": "q", "choices": "options", "gold": "{{[0, 2]}}"}
    task = make("generate", keys)
    assert task.doc_to_target(ROWS[0]) == ["A", "C"]
    assert answered(task, "C") == ("C", {"acc": 1.0})
    assert answered(task, "B") == ("B", {"acc": 0.0})


def test_the_config_has_all_fields_of_the_format() -> None:
    shown = make({"type": "generate", "instruction": "Choose.\n"}).dump_config()
    assert shown["formats"]["instruction"] == "Choose.\n"
    assert shown["formats"]["answer_prefix"] == "The best answer is "
    assert shown["output_type"] == "generate_until"


def test_a_prompt_whose_choices_cannot_be_found_is_refused() -> None:
    task = make("generate", {**LISTED, "doc_to_text": "{{q}} one, two or three?"})
    with pytest.raises(TemplateError, match="question and choices in its file say where they are"):
        instances(task)


def test_a_gold_answer_outside_the_choices_is_refused() -> None:
    with pytest.raises(TemplateError, match="the gold answer is none of the 3 choices"):
        instances(make("generate", rows=[{**ROWS[0], "gold": 7}]))


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"output_type": "generate_until", "doc_to_text": "q"}, "writes its answer already"),
        ({"output_type": "loglikelihood", "doc_to_text": "q"}, "no choices"),
        ({"output_type": "multiple_choice", "doc_to_text": "", "doc_to_choice": "c"}, "asks no question"),
        ({"class": "x"}, "written in Python"),
        ({"output_type": "multiple_choice", "choices": "c"}, "no question"),
        ({"output_type": "generate_until", "question": "q", "choices": "c"}, None),
        ({"output_type": "multiple_choice", "doc_to_text": "q", "doc_to_choice": "c"}, None),
    ],
)
def test_tasks_that_cannot_have_a_format(config: dict[str, Any], reason: str | None) -> None:
    found = why_not(config)
    assert (found is None) if reason is None else (found is not None and reason in found)


def test_a_task_without_choices_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot be asked as generate: the model writes its answer already"):
        make("generate", output_type="generate_until")


def test_only_formatted_tasks_know_formats() -> None:
    config = {"task": "t", **TEXTS, "output_type": "multiple_choice", "test_split": "test", "formats": "mcqa"}
    with pytest.raises(ConfigError, match="ConfigurableTask does not ask in a format"):
        ConfigurableTask(config=config)
    plain = ConfigurableTask(config={"task": "t", **TEXTS, "output_type": "multiple_choice", "test_split": "test"})
    assert plain.get_config("formats") is None
    assert "formats" not in plain.dump_config()
