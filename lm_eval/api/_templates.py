"""Jinja templates over docs, each compiled once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from lm_eval.errors import TemplateError
from lm_eval.utils import regex_replace

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

__all__ = ["Evaluate", "Render", "compile_expression", "compile_template", "environment", "is_static", "render"]

Render = Callable[[Mapping[str, Any]], str]
Evaluate = Callable[[Mapping[str, Any]], Any]

T = TypeVar("T")

_MARKS = ("{{", "{%", "{#")
_NEWLINE = re.compile(r"\r\n|\r")


@lru_cache(maxsize=1)
def environment() -> SandboxedEnvironment:
    """Return the environment all templates share: sandboxed, undefined names are errors, newlines kept."""
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    class PlainGlobals(SandboxedEnvironment):
        def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
            # Each rendering copies the globals, and Jinja's chain of mappings copies slowly.
            return {**self.globals, **(d or {})}

    shared = PlainGlobals(undefined=StrictUndefined, keep_trailing_newline=True)
    shared.filters["regex_replace"] = regex_replace
    return shared


def is_static(source: str) -> bool:
    """Tell whether a template renders the same for every doc.

    Args:
        source: The template's text.
    """
    return not any(mark in source for mark in _MARKS)


@lru_cache(maxsize=8192)
def compile_template(source: str) -> Render:
    """Compile a template.

    Args:
        source: The template's text.

    Returns:
        A function that renders it over a doc, and raises ``TemplateError`` when it does not render.

    Raises:
        TemplateError: The template is not well-formed.
    """
    if is_static(source):
        text = _NEWLINE.sub("\n", source)
        return lambda doc: text

    try:
        template = environment().from_string(source)
    except _jinja().TemplateSyntaxError as error:
        raise TemplateError(f"template {_short(source)}: {error.message} (its line {error.lineno})") from error
    return _guarded(template.render, source)


@lru_cache(maxsize=8192)
def compile_expression(source: str) -> Evaluate | None:
    """Compile a template that is one expression, ``{{ like_this }}``, so that it gives the value, not its text.

    Args:
        source: The template's text.

    Returns:
        A function that evaluates it over a doc; None when the template is anything else.
    """
    inner = source[2:-2]
    if not (source.startswith("{{") and source.endswith("}}")) or inner[:1] in "-+" or inner[-1:] in "-+":
        return None
    from jinja2 import nodes

    try:
        body = environment().parse(source).body
        if len(body) != 1 or not isinstance(body[0], nodes.Output) or len(body[0].nodes) != 1:
            return None
        return _guarded(environment().compile_expression(inner, undefined_to_none=False), source)
    except _jinja().TemplateSyntaxError:
        return None


def _jinja() -> Any:
    import jinja2

    return jinja2


def _guarded(run: Callable[[Mapping[str, Any]], T], source: str) -> Callable[[Mapping[str, Any]], T]:
    """Let a template's failures name it and what the doc has."""
    jinja = _jinja()
    faults = (jinja.TemplateError, TypeError, ValueError, LookupError, ArithmeticError, AttributeError)

    def guarded(doc: Mapping[str, Any]) -> T:
        try:
            return run(doc)
        except jinja.UndefinedError as error:
            has = f"; the doc has {', '.join(map(str, doc))}" if isinstance(doc, Mapping) else ""
            raise TemplateError(f"template {_short(source)}: {error.message}{has}") from error
        except faults as error:
            raise TemplateError(f"template {_short(source)}: {type(error).__name__}: {error}") from error

    return guarded


def render(source: str, doc: Mapping[str, Any]) -> str:
    """Render a template over a doc.

    Args:
        source: The template's text.
        doc: The names it may use.

    Returns:
        The text.

    Raises:
        TemplateError: It does not render, for instance because the doc lacks a field.
    """
    return compile_template(source)(doc)


def _short(source: str) -> str:
    shown = source if len(source) <= 60 else source[:57] + "..."
    return repr(shown)
