"""Find the words that can come next on a command line, for the completion of a shell.

``candidates`` returns a list of words, or one of the directives ``:files`` and ``:dirs``, which leave the paths to the
shell. It must be quick, because a person waits for it: only the parser of one command is built, and task names come
from the index.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from lm_eval.cli.main import COMMANDS
from lm_eval.cli.parser import Parser

if TYPE_CHECKING:
    from lm_eval.task_files.manager import TaskManager

__all__ = ["DIRS", "FILES", "candidates"]

FILES, DIRS = ":files", ":dirs"
_TASK_KINDS = ("tasks", "groups", "subtasks", "tags")
_FLAGS_OF_COMMAND = ("--help", "--version")


def candidates(words: Sequence[str]) -> list[str]:
    """Find the words that the last word can become.

    Args:
        words: The words after ``lm_eval`` up to the cursor; the last one is being typed and may be empty.

    Returns:
        Complete words that start with the last one, or one directive.
    """
    before, word, head = _joined(words)
    if not before:
        return _starting(word, _FLAGS_OF_COMMAND if word.startswith("-") else COMMANDS)
    name, rest = (before[0], before[1:]) if before[0] in COMMANDS else ("run", before)
    if name != before[0] and not before[0].startswith("-"):
        return []
    parser = Parser(prog="lm_eval", add_help=False)
    import_module(f"lm_eval.cli.{name.replace('-', '_')}").add_arguments(parser)
    return [found.removeprefix(head) for found in _for_parser(parser, rest, word)]


def _joined(words: Sequence[str]) -> tuple[list[str], str, str]:
    """Join the words that bash splits at ``=``, and spell options with underscores.

    Args:
        words: The words as the shell gives them.

    Returns:
        The words before the last one; the last one; and the part of it that bash treats as an earlier word.
    """
    joined = re.sub("\0=(\0|$)", "=", "\0".join(words)).split("\0")
    head = joined[-1].removesuffix(words[-1]) if words and words[-1] != "=" else joined[-1]
    plain = [f"--{word[2:].replace('-', '_')}" if re.match("--[^=]*$", word) else word for word in joined]
    return plain[:-1], joined[-1], head


def _starting(word: str, options: Iterable[str]) -> list[str]:
    return [option for option in options if option.startswith(word)]


def _for_parser(parser: Parser, before: Sequence[str], word: str) -> list[str]:
    options = {flag: action for action in parser.actions for flag in action.option_strings}
    name, equals, value = word.partition("=")
    if equals and name in options:
        found = _values(options[name], value, before)
        return found if found[:1] in ([FILES], [DIRS]) else [f"{name}={value}" for value in found]
    if word.startswith("-"):
        return _starting(word, [flag for flag in options if flag.startswith("--")])
    action = _taking(options, before)
    if action is None:
        action = next((action for action in parser.actions if not action.option_strings), None)
    return [] if action is None else _values(action, word, before)


def _taking(options: Mapping[str, argparse.Action], before: Sequence[str]) -> argparse.Action | None:
    """Find the option that takes the next word, if one does."""
    for distance, word in enumerate(reversed(before)):
        if word.startswith("-"):
            action = options.get(word)
            if action is not None and (action.nargs in ("+", "*") or (action.nargs in (None, "?") and distance == 0)):
                return action
            return None
    return None


def _values(action: argparse.Action, word: str, before: Sequence[str]) -> list[str]:
    """Find the values of an option, or the words of a command."""
    if action.dest == "tasks" or action.metavar == "TASK":
        return _tasks(word, before, several=action.dest == "tasks")
    if action.metavar == "PATTERN":
        kinds = [] if any(not earlier.startswith("-") for earlier in before) else _starting(word, _TASK_KINDS)
        return [*kinds, *_tasks(word, before, several=False)]
    if action.dest == "family":
        from lm_eval.task_files.listing import listed

        return _starting(word, sorted({family for item in listed(_manager(before)) for family in item.family}))
    if action.dest == "model_args":
        return _model_arguments(word)
    if action.metavar in ("DIR", "FOLDER", "RUN"):
        return [DIRS]
    if action.metavar in ("FILE", "JSON", "PATH"):
        return [FILES]
    return _starting(word, _words(action))


def _words(action: argparse.Action) -> Iterable[str]:
    """Return the values that an option can have; none if it can have any value."""
    if action.choices is not None:
        return [str(choice) for choice in action.choices]
    if action.dest == "model":
        from lm_eval.api.registry import MODELS

        return MODELS
    if action.dest == "output_type":
        from lm_eval.config.task import OUTPUT_TYPES

        return OUTPUT_TYPES
    from lm_eval.config.run import RunSettings

    option = RunSettings.options().get(action.dest)
    return option.choices if option is not None else ()


def _tasks(word: str, before: Sequence[str], *, several: bool) -> list[str]:
    """Complete the last name in a word of names with commas; a name that is there already is not offered again."""
    head, comma, last = word.rpartition(",") if several else ("", "", word)
    if "/" in last or last.startswith("."):
        return [FILES]
    given = set(head.split(",")) | (set(before) if several else set())
    manager = _manager(before)
    kind = next((f"all_{word}" for word in before if word in _TASK_KINDS), "all_tasks")
    names: list[str] = getattr(manager, kind)
    return [f"{head}{comma}{name}" for name in names if name.startswith(last) and (name not in given or name == last)]


def _manager(before: Sequence[str]) -> TaskManager:
    """Index the tasks, also those in the folders of ``--include_path``."""
    import logging
    from pathlib import Path

    from lm_eval.task_files.manager import TaskManager

    logging.getLogger("lm_eval").setLevel(logging.CRITICAL)
    folders: list[str] = []
    if "--include_path" in before:
        for word in before[before.index("--include_path") + 1 :]:
            if word.startswith("-"):
                break
            folders.append(word)
    return TaskManager(include_path=[folder for folder in folders if Path(folder).expanduser().is_dir()] or None)


def _model_arguments(word: str) -> list[str]:
    """Complete the name of the last argument in a word such as ``model=x,base_``."""
    from dataclasses import fields

    from lm_eval.models.arguments import ModelArguments

    head, comma, last = word.rpartition(",")
    if "=" in last:
        return []
    return [f"{head}{comma}{item.name}=" for item in fields(ModelArguments) if item.name.startswith(last)]
