"""Reading a field of a doc as a task's config describes it: a column, a template, a literal or a function."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from typing import Any

from lm_eval.api._templates import compile_expression, compile_template, is_static
from lm_eval.errors import ConfigError, TemplateError, did_you_mean

__all__ = ["Reader", "choice_reader", "cluster_reader", "media_reader", "target_reader", "text_reader"]

Doc = Mapping[str, Any]
Reader = Callable[[Any], Any]


def _column(name: str) -> Reader:
    def read(doc: Any) -> Any:
        try:
            return doc[name]
        except KeyError:
            raise TemplateError(f"the doc has no field {name!r}; it has {', '.join(map(str, doc))}") from None

    return read


def text_reader(value: Any, columns: Collection[str], has_choices: bool) -> Reader:
    """Make the reader of ``doc_to_text``, of ``gen_prefix`` and of ``description``.

    Args:
        value: A column's name, a template, an int or a function.
        columns: The names of the columns.
        has_choices: Whether ``doc_to_choice`` is set: a text of digits is an index then.

    Returns:
        A function of a doc.

    Raises:
        ConfigError: The value is none of these.
    """
    if callable(value):
        return value  # type: ignore[no-any-return]
    if isinstance(value, int):
        return lambda doc: value
    if not isinstance(value, str):
        raise ConfigError(f"it is {value!r}, not a column, a template or a function")
    if value in columns:
        return _column(value)
    run = compile_template(value)
    if not has_choices:
        return run

    def read(doc: Any) -> Any:
        text = run(doc)
        return int(text) if text.isdecimal() else text

    return read


def target_reader(value: Any, columns: Collection[str], has_choices: bool) -> Reader:
    """Make the reader of ``doc_to_target``.

    Args:
        value: A column's name, a template, an int, a list or a function.
        columns: The names of the columns.
        has_choices: Whether ``doc_to_choice`` is set: a text of digits is an index then.

    Returns:
        A function of a doc.

    Raises:
        ConfigError: The value is none of these.
    """
    if isinstance(value, list):
        return lambda doc: value
    plain = text_reader(value, columns, has_choices)
    if callable(value) or isinstance(value, int) or value in columns:
        return plain

    def read(doc: Any) -> Any:
        text = plain(doc)
        if isinstance(text, str) and text.startswith("[") and text.endswith("]"):
            try:
                return ast.literal_eval(text)
            except (ValueError, SyntaxError):
                return text
        return text

    return read


def choice_reader(value: Any, columns: Collection[str]) -> Reader:
    """Make the reader of ``doc_to_choice``.

    Args:
        value: A column's name, a template of a literal list, a list, a dict or a function.
        columns: The names of the columns.

    Returns:
        A function of a doc that returns its choices.

    Raises:
        ConfigError: The value is none of these.
    """
    if callable(value):
        return value  # type: ignore[no-any-return]
    if isinstance(value, (list, tuple)):
        fixed = list(value)
        return lambda doc: fixed
    if isinstance(value, dict):
        fixed = list(value.values())
        return lambda doc: fixed
    return _column_or_literal(value, columns, "a list of choices")


def cluster_reader(value: Any, columns: Collection[str]) -> Reader:
    """Make the reader of ``cluster_key``.

    Args:
        value: A column's name, a template or a function.
        columns: The names of the columns.

    Returns:
        A function of a doc.

    Raises:
        ConfigError: The value is none of these, or would put all docs in one cluster.
    """
    if isinstance(value, int) or (isinstance(value, str) and value not in columns and is_static(value)):
        raise ConfigError(f"{value!r} is neither a column nor a template.{did_you_mean(str(value), columns)}")
    return text_reader(value, columns, has_choices=False)


def media_reader(value: Any, columns: Collection[str]) -> Reader:
    """Make the reader of ``doc_to_image`` or ``doc_to_audio``.

    Args:
        value: A column's name, a template of a literal, a function, or a list of column names.
        columns: The names of the columns.

    Returns:
        A function of a doc that returns its media.

    Raises:
        ConfigError: The value is none of these.
    """
    if callable(value):
        return value  # type: ignore[no-any-return]
    if isinstance(value, list):
        readers = [media_reader(item, columns) for item in value]
        return lambda doc: [read(doc) for read in readers]
    return _column_or_literal(value, columns, "a list")


def _column_or_literal(value: Any, columns: Collection[str], wanted: str) -> Reader:
    if not isinstance(value, str):
        raise ConfigError(f"it is {value!r}, not a column, a template, a list or a function")
    if value in columns:
        return _column(value)
    evaluate, run = compile_expression(value), compile_template(value)

    def read(doc: Any) -> Any:
        if evaluate is not None:
            found = evaluate(doc)
            # What a list of strings is when written out and read back; anything else goes that way.
            if type(found) is list and all(type(item) is str for item in found):
                return found
        text = run(doc)
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError):
            raise TemplateError(f"{text!r} is not {wanted} as a Python literal") from None

    return read
