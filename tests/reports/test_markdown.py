from __future__ import annotations

import os

import pytest

from lm_eval.reports.markdown import markdown_table, room, shown_width


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("abc", 3),
        ("日本語", 6),
        ("\uff21\uff22", 4),
        ("é", 1),
        ("e\u0301", 1),
        ("↑", 1),
        ("±", 1),
        ("a\u200bb", 2),
        ("한국", 4),
    ],
)
def test_the_width_of_a_text_is_that_on_a_terminal(text: str, cells: int) -> None:
    assert shown_width(text) == cells


def test_wide_characters_line_up() -> None:
    table = markdown_table(["Tasks", "Value"], [["日本語タスク", "1.0"], ["short", "10.5"]], right=["Value"])
    assert table == (
        "|   Tasks    |Value|\n"
        "|------------|----:|\n"
        "|日本語タスク|  1.0|\n"
        "|short       | 10.5|\n"
    )  # fmt: skip


def test_a_column_with_other_values_than_numbers_is_not_right_aligned() -> None:
    rule = markdown_table(["a", "Value"], [["x", "1"], ["y", "N/A"]], right=["Value"]).splitlines()[1]
    assert rule == "|---|-----|"


def test_numbers_are_aligned_next_to_missing_values() -> None:
    lines = markdown_table(["a", "Value"], [["x", "1.25"], ["y", "N/A"], ["z", "?"]], right=["Value"]).splitlines()
    assert [line.split("|")[2] for line in lines[2:]] == [" 1.25", "  N/A", "?    "]


def test_a_cell_cannot_break_the_table() -> None:
    assert "|a\\|b c|" in markdown_table(["t"], [["a|b\nc"]])


def test_a_name_that_does_not_fit_widens_only_its_row() -> None:
    table = markdown_table(["Name", "Value"], [["fits", "1"], ["does not fit", "2"]], width=13)
    assert table == (
        "|Name|Value|\n"
        "|----|-----|\n"
        "|fits|1    |\n"
        "|does not fit|2    |\n"
    )  # fmt: skip


def test_an_empty_table_is_only_a_header() -> None:
    assert markdown_table(["Name"], []) == "|Name|\n|----|\n"


@pytest.mark.parametrize(("terminal", "columns", "expected"), [(True, 160, 160), (True, 80, 100), (False, 160, 100)])
def test_a_wide_terminal_gives_more_room(
    terminal: bool, columns: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    monkeypatch.setattr("shutil.get_terminal_size", lambda fallback: os.terminal_size((columns, 24)))
    assert room() == expected


def test_rows_stay_aligned_when_hardly_any_name_fits() -> None:
    rows = [["first name", "1"], ["second", "2"], ["x", "3"]]
    lines = markdown_table(["Name", "A metric with a long name"], rows, width=20).splitlines()
    assert {len(line) for line in lines} == {len(lines[0])}
