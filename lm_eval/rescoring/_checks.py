"""Check that a task still asks what the model was asked, and find the prompt settings that changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lm_eval.api.instance import Instance
from lm_eval.api.result_keys import MUTUAL_INFORMATION
from lm_eval.api.task import ConfigurableTask, Task
from lm_eval.errors import ConfigError
from lm_eval.results import Member
from lm_eval.results.atomic import to_json
from lm_eval.results.json_values import as_mapping
from lm_eval.text import shorten

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
    "doc_to_video",
    "tools",
    "description",
    "target_delimiter",
    "fewshot_delimiter",
    "fewshot_config",
    "num_fewshot",
    "gen_prefix",
    "generation_kwargs",
    "repeats",
)


def check_complete(saved: Member, instances: Sequence[Instance]) -> None:
    """Refuse samples that are not all samples of the run.

    Args:
        saved: The task in the saved results.
        instances: The Instances of its samples.

    Raises:
        ConfigError: There are more or fewer documents than the results were computed from.
    """
    found = len({instance.doc_id for instance in instances})
    if saved.n is not None and found != (expected := saved.n + saved.lost):
        raise ConfigError(
            f"The samples of task {saved.name!r} are of {found} docs and its results of {expected}; it cannot be"
            " rescored."
        )


def check_requests(task: Task, saved: Mapping[str, object], instances: Sequence[Instance]) -> None:
    """Refuse to score what the task would no longer ask, as far as the documents show: prompts are not rebuilt.

    Args:
        task: The task, which sees the saved documents.
        saved: Its config in the saved results.
        instances: The saved Instances.

    Raises:
        ConfigError: The output type, the choices or the targets differ from those the model was asked about.
    """
    before, present = saved.get("output_type"), task.config.output_type
    if before is not None and before != present:
        raise _refusal(task, f"its output_type was {before} when the model was asked and is {present} now")
    if not isinstance(task, ConfigurableTask) or _overrides_requests(task):
        return
    kind = task.OUTPUT_TYPE
    wanted = "loglikelihood" if kind == "multiple_choice" else kind
    if other := next((found for found in instances if found.request_type != wanted), None):
        raise _refusal(task, f"the model was asked for {other.request_type} and the task is of type {kind}")
    docs: dict[int | None, list[Instance]] = {}
    for instance in instances:
        docs.setdefault(instance.doc_id, []).append(instance)
    for doc_id, asked in docs.items():
        if kind == "multiple_choice":
            _check_choices(task, doc_id, asked)
        elif kind in ("loglikelihood", "loglikelihood_rolling"):
            text = asked[0].args[1 if kind == "loglikelihood" else 0]
            if text != (target := task.doc_to_target(asked[0].doc)):
                raise _refusal(task, f"doc {doc_id} was asked about {_short(text)}, its target is {_short(target)} now")


def _overrides_requests(task: ConfigurableTask) -> bool:
    base = ConfigurableTask.construct_requests
    return getattr(type(task), "construct_requests", base) is not base


def _check_choices(task: ConfigurableTask, doc_id: int | None, asked: Sequence[Instance]) -> None:
    choices = task.doc_to_choice(asked[0].doc)
    if len(asked) not in (len(choices), 2 * len(choices)):
        raise _refusal(task, f"doc {doc_id} was asked about {len(asked)} choices and has {len(choices)} now")
    mutual = MUTUAL_INFORMATION in task.aggregation()
    if mutual and len(asked) == len(choices) and not callable(task.config.process_results):
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


def _short(value: object) -> str:
    return shorten(repr(value), 60)


def changed_prompt_keys(task: Task, saved: Mapping[str, object], *, compare_functions: bool) -> list[str]:
    """Name the keys of a task's config that form prompts and answers and differ from those of the saved run.

    Args:
        task: The task, with the run's settings.
        saved: Its config in the saved results.
        compare_functions: Compare functions by their source, too; the task files of another program have other
            functions.

    Returns:
        The keys.
    """
    present = task.dump_config()
    without_shots = not saved.get("num_fewshot") and not present.get("num_fewshot")
    changed = []
    for key in _PROMPT_KEYS:
        if key.startswith("fewshot_") and without_shots:
            continue
        before, after = saved.get(key), present.get(key)
        if key == "fewshot_config":
            before, after = _shot_settings(saved), _shot_settings(present)
        is_function = callable(task.get_config(key)) or (key == "fewshot_config" and not compare_functions)
        if to_json(before) != to_json(after) and not (is_function and not compare_functions):
            changed.append(key)
    return changed


def _shot_settings(config: Mapping[str, object]) -> dict[str, object]:
    """Return the settings of few-shot examples that differ from those of the task."""
    shots = as_mapping(config.get("fewshot_config"))
    return {key: value for key, value in shots.items() if value is not None and value != config.get(key)}
