from __future__ import annotations

from typing import Any

import pytest

from lm_eval.api.task_parts.fields import compile_expression, compile_template, is_static, render
from lm_eval.errors import TemplateError

DOC: dict[str, Any] = {"q": "What?", "opts": ["a", "b"], "n": 2, "nested": {"k": "v"}, "bad": 'it\'s\n"x"\\'}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{q}}\n", "What?\n"),
        ("plain\n\n", "plain\n\n"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("{{ opts | join(', ') }}", "a, b"),
        ("{{ nested.k }}{{ nested['k'] }}", "vv"),
        ("{% for o in opts %}{{ loop.index }}{{ o }} {% endfor %}", "1a 2b "),
        ("{{ q | regex_replace('[a-z]+', '_') }}", "W_?"),
        ("{{ 'aXbX' | regex_replace('X', '-', 1) }}", "a-bX"),
        ("{{ missing | default('d') }}", "d"),
        ("{# note #}{{ n }}", "2"),
        ("{{ q.replace('W', 'w').split('a')[0] }}", "wh"),
        ("single { brace } and }}", "single { brace } and }}"),
    ],
)
def test_rendering(source: str, text: str) -> None:
    assert render(source, DOC) == text


def test_same_text_is_compiled_once() -> None:
    assert compile_template("{{q}} once") is compile_template("{{q}} once")


def test_static_text_is_distinguished_from_templates() -> None:
    assert [is_static(text) for text in ("plain", "{{q}}", "{% if q %}{% endif %}", "{# c #}")] == [True] + [False] * 3


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ missing }}", "template '{{ missing }}': 'missing' is undefined; the doc has q, opts, n, nested, bad"),
        ("{{ nested.missing }}", "has no attribute 'missing'"),
        ("{{ q", "unexpected end of template"),
        ("{{ q | nofilter }}", "No filter named 'nofilter'"),
        ("{{ opts.index('z') }}", "ValueError"),
        ("{{ q + 1 }}", "TypeError"),
        ("{{ n / 0 }}", "ZeroDivisionError"),
        ("{{ q.__class__.__mro__ }}", "SecurityError|unsafe"),
    ],
)
def test_rendering_errors_are_one_line(source: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message) as caught:
        render(source, DOC)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "value"),
    [("{{opts}}", ["a", "b"]), ("{{ opts + [q] }}", ["a", "b", "What?"]), ("{{ n }}", 2), ("{{[bad]}}", [DOC["bad"]])],
)
def test_a_single_expression_gives_its_value(source: str, value: Any) -> None:
    evaluate = compile_expression(source)
    assert evaluate is not None
    assert evaluate(DOC) == value


@pytest.mark.parametrize(
    "source",
    ["{{a}} ", " {{a}}", "{{a}}{{b}}", "plain", "{{- a }}", "{{ a -}}", "{{a}} and {{b}}", "{% if a %}{% endif %}"],
)
def test_anything_else_is_not_an_expression(source: str) -> None:
    assert compile_expression(source) is None


def test_undefined_name_in_an_expression_is_an_error_when_used() -> None:
    evaluate = compile_expression("{{ missing + ['x'] }}")
    assert evaluate is not None
    with pytest.raises(TemplateError, match="'missing' is undefined"):
        evaluate(DOC)
