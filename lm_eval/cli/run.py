"""Evaluate a model on tasks: print the scores, save results and samples."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lm_eval.cli import exit_codes

if TYPE_CHECKING:
    from lm_eval.config.run import RunConfig

__all__ = ["add_arguments", "execute", "run"]

_SHORT = {
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
_FLAGS |= {"check_integrity", "fresh"}
_WORDS = {"model_args", "tasks", "gen_kwargs", "include_path", "metadata", "wandb_args", "wandb_config_args"}
_WORDS |= {"trackio_args", "hf_hub_log_args"}
_BARE: dict[str, Any] = {"apply_chat_template": True, "fewshot_as_multiturn": True, "cache_requests": "true"}
_METAVARS = {"tasks": "TASK", "include_path": "DIR", "data_dir": "DIR", "output_path": "DIR", "use_cache": "FILE"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add an option for each field of ``RunConfig``, and ``--config``.

    Args:
        parser: Gets the options.
    """
    from dataclasses import fields

    from lm_eval.config.run import RunConfig, field_docs

    docs = field_docs()
    parser.add_argument(
        "--config", "-C", metavar="FILE", help="YAML file with any of these options; the command line wins."
    )
    for name in (item.name for item in fields(RunConfig)):
        flags = [f"--{name}", *([_SHORT[name]] if name in _SHORT else [])]
        more: dict[str, Any] = {"default": argparse.SUPPRESS, "help": docs.get(name, "").replace("%", "%%")}
        if name in _FLAGS:
            more["action"] = "store_true"
        elif name in _WORDS:
            more |= {"nargs": "+", "metavar": _METAVARS.get(name, "KEY=VALUE"), "action": "extend"}
        elif name in _BARE:
            more |= {"nargs": "?", "const": _BARE[name], "metavar": "VALUE"}
        else:
            more["metavar"] = _METAVARS.get(name, name.upper())
        parser.add_argument(*flags, **more)


def run(namespace: argparse.Namespace) -> int:
    """Evaluate, print and save.

    Args:
        namespace: The parsed options.

    Returns:
        An exit code.
    """
    from lm_eval.config.run import RunConfig, load_config_file

    given = vars(namespace)
    path = given.pop("config")
    return execute(RunConfig.from_mapping({**(load_config_file(path) if path else {}), **given}))


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

    from lm_eval.evaluator import simple_evaluate
    from lm_eval.loggers.evaluation_tracker import EvaluationTracker
    from lm_eval.reports.table import header_line, make_table
    from lm_eval.utils import handle_non_serializable, setup_logging

    setup_logging(config.verbosity or "INFO")
    tracker = EvaluationTracker(output_path=config.output_path, **config.hf_hub_log_args)
    services = list(_services(config))
    results = simple_evaluate(**config.evaluate_arguments(), evaluation_tracker=tracker)

    samples = results.pop("samples", None)
    tracker.save_results_aggregated(results=results, samples=samples)
    for task, rows in (samples or {}).items():
        tracker.save_results_samples(task_name=task, samples=rows)
    tracker.recreate_metadata_card()
    tracker.finish(results)
    for service in services:
        service.post_init(results)
        service.log_eval_result()
        service.log_eval_samples(samples or {})
        service.finish()

    if config.show_config:
        print(json.dumps(results["configs"], indent=2, default=handle_non_serializable, ensure_ascii=False))
    print(header_line(results))
    print(make_table(results))
    if results.get("groups"):
        print(make_table(results, "groups"))
    incomplete = results["errors"]["exceeded"] or results.get("refused")
    return exit_codes.ERRORS if incomplete else exit_codes.OK


def _services(config: RunConfig) -> Iterator[Any]:
    """Make the loggers that were asked for, before the run, so that a missing package shows at once."""
    from lm_eval.loggers import TrackioLogger, WandbLogger

    if config.wandb_args or config.wandb_config_args:
        yield WandbLogger(config.wandb_args, config.wandb_config_args)
    if config.trackio_args:
        yield TrackioLogger(config.trackio_args)
