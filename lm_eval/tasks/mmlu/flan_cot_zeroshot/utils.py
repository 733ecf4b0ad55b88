"""The reference harness's path to the filter ``multi_choice_regex``; kept for compatibility."""

from lm_eval.filters.extraction import MultiChoiceRegexFilter

__all__ = ["MultiChoiceRegexFilter"]
