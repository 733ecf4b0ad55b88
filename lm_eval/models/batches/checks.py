"""What a run that asks in batches cannot do, said before anything is asked."""

from __future__ import annotations

from lm_eval.api.model import RunContext
from lm_eval.config.redact import redact
from lm_eval.errors import ConfigError
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.overrides import Overrides

__all__ = ["check_batch"]


def check_batch(context: RunContext, args: ModelArguments, overrides: Overrides, model: str) -> None:
    """Refuse what excludes batches.

    Args:
        context: The settings of the run.
        args: The arguments of the model.
        overrides: What the class of the model does itself.
        model: The name of that class.

    Raises:
        ConfigError: The run cannot be asked in batches.
    """
    if context.journal is None and context.use_cache is None:
        raise ConfigError("--batch needs --output_path: the answers come later, and a later process has to find them.")
    if overrides.call is not None or overrides.methods:
        raise ConfigError(f"--batch: {model} sends its requests itself, so they cannot be asked in batches.")
    urls = args.base_url.split(";") if isinstance(args.base_url, str) else args.base_url
    if sum(bool(url.strip()) for url in urls) > 1:
        raise ConfigError("--batch asks one endpoint; base_url names several.")
    if redact(args.extra_body) != args.extra_body:
        raise ConfigError("--batch: extra_body has what looks like a secret, and it would be in files; use header=.")
