"""HellaSwag: a beginning and its endings, without the marks of WikiHow."""

from __future__ import annotations

from lm_eval.tasks.shared.wikihow import hellaswag_rows as process_docs
from lm_eval.tasks.shared.wikihow import without_marks as preprocess

__all__ = ["preprocess", "process_docs"]
