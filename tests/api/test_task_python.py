"""Python tasks in the common styles."""

from __future__ import annotations

from typing import Any

import pytest

from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask, MultipleChoiceTask, PerplexityTask, Task
from lm_eval.errors import ConfigError, DatasetError, TaskFileError

from .tasks_for_tests import build, questions


class Reading(ConfigurableTask):
    """Overrides nearly everything, with methods that take only the doc."""

    VERSION = 3
    DATASET_PATH = "some/set"

    def __init__(self, config: dict[str, Any] | None = None) -> None:
        super().__init__(config={"metadata": {"version": self.VERSION}, **(config or {})})

    def download(self, *args: Any, **kwargs: Any) -> None:
        self.dataset = {"train": questions(4), "validation": questions(2)}

    def has_training_docs(self) -> bool:
        return True

    def has_validation_docs(self) -> bool:
        return True

    def has_test_docs(self) -> bool:
        return False

    def training_docs(self) -> Any:
        return self.dataset["train"]

    def validation_docs(self) -> Any:
        return self.dataset["validation"]

    def doc_to_text(self, doc: Any) -> Any:  # type: ignore[override]
        return doc["q"]

    def doc_to_target(self, doc: Any) -> Any:  # type: ignore[override]
        return " " + doc["answer"]

    def construct_requests(
        self, doc: Any, ctx: Any, chat_template: Any = None, apply_chat_template: bool = False, **kwargs: Any
    ) -> list[Instance]:
        generation: tuple[Any, ...] = (ctx, {"until": ["\n"]})
        return [
            Instance(request_type="generate_until", doc=doc, arguments=generation, idx=0, **kwargs),
            Instance(request_type="loglikelihood", doc=doc, arguments=(ctx, " none"), idx=1, **kwargs),
        ]

    def process_results(self, doc: Any, results: Any) -> dict[str, Any]:
        text, (loglikelihood, _) = results
        return {"pair": (text, loglikelihood)}

    def aggregation(self) -> dict[str, Any]:
        return {"pair": len}

    def higher_is_better(self) -> dict[str, Any]:
        return {"pair": True}


def test_overridden_steps_are_used() -> None:
    task = Reading(config={"task": "reading"})
    built = build(task)
    assert [(i.request_type, i.args[0], i.doc_id) for i in built] == [
        ("generate_until", "Q0?", 0),
        ("loglikelihood", "Q0?", 0),
        ("generate_until", "Q1?", 1),
        ("loglikelihood", "Q1?", 1),
    ]
    assert task.process_results({}, ["x", (-1.0, False)]) == {"pair": ("x", -1.0)}
    assert (task.VERSION, task.task_name) == (3, "reading")


def test_methods_that_take_only_the_doc_write_shots() -> None:
    task = Reading(config={"num_fewshot": 1, "target_delimiter": "", "fewshot_config": {"sampler": "first_n"}})
    # Neither split has a name in the config, so they count as the same split and the doc itself is left out.
    assert build(task, limit=1)[0].args[0] == "Q1? answer 1\n\nQ0?"


def test_overridden_fewshot_context_gets_the_runs_settings() -> None:
    seen: list[dict[str, Any]] = []

    class Own(Reading):
        def fewshot_context(self, doc: Any, **kwargs: Any) -> Any:  # type: ignore[override]
            seen.append(kwargs)
            return super().fewshot_context(doc, **kwargs)

    build(Own(), limit=1, system_instruction="Be brief.")
    assert seen == [
        {
            "num_fewshot": 0,
            "system_instruction": "Be brief.",
            "apply_chat_template": False,
            "fewshot_as_multiturn": False,
            "chat_template": None,
            "gen_prefix": None,
        }
    ]


def test_overridden_turns_see_the_choices() -> None:
    class Letters(ConfigurableTask):
        def build_qa_turn(self, *, q: Any = None, c: Any = None, **kwargs: Any) -> Any:
            return super().build_qa_turn(q=f"{q} {'/'.join(c)}", c=c, **kwargs)

    task = Letters(
        config={
            "task": "letters",
            "custom_dataset": lambda: {"test": questions(1)},
            "test_split": "test",
            "output_type": "multiple_choice",
            "doc_to_text": "q",
            "doc_to_choice": "choices",
            "doc_to_target": "label",
        }
    )
    assert build(task)[0].args == ("Q0? yes/no/may be", " yes")


