"""Evaluate a model on tasks: print the scores, save results and samples."""

from __future__ import annotations

import argparse
import json
import logging
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval.cli import exit_codes
from lm_eval.cli._settings import add_setting
from lm_eval.config.redact import redact
from lm_eval.config.run import RunSettings
from lm_eval.errors import EndpointUnreachable, RequestTimeout, RunStopped, ServerError
from lm_eval.text import outgoing, outgoing_json, visible

if TYPE_CHECKING:
    from lm_eval.config.shard import Shard
    from lm_eval.results.writer import ResultFiles

__all__ = ["add_arguments", "evaluate", "execute", "read_settings", "run"]

eval_logger = logging.getLogger("lm_eval")


def add_arguments(parser: argparse.ArgumentParser, settings: type[RunSettings] = RunSettings) -> None:
    """Add ``--config`` and the option of each setting.

    Args:
        parser: Gets the options.
        settings: Declares the options.
    """
    parser.usage = "lm_eval run --model KIND --model_args KEY=VALUE ... --tasks TASK ... [options]"
    parser.add_argument(
        "--config",
        "-C",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="YAML or JSON file with any of these options; the command line wins.",
    )
    groups: dict[str, argparse._ArgumentGroup] = {}
    for name, option in settings.command_line().items():
        if option.group not in groups:
            groups[option.group] = parser.add_argument_group(option.group)
        add_setting(groups[option.group], name, settings=settings)


def run(namespace: argparse.Namespace) -> int:
    """Evaluate, print and save.

    Args:
        namespace: The parsed options.

    Returns:
        An exit code.
    """
    from lm_eval.loggers.metrics_port import serve_metrics

    settings = read_settings(vars(namespace))
    port = None if settings.dry_run else settings.metrics_port
    with serve_metrics(port, settings.metrics_host, str(settings.model_args.get("model") or settings.model)) as metrics:
        if metrics is not None:
            print(f"Metrics: {metrics.url}", file=sys.stderr)
        return execute(settings)


def read_settings(given: Mapping[str, object]) -> RunSettings:
    """Read the settings of a run from its options, and from the config file that they name.

    Args:
        given: Option name to value, with ``config``.

    Returns:
        The settings.

    Raises:
        ConfigError: An option is unknown, or its value cannot be used.
    """
    from lm_eval.config.run_file import load_config_file

    options = {name: value for name, value in given.items() if name != "config"}
    path = given.get("config")
    from_file = load_config_file(str(path), _nested_faults) if path else {}
    return RunSettings.from_mapping({**from_file, **options})


def _nested_faults(options: Mapping[str, object]) -> Iterable[tuple[tuple[str, ...], str]]:
    """Find faults in the arguments of models that this package knows; other models take any arguments."""
    from lm_eval.api.registry import MODELS
    from lm_eval.config import values
    from lm_eval.models.arguments import faults_of

    if options.get("model", "local-completions") in MODELS and options.get("model_args"):
        for name, fault in faults_of(values.arguments("model_args", options["model_args"])):
            yield ("model_args", name), fault
    judges = values.names("judge_model", options.get("judge_model") or [])
    if all(kind in MODELS for kind in judges):
        for arguments in values.several_arguments("judge_model_args", options.get("judge_model_args") or []):
            for name, fault in faults_of(arguments):
                yield ("judge_model_args", name), fault


def execute(settings: RunSettings) -> int:
    """Evaluate, save, then print; or print the plan of a dry run.

    Args:
        settings: The settings of the run.

    Returns:
        An exit code.
    """
    from lm_eval.utils import setup_logging

    settings.check_command()
    if settings.trust_remote_code:
        os.environ["HF_DATASETS_TRUST_REMOTE_CODE"] = "1"
    if settings.save_config:
        from lm_eval.config.run_file import save_config_file

        save_config_file(settings, settings.save_config)
        print(f"Options written to {settings.save_config}", file=sys.stderr)
    if settings.dry_run:
        from lm_eval.planning import plan_run

        setup_logging(settings.verbosity or "WARNING")
        print(outgoing(str(plan_run(settings)), lines=True))
        return exit_codes.OK
    setup_logging(settings.verbosity or "INFO")
    try:
        if (shard := settings.part) is not None:
            return _do_part(settings, shard)
        code = evaluate(settings, _results_of(settings))
        if settings.distribute and code in (exit_codes.OK, exit_codes.LOGGERS):
            from lm_eval.launch.distribute import tidy

            tidy(settings)
        return code
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(_kept(settings)) from error


def _warn_of_loss(settings: RunSettings) -> None:
    if not settings.output_path:
        more = "" if settings.use_cache else ", and an interrupted run starts over"
        eval_logger.warning("No output_path: results are not saved%s.", more)


def _kept(settings: RunSettings) -> str:
    """Say whether an interrupted run resumes."""
    if settings.output_path or settings.use_cache:
        return "The answers so far are kept; the same command resumes."
    return "No answers are kept without --output_path or --use_cache; the same command starts over."


