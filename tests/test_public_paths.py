from __future__ import annotations

import importlib

import pytest

PATHS = {
    "lm_eval": ["simple_evaluate", "evaluate", "TaskManager", "__version__"],
    "lm_eval.evaluator": ["simple_evaluate", "evaluate"],
    "lm_eval.tasks": ["TaskManager", "get_task_dict"],
    "lm_eval.tasks._yaml_loader": ["load_yaml"],
    "lm_eval.tasks._index": ["Entry", "Kind", "TaskIndex"],
    "lm_eval.tasks._factory": ["TaskFactory"],
    "lm_eval.tasks.manager": ["TaskManager"],
    "lm_eval.api.task": ["Task", "ConfigurableTask", "MultipleChoiceTask", "PerplexityTask", "TaskConfig"],
    "lm_eval.api.instance": ["Instance"],
    "lm_eval.api.group": ["Group", "ConfigurableGroup"],
    "lm_eval.api.model": ["LM", "TemplateLM", "CachingLM"],
    "lm_eval.api.metrics": [
        "mean",
        "median",
        "perplexity",
        "weighted_perplexity",
        "metric_max_over_ground_truths",
        "aggregate_subtask_metrics",
        "pooled_sample_stderr",
        "stderr_for_metric",
    ],
    "lm_eval.api.registry": [
        "MODEL_REGISTRY",
        "register_model",
        "register_filter",
        "register_metric",
        "register_aggregation",
        "get_model",
        "get_filter",
        "get_metric",
        "get_aggregation",
        "get_metric_aggregation",
        "is_higher_better",
    ],
    "lm_eval.api.filter": ["Filter", "FilterEnsemble"],
    "lm_eval.api.samplers": ["ContextSampler", "FirstNSampler", "get_sampler"],
    "lm_eval.filters": ["build_filter_ensemble"],
    "lm_eval.filters.extraction": ["RegexFilter", "Filter"],
    "lm_eval.utils": [
        "make_table",
        "handle_non_serializable",
        "general_detokenize",
        "weighted_f1_score",
        "simple_parse_args_string",
        "apply_template",
        "eval_logger",
        "logging",
    ],
    "lm_eval.models.api_models": ["TemplateAPI"],
    "lm_eval.models.openai_completions": ["LocalCompletionsAPI", "LocalChatCompletion"],
    "lm_eval.models.utils": ["Collator", "chunks", "handle_stop_sequences"],
    "lm_eval.config.group": ["GroupConfig"],
    "lm_eval.loggers": ["EvaluationTracker", "WandbLogger"],
}


@pytest.mark.parametrize(("module", "name"), [(module, name) for module, names in PATHS.items() for name in names])
def test_a_path_that_task_code_imports_exists(module: str, name: str) -> None:
    assert hasattr(importlib.import_module(module), name)
