"""tinyBenchmarks: rows and scores of documents, as in the whole benchmarks."""

from __future__ import annotations

from lm_eval.tasks.shared.wikihow import hellaswag_rows as process_docs
from lm_eval.tasks.truthfulqa.utils import mass_of_first_true as process_results_mc2

__all__ = ["process_docs", "process_results_mc2"]
