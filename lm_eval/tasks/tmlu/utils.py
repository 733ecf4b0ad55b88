"""TMLU: the options of a question as a list; some questions have five or six."""

from functools import partial

from lm_eval.tasks.shared.choices import collect_choices

process_docs = partial(collect_choices, optional="EF")
