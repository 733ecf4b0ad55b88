"""Run three small tasks on the mock server, or one with judges. It needs no network."""

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
    parser.add_argument(
        "--judge", action="store_true", help="Run the task judged_mini instead, with two judges on mock servers."
    )


def run(namespace: argparse.Namespace) -> int:
    """Start the server, run the tasks, and print where the results are.

    Args:
        namespace: The parsed options.

    Returns:
        The exit code of the run.
    """
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}

    if namespace.judge:
        return _judged(namespace.output_path)
    from lm_eval.cli.run import execute
    from lm_eval.demo import demo_config
    from lm_eval.mock_server import MockServer

    with MockServer() as server:
        print(f"The mock server answers on {server.base_url}", file=sys.stderr)
        code = execute(demo_config(server.base_url, "mock", namespace.output_path))
    print(f"\nThe model is an n-gram model; its scores mean nothing. Results and samples: {namespace.output_path}")
    return code


def _judged(output_path: str) -> int:
    from contextlib import ExitStack

    from lm_eval.cli.run import execute
    from lm_eval.demo import JUDGE_SEED, JUDGES, judged_answers, judged_config
    from lm_eval.mock_server import MockServer

    with ExitStack() as stack:
        model = stack.enter_context(MockServer(answers=judged_answers()))
        judges = [
            stack.enter_context(MockServer(model=name, judge=rule, seed=JUDGE_SEED + number))
            for number, (name, rule) in enumerate(JUDGES.items())
        ]
        print(f"The mock server answers on {model.base_url}; {len(judges)} others judge.", file=sys.stderr)
        code = execute(judged_config(model.base_url, [judge.base_url for judge in judges], output_path))
    print(f"\nAnswers and verdicts are made up. To look at them: lm_eval report {output_path} --open")
    return code
