"""What must be the same as when the model was asked, and what is told when it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask, Task
from lm_eval.errors import ConfigError

__all__ = ["changed_prompt_keys", "check_complete", "check_requests"]

_PROMPT_KEYS = (
    "dataset_path",
    "dataset_name",
    "test_split",
    "validation_split",
    "fewshot_split",
    "process_docs",
    "doc_to_text",
    "doc_to_image",
    "doc_to_audio",
    "description",
    "target_delimiter",
    "fewshot_delimiter",
    "fewshot_config",
    "num_fewshot",
    "gen_prefix",
    "generation_kwargs",
    "repeats",
)


def check_complete(name: str, row: Mapping[str, Any], instances: Sequence[Instance]) -> None:
    """Refuse samples that are not all of the run's.

    Args:
        name: The task.
        row: Its row of the saved results.
        instances: The Instances of its samples.

    Raises:
        ConfigError: There are more or fewer docs than the results were computed from.
    """
    found, scored = len({instance.doc_id for instance in instances}), row.get("sample_len")
    if isinstance(scored, int) and found != (expected := scored + (row.get("n_errors") or 0)):
        raise ConfigError(
            f"The samples of task {name!r} are of {found} docs and its results of {expected}; it cannot be rescored."
        )


def check_requests(task: Task, saved: Mapping[str, Any], instances: Sequence[Instance]) -> None:
    """Refuse to score what the task would no longer ask, as far as the docs tell: prompts are not rebuilt.

    Args:
        task: The task, which sees the saved docs.
        saved: Its config in the saved results.
        instances: The saved Instances.

    Raises:
        ConfigError: The output type, the choices or the targets are no longer those the model was asked about.
    """
    before, now = saved.get("output_type"), task.config.output_type
    if before is not None and before != now:
        raise _refusal(task, f"its output_type was {before} when the model was asked and is {now} now")
    if not isinstance(task, ConfigurableTask) or _asks_by_itself(task):
        return
    kind = task.OUTPUT_TYPE
    wanted = "loglikelihood" if kind == "multiple_choice" else kind
    if other := next((found for found in instances if found.request_type != wanted), None):
        raise _refusal(task, f"the model was asked for {other.request_type} and the task is of type {kind}")
    docs: dict[Any, list[Instance]] = {}
    for instance in instances:
        docs.setdefault(instance.doc_id, []).append(instance)
    for doc_id, asked in docs.items():
        if kind == "multiple_choice":
            _check_choices(task, doc_id, asked)
        elif kind in ("loglikelihood", "loglikelihood_rolling"):
            text = asked[0].args[1 if kind == "loglikelihood" else 0]
            if text != (target := task.doc_to_target(asked[0].doc)):
                raise _refusal(task, f"doc {doc_id} was asked about {_short(text)}, its target is {_short(target)} now")


def _asks_by_itself(task: ConfigurableTask) -> bool:
    base = ConfigurableTask.construct_requests
    return getattr(type(task), "construct_requests", base) is not base


def _check_choices(task: ConfigurableTask, doc_id: Any, asked: Sequence[Instance]) -> None:
    choices = task.doc_to_choice(asked[0].doc)
    metrics = task.aggregation()
    if len(asked) not in (len(choices), 2 * len(choices)):
        raise _refusal(task, f"doc {doc_id} was asked about {len(asked)} choices and has {len(choices)} now")
    if "acc_mutual_info" in metrics and len(asked) == len(choices) and not callable(task.config.process_results):
        raise _refusal(
            task, "acc_mutual_info needs the choices without the prompt, which the model was not asked about"
        )
    if task.multiple_input:
        return
    for instance, choice in zip(asked, choices, strict=False):
        if not str(instance.args[1]).endswith(str(choice)):
            text = _short(instance.args[1])
            raise _refusal(task, f"doc {doc_id} was asked about the choice {text}, which is {_short(choice)} now")


def _refusal(task: Task, reason: str) -> ConfigError:
    return ConfigError(f"Task {task.task_name!r} cannot be rescored: {reason}. Run it anew.")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def changed_prompt_keys(task: Task, saved: Mapping[str, Any], *, compare_functions: bool) -> list[str]:
    """Name the keys of a task's config that make prompts and answers, and differ from the saved run's.

    Args:
        task: The task, with the run's settings.
        saved: Its config in the saved results.
        compare_functions: Compare functions by their source too; another program's task files have others.

    Returns:
        The keys.
    """
    from lm_eval.results.atomic import to_json

    present = task.dump_config()
    without_shots = not saved.get("num_fewshot") and not present.get("num_fewshot")
    changed = []
    for key in _PROMPT_KEYS:
        if key.startswith("fewshot_") and without_shots:
            continue
        before, now = saved.get(key), present.get(key)
        if key == "fewshot_config":
            before, now = _own_values(saved), _own_values(present)
        is_function = callable(task.get_config(key)) or (key == "fewshot_config" and not compare_functions)
        if to_json(before) != to_json(now) and not (is_function and not compare_functions):
            changed.append(key)
    return changed


def _own_values(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a config says of shots alone: what is set, and not taken over from the task."""
    shots = config.get("fewshot_config") or {}
    return {key: value for key, value in shots.items() if value is not None and value != config.get(key)}
