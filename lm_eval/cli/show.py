"""Show the config of a task, its files and a prompt; for a group or tag, its members. Into a file it writes YAML."""

from __future__ import annotations

import argparse
import os
import stat
import sys

from lm_eval.cli import exit_codes
from lm_eval.cli._settings import add_setting, read_settings
from lm_eval.text import outgoing

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments.

    Args:
        parser: The parser to add them to.
    """
    parser.add_argument("task", metavar="TASK", help="A task, group or tag, or the path of a task file or folder.")
    add_setting(parser, "num_fewshot")
    parser.add_argument("--apply_chat_template", action="store_true", help="Show the prompt as chat messages.")
    parser.add_argument(
        "--doc", metavar="I", default="0", help="Index of the document whose prompt is shown; default: %(default)s."
    )
    parser.add_argument("--no_prompt", action="store_true", help="Load no data; the output is YAML.")
    add_setting(parser, "data_dir")
    add_setting(parser, "include_path")


def _writes_to_a_file() -> bool:
    """Whether stdout is a file, as in ``lm_eval show gsm8k > mine/gsm8k.yaml``."""
    try:
        return stat.S_ISREG(os.fstat(sys.stdout.fileno()).st_mode)
    except OSError:  # also io.UnsupportedOperation: stdout was replaced
        return False


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
    settings, to_file = read_settings(namespace), _writes_to_a_file()
    page = task_page(
        TaskManager(include_path=settings.include_path, data_dir=settings.data_dir),
        namespace.task,
        prompt=not namespace.no_prompt and not to_file,
        doc=values.integer("--doc", namespace.doc),
        num_fewshot=settings.num_fewshot,
        apply_chat_template=namespace.apply_chat_template,
        task_file=to_file,
    )
    print(outgoing(page, lines=True))
    return exit_codes.OK
