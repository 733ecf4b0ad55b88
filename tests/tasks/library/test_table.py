"""The table of tasks in the docs."""

from __future__ import annotations

import pytest

from tests.tasks.library.table import FOLDER, PAGE, collapse, render


def test_page_is_up_to_date() -> None:
    pages = render()
    written = {path: path.read_text(encoding="utf-8") for path in [PAGE, *FOLDER.glob("*.md")]}
    stale = sorted(path.name for path in {*pages, *written} if pages.get(path) != written.get(path))
    assert stale == [], "these pages are not what `python -m tests.tasks.library.table` writes"


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["b", "a", "a"], "`a`, `b`"),
        ([], ""),
        ([f"x_{n}" for n in range(5)], "`x_*` (5)"),
        ([f"x_{n}_end" for n in range(5)], "`x_*_end` (5)"),
        ([f"x_1{n}" for n in range(5)], "`x_*` (5)"),
        (["x", "x_1", "x_2", "x_3", "x_4"], "`x*` (5)"),
        (["a", "b", "c", "d", "e"], "`a`, `b`, `c`, `d`, `e`"),
    ],
)
def test_many_names_become_a_pattern(names: list[str], shown: str) -> None:
    assert collapse(names) == shown
