"""The page of the viewer: one style and one script, made of the report's own and the viewer's."""

from __future__ import annotations

import functools
import html
from collections.abc import Mapping
from importlib import resources

from lm_eval.reports.html.packing import pack
from lm_eval.reports.html.page import content_policy, report_script, report_styles
from lm_eval.reports.matrix import Best, Matrix
from lm_eval.reports.view.tables import best_data, matrix_data

__all__ = ["matrix_page", "script", "styles", "view_page"]


def _asset(name: str) -> str:
    return (resources.files("lm_eval.reports.view") / "assets" / name).read_text("utf-8")


@functools.cache
def styles() -> str:
    """Return the style sheet: the report's, then the viewer's."""
    return f"{report_styles()}\n{_asset('view.css')}"


@functools.cache
def script() -> str:
    """Return the script. The viewer's part has its own scope within that of the report's functions."""
    return f"(() => {{\n'use strict';\n{report_script()}\n(() => {{\n{_asset('view.js')}\n}})();\n}})();\n"


def view_page() -> str:
    """Return the page that asks the server for its data."""
    links = '<link rel="stylesheet" href="view.css">\n<script src="view.js" defer></script>'
    return _page("lm_eval view", links, "")


def matrix_page(matrix: Matrix, best: Mapping[int, Best]) -> str:
    """Write a matrix as one HTML file that needs no server and no network.

    Args:
        matrix: The matrix.
        best: Position of a column to its best score.

    Returns:
        The file.
    """
    policy = html.escape(content_policy(styles(), script()))
    head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n<style>{styles()}</style>'
    data = {"matrix": matrix_data(matrix), "best": best_data(best)}
    blocks = f'<script type="text/plain" id="data">{pack(data)}</script>\n<script>{script()}</script>\n'
    return _page("lm_eval matrix", head, blocks)


def _page(title: str, head: str, tail: str) -> str:
    page = _asset("view.html")
    before, after_title, rest = page.partition("<!-- head -->")
    body, mark, end = rest.partition("<!-- data -->")
    return f"{before.replace('{title}', title)}{head}{body}{tail}{end}" if after_title and mark else page