def _results_of(settings: RunSettings) -> Callable[[ResultFiles, bool], dict[str, Any]]:
    """Return what asks the model: in this process, or in several."""
    if settings.distribute:
        from lm_eval.launch.distribute import distribute

        return lambda *_: distribute(settings)
    from lm_eval import evaluator

    return lambda tracker, spools: evaluator.run(
        settings, tracker=tracker, before_asking=lambda: _warn_of_loss(settings), spools_samples=spools
    )


def _do_part(settings: RunSettings, shard: Shard) -> int:
    from lm_eval.launch.shards import is_done, run_shard

    done = is_done(settings, shard)
    try:
        found = done or run_shard(settings, shard)
    except (EndpointUnreachable, RequestTimeout, ServerError) as error:
        # A scheduler gives a shard up after a mistake of the user, and tries it again after any other end.
        raise RunStopped(f"Stopped: {error} The same command tries again.") from error
    kept, whole = (sum(getattr(entry, name) for entry in found.tasks.values()) for name in ("kept", "documents"))
    state = "was done before" if done else "is done"
    lost = f", of which {found.lost:,} were lost" if found.lost else ""
    what = f"Shard {shard} {state}: {kept:,} of {whole:,} documents{lost}, in {found.folder}"
    print(visible(what), file=sys.stderr)
    print(f"To join all shards: lm_eval merge {visible(shlex.quote(str(settings.output_path)))}", file=sys.stderr)
    return exit_codes.ERRORS if found.incomplete else exit_codes.OK


def evaluate(settings: RunSettings, results_of: Callable[[ResultFiles, bool], dict[str, Any]]) -> int:
    """Save, print and send the results of a run.

    Args:
        settings: The settings of the run.
        results_of: Returns the results; gets where the run may keep its answers, and whether samples may be in files.

    Returns:
        An exit code.
    """
    from lm_eval.cli._saving import save_and_print
    from lm_eval.loggers import trackers
    from lm_eval.loggers.evaluation_tracker import EvaluationTracker, check_hub_arguments
    from lm_eval.results.collect import incomplete

    check_hub_arguments(settings.hf_hub_log_args, settings.output_path, settings.keeps_samples)
    tracker = EvaluationTracker(
        output_path=settings.output_path, output_format=settings.output_format, **settings.hf_hub_log_args
    )
    services = trackers.start(
        settings.wandb_args, settings.wandb_config_args, settings.trackio_args, settings.mlflow_args, hub=tracker.hub
    )
    with trackers.stopped_on_failure(services):
        results = results_of(tracker, not services)
        save_and_print(tracker, results, lambda: _print(settings, results))
        _hint(settings, tracker.saved)
        _say_how_to_judge(settings, results)
        samples = results.pop("samples", None)
    # The services come last, because they may be slow, fail or hang.
    all_sent = trackers.send(services, results, samples, hub=tracker.hub, saved=tracker.saved)
    if incomplete(results):
        return exit_codes.ERRORS
    return exit_codes.OK if all_sent else exit_codes.LOGGERS


def _hint(settings: RunSettings, saved: Sequence[Path]) -> None:
    """Say on stderr where the results are, and how to look at them."""
    if not saved or settings.output_path is None:
        return
    where = settings.output_path if Path(settings.output_path).is_dir() else str(saved[0])
    more = "" if settings.keeps_samples else "  (every answer, too, with --log_samples)"
    print(f"Results: {visible(str(saved[0]))}", file=sys.stderr)
    print(f"To look at them in a browser: lm_eval report {visible(shlex.quote(where))}{more}", file=sys.stderr)


def _say_how_to_judge(settings: RunSettings, results: Mapping[str, object]) -> None:
    """Say on stderr how answers without a verdict are judged, if a judge was not reached."""
    from lm_eval.results import Results

    unjudged = Results(results).unjudged
    if not unjudged:
        return
    if settings.output_path is None or not settings.keeps_samples:
        how = "the same command asks for them" if settings.output_path else "nothing was kept (no --output_path)"
        print(f"{unjudged} documents have no verdict: {how}.", file=sys.stderr)
        return
    words = ["lm_eval", "rescore", settings.output_path]
    for name in ("include_path", "judge_template", "judge_baseline", "judge_model"):
        value = getattr(settings, name)
        words += [f"--{name}", *(value if isinstance(value, list) else [value])] if value else []
    for arguments in settings.judge_model_args:
        shown = redact(arguments)
        pairs = [f"{key}={_written(value)}" for key, value in arguments.items() if shown[key] == value]
        words += ["--judge_model_args", *pairs]
    command = visible(shlex.join(words))
    print(f"{unjudged} documents have no verdict. Their answers are saved; to judge them: {command}", file=sys.stderr)


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _print(settings: RunSettings, results: Mapping[str, object]) -> None:
    from lm_eval.reports.table import tables_for_stdout
    from lm_eval.utils import handle_non_serializable

    if settings.show_config:
        config = json.dumps(results["configs"], indent=2, default=handle_non_serializable, ensure_ascii=False)
        print(outgoing_json(config))
    print(outgoing(tables_for_stdout(results, intervals=settings.intervals), lines=True))
