"""Small tasks over rows in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask

Rows = list[dict[str, Any]]


def questions(count: int = 6) -> Rows:
    """Rows with a question, three choices, the index and the text of the right one, and a free answer."""
    choices = ["yes", "no", "may be"]
    return [
        {"q": f"Q{i}?", "choices": choices, "label": i % 3, "word": choices[i % 3], "answer": f"answer {i}"}
        for i in range(count)
    ]


def splits(test: Rows | None = None, train: Rows | None = None) -> Callable[..., dict[str, Rows]]:
    data = {"test": questions() if test is None else test, "train": questions(4) if train is None else train}
    return lambda **kwargs: data


def make(
    cls: type[ConfigurableTask] = ConfigurableTask, *, test: Rows | None = None, train: Rows | None = None, **keys: Any
) -> ConfigurableTask:
    """Build a task over rows; by default it generates ``{{answer}}`` to ``{{q}}``."""
    config = {
        "task": "demo",
        "custom_dataset": splits(test, train),
        "test_split": "test",
        "fewshot_split": "train",
        "doc_to_text": "{{q}}",
        "doc_to_target": "{{answer}}",
    }
    config.update(keys)
    return cls(config=config)


def choice(**keys: Any) -> ConfigurableTask:
    """Build a multiple choice task."""
    own = {"output_type": "multiple_choice", "doc_to_target": "label", "doc_to_choice": "choices"}
    return make(**{**own, **keys})


def build(task: ConfigurableTask, **run: Any) -> list[Instance]:
    """Build a task's Instances, with a seeded sampler."""
    task.set_fewshot_seed(1234)
    task.build_all_requests(**run)
    return task.instances


def prompts(task: ConfigurableTask, **run: Any) -> list[str]:
    return [instance.args[0] for instance in build(task, **run)]


def show_chat(messages: Sequence[dict[str, str]], add_generation_prompt: bool = True) -> str:
    """A chat template that writes its arguments as JSON."""
    return json.dumps({"chat": list(messages), "open": add_generation_prompt})


def chat(task: ConfigurableTask, multiturn: bool = True, **run: Any) -> list[dict[str, Any]]:
    """Build a task with the chat template; return the arguments of the template, one entry per Instance."""
    built = build(task, apply_chat_template=True, fewshot_as_multiturn=multiturn, chat_template=show_chat, **run)
    return [json.loads(instance.args[0]) for instance in built]
