"""Show the config of a task, its files and a prompt; for a group or tag, its members."""

from __future__ import annotations

import argparse

from lm_eval.cli import exit_codes

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments.

    Args:
        parser: The parser to add them to.
    """
    parser.add_argument("task", metavar="TASK", help="A task, group or tag, or the path of a task file.")
    parser.add_argument(
        "--num_fewshot", "-f", metavar="N", help="Number of few-shot examples; default: the task's own."
    )
    parser.add_argument("--apply_chat_template", action="store_true", help="Show the prompt as chat messages.")
    parser.add_argument(
        "--doc", metavar="I", default="0", help="Index of the document whose prompt is shown; default: %(default)s."
    )
    parser.add_argument("--no_prompt", action="store_true", help="Load no data; the output is YAML.")
    parser.add_argument("--data_dir", metavar="DIR", help="Folder with datasets, searched before the Hub.")
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
