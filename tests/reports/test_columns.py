from __future__ import annotations

from lm_eval.reports.columns import columns, shorten_middle


def test_columns_line_up() -> None:
    assert columns([["a", "long", "1"], ["bcd", "x", "234"]], right={2}) == ["a    long    1", "bcd  x     234"]


def test_lines_end_without_white_space() -> None:
    assert columns([["a", ""], ["b", "c"]]) == ["a", "b  c"]


def test_a_narrow_column_makes_room() -> None:
    lines = columns([["n" * 20, "d" * 80, "f" * 40]], narrow=(1, 2), width=60)
    assert len(lines[0]) == 60
    assert lines[0].startswith("n" * 20)


def test_the_rest_follows_a_wide_first_cell_on_the_next_line() -> None:
    assert columns([["name", "x"], ["a" * 12, "y"]], max_first=8) == ["name  x", "a" * 12, "      y"]


def test_the_middle_of_a_text_is_removed() -> None:
    assert shorten_middle("mmlu/default/anatomy.yaml", 13) == "mmlu/d…y.yaml"


def test_a_text_that_fits_stays() -> None:
    assert shorten_middle("short", 5) == "short"


def test_no_rows_give_no_lines() -> None:
    assert columns([]) == []
