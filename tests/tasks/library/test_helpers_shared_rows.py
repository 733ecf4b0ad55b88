"""Helpers that several families share: tasks that keep some rows of a dataset, and marks of WikiHow."""

from __future__ import annotations

from pathlib import Path

import pytest
from datasets import Dataset

from lm_eval.tasks.shared.rows import keep_rows, read_table, row_filter
from lm_eval.tasks.shared.wikihow import without_marks

ROWS = Dataset.from_dict({"subject": ["law", "Law", "math", "law"], "n": [1, 2, 3, 4]})


def test_keep_rows() -> None:
    assert keep_rows(ROWS, "subject", "law")["n"] == [1, 4]
    assert keep_rows(ROWS, "subject", "law", lambda value: str(value).lower())["n"] == [1, 2, 4]
    assert len(keep_rows(ROWS, "subject", "history")) == 0


def test_row_filter_by_name() -> None:
    values = {"process_law": "law", "process_math": "math"}
    assert row_filter("process_math", values, "subject")(ROWS)["n"] == [3]
    with pytest.raises(AttributeError, match=r"no row filter 'process_mat'; did you mean 'process_math'\?"):
        row_filter("process_mat", values, "subject")
    with pytest.raises(AttributeError, match=r"no row filter '__path__'$"):
        row_filter("__path__", values, "subject")


def test_read_table_keeps_quotes_backslashes_and_spaces(tmp_path: Path) -> None:
    table = tmp_path / "table.tsv"
    table.write_text('lang\tbefore\nde\tSie "X" \\(a ?\nfr\t \n', encoding="utf-8")
    assert read_table(table) == [{"lang": "de", "before": 'Sie "X" \\(a ?'}, {"lang": "fr", "before": " "}]


@pytest.mark.parametrize(
    ("text", "clean"),
    [(" How to [title] Do it [substeps] now. ", "How to. Do it now."), ("a  b", "a b"), ("[x]", "")],
)
def test_without_marks(text: str, clean: str) -> None:
    assert without_marks(text) == clean
