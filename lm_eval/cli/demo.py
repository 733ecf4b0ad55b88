"""Run three small tasks on the mock server: multiple choice, generation and perplexity. It needs no network."""

from __future__ import annotations

import argparse
import os
import sys

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the folder for results.

    Args:
        parser: Gets the options.
    """
    parser.add_argument(
        "--output_path", "-o", metavar="DIR", default="demo-results", help="Folder for results and samples."
    )


def run(namespace: argparse.Namespace) -> int:
    """Start the server, run the tasks, and print where the results are.

    Args:
        namespace: The parsed options.

    Returns:
        The exit code of the run.
    """
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}

    from lm_eval.cli.run import execute
    from lm_eval.demo import demo_config
    from lm_eval.mock_server import MockServer

    with MockServer() as server:
        print(f"The mock server answers on {server.base_url}", file=sys.stderr)
        code = execute(demo_config(server.base_url, "mock", namespace.output_path))
    print(f"\nThe model is an n-gram model; its scores mean nothing. Results and samples: {namespace.output_path}")
    return code
