"""MMMLU: one config per language has all subjects; each task keeps the rows of its subject."""

from __future__ import annotations

import re
from pathlib import Path

from lm_eval.tasks.shared.rows import RowFilter, read_table, row_filter

_TABLE = Path(__file__).parents[1] / "mmlu" / "subjects.tsv"
_SUBJECTS = {f"process_{row['subject']}": row["subject"] for row in read_table(_TABLE)}


def _subject(value: object) -> object:
    """Cut the name of the CSV file that some rows have, such as ``virology_test.csv_sw-KE.csv``."""
    return re.split(r"_test(?:\.csv|-)", value, maxsplit=1)[0] if isinstance(value, str) else value


def __getattr__(name: str) -> RowFilter:
    """Serve ``process_SUBJECT`` for the 57 subjects of MMLU."""
    return row_filter(name, _SUBJECTS, "Subject", _subject)