def test_constructor_may_read_the_data() -> None:
    class Eager(Reading):
        def __init__(self, config: dict[str, Any] | None = None) -> None:
            super().__init__(config)
            self.size = len(self.dataset["train"])

    assert Eager().size == 4


def test_download_that_sets_nothing_is_an_error() -> None:
    class Lazy(Reading):
        def download(self, *args: Any, **kwargs: Any) -> None:
            pass

    with pytest.raises(DatasetError, match=r"download\(\) did not set self.dataset"):
        build(Lazy())


def test_fault_in_a_step_names_doc_and_task() -> None:
    class Broken(Reading):
        def construct_requests(self, *args: Any, **kwargs: Any) -> Any:
            raise ZeroDivisionError("oops")

    with pytest.raises(TaskFileError, match="building doc 0 of task Broken failed: ZeroDivisionError: oops"):
        build(Broken())


class Plain(Task):
    """A task that derives from the base class directly."""

    def has_training_docs(self) -> bool:
        return True

    def has_validation_docs(self) -> bool:
        return False

    def has_test_docs(self) -> bool:
        return True

    def training_docs(self) -> Any:
        return questions(4)

    def test_docs(self) -> Any:
        return questions(2)

    def doc_to_text(self, doc: Any) -> Any:
        return doc["q"]

    def doc_to_target(self, doc: Any) -> Any:
        return " " + doc["answer"]

    def construct_requests(self, doc: Any, ctx: Any, **kwargs: Any) -> Instance:
        kwargs = {"metadata": kwargs["metadata"]}
        return Instance(request_type="generate_until", doc=doc, arguments=(ctx, {}), idx=0, **kwargs)

    def process_results(self, doc: Any, results: Any) -> dict[str, Any]:
        return {"em": 1}

    def aggregation(self) -> dict[str, Any]:
        return {"em": len}

    def higher_is_better(self) -> dict[str, Any]:
        return {"em": True}


def test_minimal_task_writes_description_shots_and_question() -> None:
    task = Plain(config={"task": "plain", "num_fewshot": 2})
    task.set_fewshot_seed(1)
    assert task.fewshot_context(questions(1)[0], 0, description="Quiz. ") == "Quiz. Q0?"
    task.build_all_requests(limit=1)
    (instance,) = task.instances
    assert instance.args[0].count("\n\n") == 2
    assert instance.args[0].endswith("\n\nQ0?")
    assert instance.metadata == ("plain", 0, 1)


def test_minimal_task_has_a_name_and_a_config() -> None:
    assert Plain().task_name == "Plain"
    assert Plain(config={"task": "plain"}).dump_config()["task"] == "plain"


class Quiz(MultipleChoiceTask, Plain):
    doc_to_target = MultipleChoiceTask.doc_to_target
    construct_requests = MultipleChoiceTask.construct_requests  # type: ignore[assignment]
    process_results = MultipleChoiceTask.process_results
    aggregation = MultipleChoiceTask.aggregation  # type: ignore[assignment]
    higher_is_better = MultipleChoiceTask.higher_is_better  # type: ignore[assignment]


def test_multiple_choice_base() -> None:
    doc = {"q": "Q", "choices": ["a", "bbb"], "gold": 1}
    task = Quiz()
    built = task.construct_requests(doc, "ctx", apply_chat_template=False, chat_template=None)
    assert [instance.args for instance in built] == [("ctx", " a"), ("ctx", " bbb")]
    assert task.process_results(doc, [(-1.0, True), (-2.0, False)]) == {"acc": 0.0, "acc_norm": 1.0}
    assert task.doc_to_target(doc) == " bbb"
    assert task.higher_is_better() == {"acc": True, "acc_norm": True}


class Pages(PerplexityTask):
    def has_validation_docs(self) -> bool:
        return False

    def has_test_docs(self) -> bool:
        return True

    def test_docs(self) -> Any:
        return ["one é", "two"]


def test_perplexity_base() -> None:
    task = Pages()
    task.build_all_requests()
    assert [instance.args for instance in task.instances] == [("one é",), ("two",)]
    assert task.process_results("one é", [-5.0]) == {
        "word_perplexity": (-5.0, 2),
        "byte_perplexity": (-5.0, 6),
        "bits_per_byte": (-5.0, 6),
    }
    with pytest.raises(ConfigError, match="must be 0"):
        task.fewshot_context("x", 1)


def test_counts() -> None:
    assert (Task.count_words("a  b\nc"), Task.count_bytes("é")) == (3, 2)
