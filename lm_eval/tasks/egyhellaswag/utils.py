"""EgyHellaSwag: the rows as DarijaHellaSwag has them."""

from lm_eval.tasks.darijahellaswag.utils import process_docs

__all__ = ["process_docs"]
