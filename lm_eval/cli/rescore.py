"""Score saved responses again with the present filters and metrics of their tasks, without asking the model."""

from __future__ import annotations

import argparse

from lm_eval.cli import exit_codes
from lm_eval.cli._settings import add_setting, read_settings
from lm_eval.text import outgoing

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``lm_eval rescore``.

    Args:
        parser: Gets the options.
    """
    parser.add_argument("path", metavar="DIR", help="Folder of a run with saved samples, or its results file.")
    add_setting(parser, "tasks", "Tasks or groups of the run, or patterns; all of them by default.")
    add_setting(parser, "include_path")
    add_setting(parser, "output_path", "Folder for results and samples; by default that of the saved ones.")
    add_setting(parser, "output_format")
    add_setting(parser, "confirm_run_unsafe_code", "Allow tasks that run code that the model wrote.")
    add_setting(parser, "sandbox")
    add_setting(parser, "judge_model", "Kind of model of a judge that judges the saved answers again.")
    add_setting(parser, "judge_model_args")
    add_setting(parser, "judge_template")
    add_setting(parser, "judge_baseline")
    add_setting(parser, "verbosity")


def run(namespace: argparse.Namespace) -> int:
    """Rescore a run, save the results, print the scores and what changed.

    Args:
        namespace: The parsed options.

    Returns:
        An exit code.
    """
    from lm_eval.cli._saving import save_and_print
    from lm_eval.loggers.evaluation_tracker import EvaluationTracker
    from lm_eval.reports.table import tables_for_stdout
    from lm_eval.rescoring import change_lines, rescore
    from lm_eval.results import load
    from lm_eval.results.collect import incomplete
    from lm_eval.utils import setup_logging

    settings = read_settings(namespace)
    setup_logging(settings.verbosity or "INFO")
    saved = load(namespace.path)
    tracker = EvaluationTracker(settings.output_path or saved.output_path, output_format=settings.output_format)
    results = rescore(
        saved,
        tasks=[str(task) for task in settings.tasks] or None,
        include_path=settings.include_path,
        confirm_run_unsafe_code=settings.confirm_run_unsafe_code,
        sandbox=settings.sandbox,
        judge_model=settings.judge_model,
        judge_model_args=settings.judge_model_args,
        judge_template=settings.judge_template,
        judge_baseline=settings.judge_baseline,
        tracker=tracker,
    )
    save_and_print(
        tracker,
        results,
        lambda: print(outgoing("\n".join([tables_for_stdout(results), *change_lines(results)]), lines=True)),
    )
    return exit_codes.ERRORS if incomplete(results) else exit_codes.OK
