"""Write the folder of a new task, check it and show its first prompt. Without options, it asks five questions."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from lm_eval.cli import exit_codes
from lm_eval.text import outgoing

__all__ = ["add_arguments", "run"]

_QUESTIONS = {
    "dataset": "Data: a dataset on the Hub, or a .jsonl, .json or .csv file; empty for a few example rows",
    "type": "What the model does: generate_until, multiple_choice, loglikelihood or loglikelihood_rolling",
    "question": "The column with the question, or a template of the prompt such as 'Q: {{question}}\\nA:'",
    "answer": "The column with the answer (for multiple choice: the index or text of the right choice)",
    "language": "The language, as an ISO 639-3 code or an English name",
}
_DEFAULTS = {"dataset": "", "type": "generate_until", "question": "question", "answer": "answer", "language": "eng"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments.

    Args:
        parser: The parser to add them to.
    """
    parser.usage = "lm_eval new task NAME [options]"
    parser.add_argument("what", choices=["task"], metavar="task", help="What to create: a task.")
    parser.add_argument("name", metavar="NAME", help="The name of the task.")
    for name, text in _QUESTIONS.items():
        default = f"; default: {_DEFAULTS[name]}" if _DEFAULTS[name] else ""
        parser.add_argument(f"--{name}", metavar=name.upper(), help=f"{text}{default}.".replace("%", "%%"))
    parser.add_argument("--choices", metavar="COLUMN", default="choices", help="The column with the choices.")
    parser.add_argument("--split", metavar="SPLIT", default="test", help="The split of a dataset on the Hub.")
    parser.add_argument("--dir", metavar="DIR", help="The folder to write; default: the name of the task.")


def run(namespace: argparse.Namespace) -> int:
    """Write the folder, then print the path of the task file and the first prompt.

    Args:
        namespace: The parsed options.

    Returns:
        0, or 1 if the task file does not pass validation.
    """
    from lm_eval.reports.task_page import task_page
    from lm_eval.task_files.manager import TaskManager
    from lm_eval.task_files.scaffold import NewTask, write_task
    from lm_eval.task_files.validate import validate
    from lm_eval.utils import setup_logging

    setup_logging("ERROR")
    answers = _answers(namespace)
    folder = Path(namespace.dir or namespace.name)
    question = answers["question"].replace("\\n", "\n")
    path = write_task(
        NewTask(
            namespace.name,
            folder,
            dataset=answers["dataset"],
            output_type=answers["type"],
            question=question,
            answer=answers["answer"],
            choices=namespace.choices,
            language=answers["language"],
            split=namespace.split,
        )
    )
    print(f"wrote {path}", file=sys.stderr)
    manager = TaskManager(include_path=str(folder))
    problems = validate(manager, [namespace.name])
    for problem in problems:
        print(outgoing(str(problem)))
    if problems:
        return exit_codes.NEGATIVE
    print(outgoing(task_page(manager, namespace.name), lines=True))
    print(f"next: lm_eval run --tasks {namespace.name} --include_path {folder} --model …", file=sys.stderr)
    return exit_codes.OK


def _answers(namespace: argparse.Namespace) -> dict[str, str]:
    """Take the options; on a terminal, ask for those that are missing if none is given."""
    given = {name: getattr(namespace, name) for name in _QUESTIONS}
    ask = sys.stdin is not None and sys.stdin.isatty() and all(value is None for value in given.values())
    answers = {}
    for name, text in _QUESTIONS.items():
        value = given[name]
        if value is None and ask:
            hint = f" [{_DEFAULTS[name]}]" if _DEFAULTS[name] else ""
            value = input(f"{text}{hint}: ").strip() or None
        answers[name] = _DEFAULTS[name] if value is None else str(value)
    return answers
