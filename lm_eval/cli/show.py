"""Show a task's config, where it comes from and a prompt; of a group or tag, what it holds."""

from __future__ import annotations

import argparse

from lm_eval.cli import exit_codes

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to show.

    Args:
        parser: Gets the options.
    """
    parser.add_argument("task", metavar="TASK", help="A task, group or tag, or the path of a task file.")
    parser.add_argument(
        "--num_fewshot", "-f", metavar="N", help="Examples in the prompt, in place of the task's own number."
    )
    parser.add_argument("--apply_chat_template", action="store_true", help="Show the prompt as chat messages.")
    parser.add_argument("--doc", metavar="I", default="0", help="The doc whose prompt is shown; %(default)s.")
    parser.add_argument("--no_prompt", action="store_true", help="Load no data; what is printed is YAML.")
    parser.add_argument("--data_dir", metavar="DIR", help="As for run.")
    parser.add_argument("--include_path", nargs="+", metavar="DIR", default=[], help="Folders with more task files.")


def run(namespace: argparse.Namespace) -> int:
    """Print the page.

    Args:
        namespace: The parsed options.

    Returns:
        0.
    """
    from lm_eval.config import values
    from lm_eval.reports.task_page import task_page
    from lm_eval.task_files.manager import TaskManager
    from lm_eval.utils import setup_logging

    setup_logging("ERROR")
    manager = TaskManager(
        include_path=values.paths("--include_path", namespace.include_path) or None,
        data_dir=values.folder("--data_dir", namespace.data_dir) if namespace.data_dir else None,
    )
    shots = namespace.num_fewshot
    page = task_page(
        manager,
        namespace.task,
        prompt=not namespace.no_prompt,
        doc=values.integer("--doc", namespace.doc),
        num_fewshot=None if shots is None else values.integer("--num_fewshot", shots),
        apply_chat_template=namespace.apply_chat_template,
    )
    print(page)
    return exit_codes.OK
