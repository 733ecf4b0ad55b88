"""Names that code for the reference harness imports from a module which imports them from another one there."""

from __future__ import annotations

from importlib import import_module

__all__ = ["elsewhere"]

_MESSAGES = "lm_eval.api.utils: ends_with_whitespace maybe_delimit multiturn_to_singleturn random_task_id"
_UTILS = "lm_eval.utils: eval_logger handle_non_serializable hash_string positional_deprecated setup_logging"
_FILES = (
    "lm_eval.utils: get_file_datetime get_file_task_name get_results_filenames get_sample_results_filenames "
    "handle_non_serializable hash_string info_once random_name_id sanitize_list sanitize_model_name sanitize_task_name"
)
_HOMES: dict[str, tuple[str, ...]] = {
    "lm_eval.__main__": ("lm_eval._cli.utils: _int_or_none_list_arg_type check_argument_types try_parse_json",),
    "lm_eval.api.task": (
        _MESSAGES + " requires_delimiter",
        "lm_eval.api.metrics: bits_per_byte mean weighted_perplexity",
        "lm_eval.api.registry: AGGREGATION_REGISTRY get_aggregation get_metric get_metric_aggregation is_higher_better",
        "lm_eval.api.task_parts.pipelines: build_filter_ensemble",
        "lm_eval.caching.cache: load_from_cache save_to_cache",
        "lm_eval.api: samplers",
        "lm_eval: utils",
    ),
    "lm_eval.api.model": ("lm_eval: utils",),
    "lm_eval.config": (
        "lm_eval.config.evaluate_config: EvaluatorConfig",
        "lm_eval.config.group: GroupConfig",
        "lm_eval.config.task: TaskConfig",
    ),
    "lm_eval.evaluator": (
        _UTILS + " hash_dict_images make_table simple_parse_args_string",
        "lm_eval._cli.utils: request_caching_arg_to_dict",
        "lm_eval.caching.cache: delete_cache",
        "lm_eval.evaluator_utils: ResultAcc get_sample_size print_writeout run_task_tests",
        "lm_eval.loggers.utils: add_env_info add_tokenizer_info get_git_commit_hash",
        "lm_eval.task_files.manager: TaskManager",
    ),
    "lm_eval.filters": ("lm_eval.api.registry: filter_registry",),
    "lm_eval.loggers.evaluation_tracker": (_FILES,),
    "lm_eval.models.api_models": ("lm_eval.models.utils: Collator chunks", "lm_eval: utils"),
    "lm_eval.models.openai_completions": (
        "lm_eval.api.registry: register_model",
        "lm_eval.models.utils: handle_stop_sequences postprocess_generated_text",
    ),
    "lm_eval.tasks.manager": (
        "lm_eval.api.group: Group",
        "lm_eval.api.task: Task",
        "lm_eval.task_files.index: Entry Kind TaskIndex",
        "lm_eval.task_files.loader: load_yaml",
        "lm_eval.tasks._factory: TaskFactory",
        "lm_eval: utils",
    ),
}
"""Module to ``home: names``; tests/compatibility looks each of them up."""


def elsewhere(module: str, name: str) -> object:
    """Return what a module would have imported, for its ``__getattr__``.

    Args:
        module: The module.
        name: The attribute that was looked up.

    Raises:
        AttributeError: The module has no such name.
    """
    for line in _HOMES.get(module, ()):
        home, _, names = line.partition(": ")
        if name in names.split():
            return getattr(import_module(home), name)
    raise AttributeError(f"module {module!r} has no attribute {name!r}")
