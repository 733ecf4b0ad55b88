"""Evaluate a model on tasks: print the scores, save results and samples."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from lm_eval.cli import exit_codes

if TYPE_CHECKING:
    from lm_eval.config.run import RunConfig

__all__ = ["add_arguments", "execute", "run"]

_SHORT = {
    "config": "-C",
    "model": "-M",
    "model_args": "-a",
    "tasks": "-t",
    "num_fewshot": "-f",
    "batch_size": "-b",
    "limit": "-L",
    "samples": "-E",
    "output_path": "-o",
    "log_samples": "-s",
    "predict_only": "-x",
    "use_cache": "-c",
    "write_out": "-w",
    "verbosity": "-v",
}
_FLAGS = {"log_samples", "predict_only", "write_out", "show_config", "confirm_run_unsafe_code", "trust_remote_code"}
_FLAGS |= {"check_integrity", "fresh", "dry_run"}
_WORDS = {"model_args", "tasks", "gen_kwargs", "include_path", "metadata", "wandb_args", "wandb_config_args"}
_WORDS |= {"trackio_args", "mlflow_args", "hf_hub_log_args"}
_BARE: dict[str, Any] = {"apply_chat_template": True, "fewshot_as_multiturn": True, "cache_requests": "true"}
_METAVARS = {"tasks": "TASK", "include_path": "DIR", "data_dir": "DIR", "output_path": "DIR", "use_cache": "FILE"}
_METAVARS |= {"config": "FILE", "model": "KIND", "save_config": "FILE", "samples": "JSON", "output_format": "FORMAT"}
_METAVARS |= dict.fromkeys(["num_fewshot", "batch_size", "max_batch_size", "limit", "max_errors"], "N")
_METAVARS |= {"system_instruction": "TEXT", "verbosity": "LEVEL"}
_GROUPS = {
    "model": ["model", "model_args", "batch_size"],
    "tasks": ["tasks", "num_fewshot", "limit", "samples", "include_path", "data_dir", "metadata", "check_integrity"],
    "prompts": ["system_instruction", "apply_chat_template", "fewshot_as_multiturn", "gen_kwargs", "seed"],
    "the run": ["config", "save_config", "dry_run", "fresh", "use_cache", "max_errors", "confirm_run_unsafe_code"],
    "results": ["output_path", "log_samples", "output_format", "predict_only"],
    "output": ["write_out", "show_config", "verbosity"],
    "loggers": ["wandb_args", "wandb_config_args", "trackio_args", "mlflow_args", "hf_hub_log_args"],
    "for compatibility": ["max_batch_size", "device", "cache_requests", "trust_remote_code"],
}
_USAGE = "lm_eval run --model KIND --model_args KEY=VALUE ... --tasks TASK ... [options]"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add an option for each field of ``RunConfig``, and ``--config``.

    Args:
        parser: Gets the options.
    """
    from dataclasses import fields

    from lm_eval.config.run import RunConfig, field_docs

    docs = {"config": "YAML or JSON file with any of these options; the command line wins.", **field_docs()}
    parser.usage = _USAGE
    names = ["config", *(item.name for item in fields(RunConfig))]
    grouped = {name for group in _GROUPS.values() for name in group}
    more_options = [name for name in names if name not in grouped]
    for title, members in {**_GROUPS, "more": more_options}.items():
        group = parser.add_argument_group(title) if members else parser
        for name in members:
            _add(group, name, docs.get(name, ""))


def _add(group: argparse._ActionsContainer, name: str, text: str) -> None:
    """Add the option of a field."""
    flags = [f"--{name}", *([_SHORT[name]] if name in _SHORT else [])]
    more: dict[str, Any] = {"default": argparse.SUPPRESS, "help": text.replace("%", "%%")}
    if name in _FLAGS:
        more["action"] = "store_true"
    elif name in _WORDS:
        more |= {"nargs": "+", "metavar": _METAVARS.get(name, "KEY=VALUE"), "action": "extend"}
    elif name in _BARE:
        more |= {"nargs": "?", "const": _BARE[name], "metavar": "VALUE"}
    else:
        more["metavar"] = _METAVARS.get(name, name.upper())
    group.add_argument(*flags, **more)


