"""The reference harness's path to the helpers of WikiText; kept for compatibility."""

from lm_eval.tasks.wikitext.utils import detokenize as wikitext_detokenizer
from lm_eval.tasks.wikitext.utils import process_results

__all__ = ["process_results", "wikitext_detokenizer"]
