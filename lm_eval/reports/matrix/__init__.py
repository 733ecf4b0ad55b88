"""Many runs as one table: models in rows, tasks in columns, the best of a task marked where the difference holds."""

from __future__ import annotations

from lm_eval.reports.matrix.best import Best, best_of
from lm_eval.reports.matrix.layout import matrix_of
from lm_eval.reports.matrix.tables import to_csv, to_latex, to_markdown
from lm_eval.reports.matrix.types import Cell, Column, Matrix, MatrixRow

__all__ = [
    "Best",
    "Cell",
    "Column",
    "Matrix",
    "MatrixRow",
    "best_of",
    "matrix_of",
    "to_csv",
    "to_latex",
    "to_markdown",
]
