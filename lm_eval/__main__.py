"""``python -m lm_eval``, and the command line for scripts that register a model of their own."""

import sys

from lm_eval.cli import main

__all__ = ["cli_evaluate"]


def cli_evaluate() -> None:
    """Run the command line of this process, as ``lm_eval`` does; returns if nothing went wrong.

    A script calls it after ``@register_model``, so that ``--model`` takes the name of its model.

    Raises:
        SystemExit: The exit code is not 0.
    """
    if code := main():
        sys.exit(code)


if __name__ == "__main__":
    cli_evaluate()
