"""Find out what a server can do, with a few requests, and print it as a table."""

from __future__ import annotations

import argparse

from lm_eval.cli import exit_codes
from lm_eval.cli._settings import add_setting, read_settings

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that name the server.

    Args:
        parser: Gets the options.
    """
    add_setting(parser, "model", "Kind of model, as for run. Default: local-completions.")
    add_setting(parser, "model_args", required=True)


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
    from lm_eval.errors import ConfigError
    from lm_eval.models.api_models import TemplateAPI
    from lm_eval.utils import setup_logging

    setup_logging("WARNING")
    settings = read_settings(namespace)
    kind = settings.model or "local-completions"
    model = get_model(kind).create_from_arg_obj(settings.model_args)
    if not isinstance(model, TemplateAPI):
        raise ConfigError(f"{kind} is not a model behind an API; there is nothing to probe.")
    print(model.harness_capability_table())
    return exit_codes.OK
