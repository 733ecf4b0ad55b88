"""The reference harness's path to the filters of BIG-Bench Hard; kept for compatibility."""

from lm_eval.tasks.bbh.filters import (
    ExtendedRegexFilter,
    MapRegexFilter,
    MultiChoiceRegexFilter,
    NumberParseRegexFilter,
    WordSortFilter,
)

__all__ = [
    "ExtendedRegexFilter",
    "MapRegexFilter",
    "MultiChoiceRegexFilter",
    "NumberParseRegexFilter",
    "WordSortFilter",
]
