from __future__ import annotations

from typing import Any

import pytest

from lm_eval.api.instance import Instance
from lm_eval.errors import ConfigError, DatasetError

from .tasks_for_tests import build, chat, choice, make, questions, show_chat


def arguments(task: Any, **run: Any) -> list[tuple[Any, ...]]:
    return [instance.args for instance in build(task, limit=1, **run)]


def test_loglikelihood_asks_for_the_target_as_it_is() -> None:
    task = make(output_type="loglikelihood", doc_to_target=" {{answer}}")
    assert arguments(task) == [("Q0?", " answer 0")]


def test_rolling_requests_only_the_target() -> None:
    task = make(output_type="loglikelihood_rolling", doc_to_text="", doc_to_target="{{q}} {{answer}}")
    assert arguments(task) == [("Q0? answer 0",)]


def test_rolling_needs_no_question() -> None:
    assert arguments(make(output_type="loglikelihood_rolling", doc_to_text=None)) == [("answer 0",)]


def test_multiple_choice_sends_one_request_per_choice() -> None:
    built = build(choice(target_delimiter="\n"), limit=1)
    assert [instance.args for instance in built] == [("Q0?", "\nyes"), ("Q0?", "\nno"), ("Q0?", "\nmay be")]
    assert [instance.idx for instance in built] == [0, 1, 2]
    assert {instance.request_type for instance in built} == {"loglikelihood"}


def test_mutual_information_adds_each_choice_without_the_prompt() -> None:
    task = choice(metric_list=[{"metric": "acc_mutual_info"}])
    assert arguments(task)[3:] == [("", " yes"), ("", " no"), ("", " may be")]


def test_several_inputs_share_the_target_as_continuation() -> None:
    task = choice(doc_to_text="label", doc_to_target="answer")
    assert arguments(task) == [("yes", " answer 0"), ("no", " answer 0"), ("may be", " answer 0")]


def test_prompt_that_is_a_list_is_not_taken_for_several_inputs() -> None:
    def as_list(messages: list[dict[str, str]], add_generation_prompt: bool = True) -> list[dict[str, str]]:
        return messages

    built = arguments(choice(), apply_chat_template=True, chat_template=as_list)
    assert built == [([{"role": "user", "content": "Q0?"}], word) for word in ("yes", "no", "may be")]


@pytest.mark.parametrize(("prefix", "continuation"), [(None, "yes"), ("So:", " yes"), ("So: ", "yes")])
def test_chat_drops_the_delimiter_unless_a_gen_prefix_needs_it(prefix: str | None, continuation: str) -> None:
    built = arguments(choice(gen_prefix=prefix), apply_chat_template=True, chat_template=show_chat)
    assert built[0][1] == continuation


def test_generation_settings_are_copied_for_each_instance() -> None:
    first, second = build(make(), limit=2)
    first.args[1]["until"].append("changed")
    assert second.args[1] == {"temperature": 0.0, "do_sample": False, "max_gen_toks": 256, "until": ["\n\n"]}


@pytest.mark.parametrize(
    ("key", "value", "media"),
    [
        ("doc_to_image", "choices", {"visual": ["yes", "no", "may be"]}),
        ("doc_to_image", ["q", "word"], {"visual": ["Q0?", "yes"]}),
        ("doc_to_audio", lambda doc: [doc["q"]], {"audio": ["Q0?"]}),
        ("doc_to_audio", "{{[q]}}", {"audio": ["Q0?"]}),
    ],
)
def test_media_are_an_additional_argument(key: str, value: Any, media: dict[str, Any]) -> None:
    assert arguments(make(**{key: value}))[0][2] == media
    assert arguments(choice(**{key: value}))[0][2] == media


def test_instances_know_task_doc_and_repeats() -> None:
    (instance,) = build(make(repeats=3), samples=[4])
    assert (instance.task_name, instance.doc_id, instance.repeats) == ("demo", 4, 3)
    assert instance.metadata == ("demo", 4, 3)
    assert instance.doc["q"] == "Q4?"


@pytest.mark.parametrize(("limit", "count"), [(None, 6), (2, 2), (100, 6), (0.5, 3), (0.51, 4), (0.01, 1), (1.0, 1)])
def test_limit_is_a_number_or_a_fraction_rounded_up(limit: float | None, count: int) -> None:
    assert len(build(make(), limit=limit)) == count


def test_samples_pick_docs_by_index_in_order() -> None:
    built = build(make(), samples=[5, 0, 3, 3])
    assert [(instance.doc_id, instance.args[0]) for instance in built] == [(0, "Q0?"), (3, "Q3?"), (5, "Q5?")]


@pytest.mark.parametrize("index", [6, -1])
def test_sample_outside_the_split_is_an_error(index: int) -> None:
    with pytest.raises(ConfigError, match=f"docs 0 to 5; there is no doc {index}"):
        build(make(), samples=[index])


def test_ranks_divide_the_docs() -> None:
    ids = [[i.doc_id for i in build(make(), rank=rank, world_size=4)] for rank in range(4)]
    assert ids == [[0, 4], [1, 5], [2], [3]]


def test_no_docs_is_an_error() -> None:
    with pytest.raises(DatasetError, match="Task demo has no docs"):
        build(make(test=[]))


def test_building_again_discards_earlier_requests() -> None:
    task = make()
    assert build(task, limit=2) != build(task, limit=1)
    assert len(task.instances) == 1


def test_few_shot_seed_decides_the_shots() -> None:
    def shots(seed: int) -> list[str]:
        task = make(num_fewshot=2, train=questions(50))
        task.set_fewshot_seed(seed)
        task.build_all_requests()
        return [instance.args[0] for instance in task.instances]

    assert shots(1) == shots(1) != shots(2)


def test_shots_are_drawn_as_python_draws_them() -> None:
    import random

    task = make(num_fewshot=3, train=questions(50))
    rnd = random.Random(1234)
    expected = ["".join(f"{s['q']} {s['answer']}\n\n" for s in rnd.sample(questions(50), 3)) for _ in range(6)]
    assert [instance.args[0].removesuffix(instance.doc["q"]) for instance in build(task)] == expected


def test_chat_changes_nothing_about_which_shots_are_drawn() -> None:
    keys: dict[str, Any] = {"num_fewshot": 2, "train": questions(50)}
    plain = [instance.args[0] for instance in build(make(**keys))]
    said = chat(make(**keys))
    assert all(turn["content"] in text for text, one in zip(plain, said, strict=True) for turn in one["chat"])


def test_replay_scores_saved_documents_without_the_dataset() -> None:
    saved = [
        Instance("generate_until", {"q": "old", "answer": "x"}, ("old", {}), 0, metadata=("demo", 7, 1), resps=["x"])
    ]
    task = make()
    task.replay(saved)
    assert task.scored_docs == [{"q": "old", "answer": "x"}]
    assert [instance.filtered_resps for instance in task.apply_filters()] == [{"none": "x"}]
    assert [pipeline.name for pipeline in task.filters] == ["none"]
    with pytest.raises(ConfigError, match="'demo' reads its dataset to score"):
        task.training_docs()