def run(namespace: argparse.Namespace) -> int:
    """Evaluate, print and save.

    Args:
        namespace: The parsed options.

    Returns:
        An exit code.
    """
    from lm_eval.config.run import RunConfig
    from lm_eval.config.run_file import load_config_file

    given = vars(namespace)
    path = given.pop("config", None)
    return execute(RunConfig.from_mapping({**(load_config_file(path, _nested_faults) if path else {}), **given}))


def _nested_faults(options: Mapping[str, Any]) -> Iterable[tuple[tuple[str, ...], str]]:
    """Look at the model's arguments, when the model is one of ours; others take what they like."""
    from lm_eval.api.registry import MODELS
    from lm_eval.config import values
    from lm_eval.models.arguments import faults_of

    if options.get("model") in MODELS and options.get("model_args"):
        for name, said in faults_of(values.arguments("model_args", options["model_args"])):
            yield ("model_args", name), said


def execute(config: RunConfig) -> int:
    """Evaluate, save, then print.

    Args:
        config: The run's options.

    Returns:
        An exit code.
    """
    config.check()
    if config.trust_remote_code:
        os.environ["HF_DATASETS_TRUST_REMOTE_CODE"] = "1"
    if config.save_config:
        _save(config, config.save_config)
    if config.dry_run:
        return _plan(config)

    from lm_eval.cli.main import print_to_nobody
    from lm_eval.evaluator import simple_evaluate
    from lm_eval.loggers import trackers
    from lm_eval.loggers.evaluation_tracker import EvaluationTracker
    from lm_eval.loggers.hub import check_hub_arguments
    from lm_eval.utils import setup_logging

    setup_logging(config.verbosity or "INFO")
    check_hub_arguments(config.hf_hub_log_args, config.output_path, config.log_samples or config.predict_only)
    tracker = EvaluationTracker(
        output_path=config.output_path, output_format=config.output_format, **config.hf_hub_log_args
    )
    services = trackers.start(
        config.wandb_args, config.wandb_config_args, config.trackio_args, config.mlflow_args, hub=tracker.hub
    )
    with trackers.stopped_on_failure(services):
        results = simple_evaluate(**config.evaluate_arguments(), evaluation_tracker=tracker)
        samples = results.pop("samples", None)
        tracker.save_results_aggregated(results=results, samples=samples)
        for task, rows in (samples or {}).items():
            tracker.save_results_samples(task_name=task, samples=rows)
        tracker.finish(results)
        try:
            _print(config, results)
        except BrokenPipeError:  # `head` has seen enough; the services are told all the same
            print_to_nobody()
    # Last, because services may be slow, fail or hang.
    all_told = trackers.tell(services, results, samples, hub=tracker.hub, saved=tracker.saved)
    if results["errors"]["exceeded"] or results.get("refused"):
        return exit_codes.ERRORS
    return exit_codes.OK if all_told else exit_codes.LOGGERS


def _print(config: RunConfig, results: Mapping[str, Any]) -> None:
    from lm_eval.reports.markdown import room
    from lm_eval.reports.table import tables
    from lm_eval.utils import handle_non_serializable

    if config.show_config:
        print(json.dumps(results["configs"], indent=2, default=handle_non_serializable, ensure_ascii=False))
    print(tables(results, width=room()))
    sys.stdout.flush()


def _save(config: RunConfig, path: str) -> None:
    from pathlib import Path

    from lm_eval.config.redact import redact
    from lm_eval.config.run_file import config_text
    from lm_eval.errors import ConfigError

    try:
        Path(path).expanduser().write_text(config_text(config, redact), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--save_config: cannot write {path!r}: {error.strerror}.") from None
    print(f"Options written to {path}", file=sys.stderr)


def _plan(config: RunConfig) -> int:
    from lm_eval.planning import plan
    from lm_eval.utils import setup_logging

    setup_logging(config.verbosity or "WARNING")
    print(plan(**config.evaluate_arguments(), output_path=config.output_path))
    return exit_codes.OK
