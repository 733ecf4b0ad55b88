"""Examples in docstrings are valid Python, with their indentation."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import lm_eval

PACKAGE = Path(lm_eval.__file__).parent
MODULES = [
    path
    for path in sorted(PACKAGE.rglob("*.py"))
    if len(path.relative_to(PACKAGE).parts) <= 2 or path.relative_to(PACKAGE).parts[0] != "tasks"
]
"""All modules but those of the task families."""

CODE = re.compile(r"(?:def|class|with|import|from|assert|for|return|async|await)\b|@\w|>>> |\w+ = ")
"""The start of a line of Python, in an indented block; other blocks are formulas or commands."""
UNINDENTED = re.compile(r"(?:async )?def \w+\(|class \w+[(:]|from [\w.]+ import |import [\w.]+$|assert |>>> |@\w+\.\w+")
"""The start of a line of Python that nobody writes in prose."""


def docstrings(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield inspect.cleandoc(node.value.value)


def split(docstring: str) -> tuple[list[str], list[str]]:
    """The indented blocks that follow a blank line, and all other lines."""
    blocks: list[list[str]] = []
    prose: list[str] = []
    inside, previous = False, ""
    for line in docstring.splitlines():
        if line.startswith("    ") and (inside or not previous.strip()):
            if not inside:
                blocks.append([])
            blocks[-1].append(line)
            inside = True
        elif inside and not line.strip():
            blocks[-1].append(line)
        else:
            inside = False
            prose.append(line)
        previous = line
    return [textwrap.dedent("\n".join(block)) for block in blocks], prose


def problems(docstring: str) -> list[str]:
    blocks, prose = split(docstring)
    found = [line for line in prose if UNINDENTED.match(line)]
    for block in blocks:
        if any(CODE.match(line) for line in block.splitlines()):
            try:
                ast.parse(block)
            except SyntaxError as error:
                found.append(f"{error}:\n{block}")
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_examples_in_docstrings_compile(path: Path) -> None:
    found = [problem for text in docstrings(path.read_text(encoding="utf-8")) for problem in problems(text)]
    assert not found


@pytest.mark.parametrize(
    ("docstring", "count"),
    [
        ("A fixture.\n\ndef test(mock_server):\nserver = mock_server()", 1),
        ("A fixture.\n\nFor example:\n\n    def test(mock_server):\n    server = mock_server()", 1),
        ("A fixture.\n\nFor example:\n\n    def test(mock_server):\n        server = mock_server()\n\n    x = 1", 0),
        ("A formula:\n\n    p(w | h) = c(h, w) / c(h)\n\nand a command:\n\n    pytest tests", 0),
        ("Count.\n\nArgs:\n    number: From 1, with\n        a class of it.", 0),
    ],
)
def test_broken_examples_are_found(docstring: str, count: int) -> None:
    assert len(problems(docstring)) == count
