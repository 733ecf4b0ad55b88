"""TMMLU+: the options of a question as a list."""

from lm_eval.tasks.shared.choices import collect_choices as process_docs

__all__ = ["process_docs"]
