r"""The one parser of ``a=1,b=text``: arguments of models, generation settings, metadata and loggers.

The rule, which ``docs/command_line.md`` states for users: a value is true, false, none, a number, a list or mapping in
brackets (JSON or Python), or else text. Quotes make any value a text, with escapes such as ``\n`` as in Python.
Arguments that hold a name or a key keep the text that was written.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Mapping

from lm_eval.errors import ConfigError
from lm_eval.text import split_pairs

__all__ = ["read_brackets", "read_pairs", "read_value"]

_NAMES = """
model pretrained base_url auth_token tokenizer scoring eos_string think_end_token ca_cert_path client_cert client_key
revision dtype until stop user project name id key token entity group job_type notes run_id run_name experiment
experiment_name tracking_uri space_id dataset_id api_key hub_results_org hub_repo_name details_repo_name
results_repo_name point_of_contact
"""
"""Arguments that hold a name, a key or a text: 007, 1e5 and true stay as they are written."""

# 007 and 2024_11_05 are names, although Python's int() reads them as numbers.
_NUMBER = re.compile(r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_WHOLE = re.compile(r"[-+]?[0-9]+")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "none": None}


def read_pairs(name: str, text: str) -> dict[str, object]:
    """Parse ``a=1,b=text``, or a mapping as JSON or Python.

    Args:
        name: The setting, for messages.
        text: The pairs, separated by commas; commas inside quotes or brackets belong to a value.

    Returns:
        The arguments.

    Raises:
        ConfigError: A part is not ``key=value``, or brackets hold neither JSON nor Python. The message holds no value,
            because a value may be secret.
    """
    if text.lstrip().startswith("{"):
        found = read_brackets(name, text.strip())
        if not isinstance(found, Mapping):
            raise ConfigError(f"{name} takes key=value pairs or a mapping.")
        return {str(key): value for key, value in found.items()}
    parsed: dict[str, object] = {}
    for part in split_pairs(text):
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            # What follows a value may be the rest of it, and a part of a secret.
            before = next(reversed(parsed), None)
            what = f"{key.strip()[:40]!r} is not" if before is None else f"what follows {before}= is not"
            raise ConfigError(f"{name}: arguments are key=value pairs separated by commas; {what}. Quotes keep commas.")
        parsed[key.strip()] = _value(f"{name}: {key.strip()}", key.strip(), value)
    return parsed


def read_value(written: str) -> object:
    """Read one value, of an argument that holds no name.

    Args:
        written: The text.

    Returns:
        True, False, None, a number, a list or mapping, or else the text.

    Raises:
        ConfigError: Brackets hold neither JSON nor Python.
    """
    return _value("The value", "", written)


def _value(name: str, key: str, written: str) -> object:
    word = written.strip()
    if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"":
        return _unquoted(word)
    if word.lower() == "none":
        return None
    if key in _NAMES.split():
        return _bracketed_name(name, word) or word or written
    if word.lower() in _WORDS:
        return _WORDS[word.lower()]
    if word.startswith(("[", "{", "(")):
        return read_brackets(name, word)
    if _NUMBER.fullmatch(word):
        return int(word) if _WHOLE.fullmatch(word) and len(word) < 1000 else float(word)
    return word or written  # only spaces and line breaks, as in until=, are what is meant


def _unquoted(word: str) -> str:
    """Read a quoted text with its escapes; a text that Python cannot read, such as one with a line break, as it is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "\d" is no escape, and stays as it is
        try:
            found = ast.literal_eval(word)
        except (ValueError, SyntaxError):
            return word[1:-1]
    return found if isinstance(found, str) else word[1:-1]


def _bracketed_name(name: str, word: str) -> object:
    """Read a list or mapping that is given for a name, such as several URLs; None for a name that has brackets."""
    if not word.startswith(("[", "{", "(")):
        return None
    try:
        return read_brackets(name, word)
    except ConfigError:
        return None


def read_brackets(name: str, word: str) -> object:
    """Read a list or mapping.

    Args:
        name: What is read, for the message.
        word: JSON, or a Python literal.

    Returns:
        The value; a tuple becomes a list.

    Raises:
        ConfigError: The text is neither.
    """
    try:
        return json.loads(word)
    except (ValueError, RecursionError) as error:
        fault = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
    try:
        found = ast.literal_eval(word)
        return json.loads(json.dumps(found))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        raise ConfigError(
            f"{name} is not valid JSON, nor a Python literal: {fault}. Texts in brackets need quotes."
        ) from None
