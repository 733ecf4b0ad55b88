"""The fields of a document as the config of a task names them: a column, a template, a literal or a function.

Jinja templates are compiled once and rendered in a sandbox.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Mapping, MutableMapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from lm_eval.api.instance import Doc
from lm_eval.api.task_parts.tools import as_tools
from lm_eval.config.task import TaskConfig
from lm_eval.errors import ConfigError, LMEvalError, TaskFileError, TemplateError, did_you_mean
from lm_eval.text import shorten
from lm_eval.utils import regex_replace

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

__all__ = ["Fields", "compile_expression", "compile_template", "is_static", "render", "text_reader"]

Reader = Callable[[Doc], Any]
T = TypeVar("T")

_MARKS = ("{{", "{%", "{#")
_NEWLINE = re.compile(r"\r\n|\r")


@lru_cache(maxsize=1)
def _environment() -> SandboxedEnvironment:
    """Return the environment of all templates: sandboxed, undefined names are errors, newlines are kept."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    class PlainGlobals(SandboxedEnvironment):
        def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
            # Every rendering copies the globals. Jinja's ChainMap is slow to copy, a dict is not.
            return {**self.globals, **(d or {})}

    shared = PlainGlobals(undefined=StrictUndefined, keep_trailing_newline=True)
    shared.filters["regex_replace"] = regex_replace
    return shared


def is_static(source: str) -> bool:
    """Whether a template renders the same for every document.

    Args:
        source: Text of the template.
    """
    return not any(mark in source for mark in _MARKS)


@lru_cache(maxsize=8192)
def compile_template(source: str) -> Callable[[Doc], str]:
    """Compile a template.

    Args:
        source: Text of the template.

    Returns:
        A function that renders the template over a document, and raises ``TemplateError`` when that fails.

    Raises:
        TemplateError: The template is not well-formed.
    """
    if is_static(source):
        text = _NEWLINE.sub("\n", source)
        return lambda doc: text

    from jinja2 import TemplateSyntaxError

    try:
        template = _environment().from_string(source)
    except TemplateSyntaxError as error:
        raise TemplateError(f"template {shorten(source, 60)!r}: {error.message} (its line {error.lineno})") from error
    return _guarded(template.render, source)


@lru_cache(maxsize=8192)
def compile_expression(source: str) -> Reader | None:
    """Compile a template that is one expression, ``{{ like_this }}``, to get its value instead of its text.

    Args:
        source: Text of the template.

    Returns:
        A function that evaluates the expression over a document; None when the template is anything else.
    """
    inner = source[2:-2]
    if not (source.startswith("{{") and source.endswith("}}")) or inner[:1] in "-+" or inner[-1:] in "-+":
        return None
    from jinja2 import TemplateSyntaxError, nodes

    try:
        body = _environment().parse(source).body
        if len(body) != 1 or not isinstance(body[0], nodes.Output) or len(body[0].nodes) != 1:
            return None
        return _guarded(_environment().compile_expression(inner, undefined_to_none=False), source)
    except TemplateSyntaxError:
        return None


def _guarded(run: Callable[[Doc], T], source: str) -> Callable[[Doc], T]:
    """Turn errors of a template into ``TemplateError``, with the template and the columns of the document."""
    import jinja2

    faults = (jinja2.TemplateError, TypeError, ValueError, LookupError, ArithmeticError, AttributeError)

    def guarded(doc: Doc) -> T:
        try:
            return run(doc)
        except jinja2.UndefinedError as error:
            has = f"; the doc has {', '.join(map(str, doc))}" if isinstance(doc, Mapping) else ""
            raise TemplateError(f"template {shorten(source, 60)!r}: {error.message}{has}") from error
        except faults as error:
            raise TemplateError(f"template {shorten(source, 60)!r}: {type(error).__name__}: {error}") from error

    return guarded


def render(source: str, doc: Doc) -> str:
    """Render a template over a document.

    Args:
        source: Text of the template.
        doc: The names that the template may use.

    Returns:
        The text.

    Raises:
        TemplateError: The template does not render, for example because the document lacks a field.
    """
    return compile_template(source)(doc)


def _column(name: str) -> Reader:
    def read(doc: Doc) -> object:
        try:
            return doc[name]
        except KeyError:
            raise TemplateError(f"the doc has no field {name!r}; it has {', '.join(map(str, doc))}") from None

    return read


def text_reader(value: object, columns: Collection[str], has_choices: bool) -> Reader:
    """Return the reader of ``doc_to_text``, ``gen_prefix`` or ``description``.

    Args:
        value: Name of a column, a template, an int or a function.
        columns: Names of the columns.
        has_choices: Whether ``doc_to_choice`` is set: then a text of digits is an index.

    Raises:
        ConfigError: The value has another type.
    """
    if callable(value):
        return value
    if isinstance(value, int):
        return lambda doc: value
    if not isinstance(value, str):
        raise ConfigError(f"it is {value!r}, not a column, a template or a function")
    if value in columns:
        return _column(value)
    run = compile_template(value)
    if not has_choices:
        return run

    def read(doc: Doc) -> str | int:
        text = run(doc)
        return int(text) if text.isdecimal() else text

    return read


