"""Join the shards of a run, and compute its scores once over all documents, without asking the model."""

from __future__ import annotations

import argparse
from pathlib import Path

from lm_eval.cli._settings import add_setting

__all__ = ["add_arguments", "run"]

_OPTIONS = ("include_path", "data_dir", "output_format", "intervals", "verbosity")
_LOGGERS = ("wandb_args", "wandb_config_args", "trackio_args", "mlflow_args", "hf_hub_log_args")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``lm_eval merge``.

    Args:
        parser: Gets the options.
    """
    parser.add_argument("path", metavar="DIR", help="The output_path of the shards.")
    parser.add_argument(
        "--allow_missing",
        action="store_true",
        help="Merge the shards that are there. The documents of the others count as lost.",
    )
    add_setting(parser, "output_path", "Folder for results and samples, or a path that ends in .json; DIR by default.")
    for name in _OPTIONS:
        add_setting(parser, name)
    for name in _LOGGERS:
        add_setting(parser, name)


def run(namespace: argparse.Namespace) -> int:
    """Merge the shards of a run, save the results and print the scores.

    Args:
        namespace: The parsed options.

    Returns:
        An exit code, as of ``lm_eval run``.
    """
    from lm_eval.cli._settings import read_settings
    from lm_eval.cli.run import evaluate
    from lm_eval.launch.merge import merge, output_path_of
    from lm_eval.utils import setup_logging

    given = read_settings(namespace)
    setup_logging(given.verbosity or "INFO")
    path = Path(namespace.path).expanduser()
    changes = {name: getattr(given, name) for name in (*_OPTIONS, *_LOGGERS) if name in vars(namespace)}
    changes["output_path"] = given.output_path or str(output_path_of(path))
    settings, results = merge(path, allow_missing=namespace.allow_missing, changes=changes)
    return evaluate(settings, lambda *_: results)
