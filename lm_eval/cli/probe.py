"""Find out what a server can do, with a few requests, and print it as a table."""

from __future__ import annotations

import argparse

from lm_eval.cli import exit_codes

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that name the server.

    Args:
        parser: Gets the options.
    """
    parser.add_argument("--model", "-M", default="local-completions", metavar="KIND", help="As for run; %(default)s.")
    parser.add_argument(
        "--model_args",
        "-a",
        nargs="+",
        action="extend",
        required=True,
        metavar="KEY=VALUE",
        help="As for run: model=NAME,base_url=URL.",
    )


def run(namespace: argparse.Namespace) -> int:
    """Print the findings, the strategies for log-likelihoods and the output types that can run.

    Args:
        namespace: The parsed options.

    Returns:
        0.

    Raises:
        UserError: The model or an argument does not exist, or the model is not behind an API.
        APIError: The endpoint cannot be used.
    """
    from lm_eval.api.registry import get_model
    from lm_eval.config import values
    from lm_eval.errors import ConfigError
    from lm_eval.models.api_models import TemplateAPI
    from lm_eval.utils import setup_logging

    setup_logging("WARNING")
    model = get_model(namespace.model).create_from_arg_obj(values.arguments("--model_args", namespace.model_args))
    if not isinstance(model, TemplateAPI):
        raise ConfigError(f"{namespace.model} is not a model behind an API; there is nothing to probe.")
    print(model.capability_table())
    return exit_codes.OK