def _target_reader(value: object, columns: Collection[str], has_choices: bool) -> Reader:
    """Return the reader of ``doc_to_target``, which may also be a list, or a template of one."""
    if isinstance(value, list):
        return lambda doc: value
    plain = text_reader(value, columns, has_choices)
    if callable(value) or isinstance(value, int) or value in columns:
        return plain

    def read(doc: Doc) -> object:
        text = plain(doc)
        if isinstance(text, str) and text.startswith("[") and text.endswith("]"):
            try:
                return ast.literal_eval(text)
            except (ValueError, SyntaxError):
                return text
        return text

    return read


def _choice_reader(value: object, columns: Collection[str]) -> Reader:
    """Return the reader of ``doc_to_choice``: a column, a template of a list, a list, a dict or a function."""
    if callable(value):
        return value
    if isinstance(value, (list, tuple, dict)):
        fixed = list(value.values() if isinstance(value, dict) else value)
        if any(choice is None or isinstance(choice, list | tuple | dict) for choice in fixed):
            raise ConfigError(f"a choice is a text; {fixed!r} holds something else")
        fixed = [str(choice) for choice in fixed]
        return lambda doc: fixed
    return _column_or_literal(value, columns, "a list of choices")


def _cluster_reader(value: object, columns: Collection[str]) -> Reader:
    """Return the reader of ``cluster_key``; a value that puts all documents in one cluster is an error."""
    if isinstance(value, int) or (isinstance(value, str) and value not in columns and is_static(value)):
        raise ConfigError(f"{value!r} is neither a column nor a template.{did_you_mean(str(value), columns)}")
    return text_reader(value, columns, has_choices=False)


def _media_reader(value: object, columns: Collection[str]) -> Reader:
    """Return the reader of ``doc_to_image`` and its siblings, which may also be a list of column names."""
    if callable(value):
        return value
    if isinstance(value, list):
        readers = [_media_reader(item, columns) for item in value]
        return lambda doc: [read(doc) for read in readers]
    return _column_or_literal(value, columns, "a list")


def _tools_reader(value: object, columns: Collection[str]) -> Reader:
    """Return the reader of ``tools``: a column, a list, the JSON text of one, or a function."""
    if callable(value):
        return lambda doc: as_tools(value(doc))
    if isinstance(value, str) and value in columns:
        return lambda doc: as_tools(doc[value])
    if isinstance(value, str) and not value.lstrip().startswith(("[", "{")):
        raise ConfigError(f"{value!r} is neither a column nor a list of tools.{did_you_mean(value, columns)}")
    fixed = as_tools(value)
    return lambda doc: fixed


def _column_or_literal(value: object, columns: Collection[str], wanted: str) -> Reader:
    if not isinstance(value, str):
        raise ConfigError(f"it is {value!r}, not a column, a template, a list or a function")
    if value in columns:
        return _column(value)
    evaluate, run = compile_expression(value), compile_template(value)

    def read(doc: Doc) -> object:
        if evaluate is not None:
            found = evaluate(doc)
            # A list of strings is the same after it is written and parsed. Other values may change, so they are.
            if type(found) is list and all(type(item) is str for item in found):
                return found
        text = run(doc)
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError):
            raise TemplateError(f"{text!r} is not {wanted} as a Python literal") from None

    return read


class _HasColumns(Protocol):
    @property
    def features(self) -> Collection[str]: ...


class Fields:
    """Reads the fields of documents as the config of one task says. Each reader is created once."""

    def __init__(self, config: TaskConfig, task: _HasColumns) -> None:
        """Read nothing yet.

        Args:
            config: The config of the task.
            task: The task; its ``features`` are read with the first field.
        """
        self._config, self._task = config, task
        # The value is kept next to its reader, so that its id stays unique.
        self._readers: dict[tuple[str, object], tuple[object, Reader]] = {}

    def read(self, key: str, value: object, doc: Doc) -> Any:
        """Read one field of a document.

        Args:
            key: Name of the field in a task file.
            value: How to read it; None takes the value in the config.
            doc: The document.

        Raises:
            ConfigError: The value cannot be used for this field.
            TemplateError: The template does not render over the document.
            TaskFileError: The function of the task failed.
        """
        if value is None:
            value = getattr(self._config, key)
        mark = (key, value) if isinstance(value, (str, int)) else (key, id(value))
        known = self._readers.get(mark)
        try:
            if known is None:
                known = self._readers[mark] = (value, self._reader(key, value))
            return known[1](doc)
        except (ConfigError, TemplateError) as error:
            raise type(error)(f"Task {self._config.task}, {key}: {error}") from error
        except LMEvalError:
            raise
        except Exception as error:
            raise TaskFileError(f"task {self._config.task}: {type(error).__name__}: {error}", key=key) from error

    def _reader(self, key: str, value: object) -> Reader:
        columns, has_choices = self._task.features, self._config.doc_to_choice is not None
        if key in ("doc_to_choice", "choices"):
            return _choice_reader(value, columns)
        if key == "cluster_key":
            return _cluster_reader(value, columns)
        if key in ("doc_to_image", "doc_to_audio", "doc_to_video"):
            return _media_reader(value, columns)
        if key == "tools":
            return _tools_reader(value, columns)
        if key in ("doc_to_target", "gold"):
            return _target_reader(value, columns, has_choices)
        return text_reader(value, columns, has_choices and key == "doc_to_text")
