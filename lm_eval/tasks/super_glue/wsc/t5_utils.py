"""The reference harness's path to the prompt and the score of WSC for T5; kept for compatibility."""

from lm_eval.tasks.super_glue.utils import DETERMINERS, clean
from lm_eval.tasks.super_glue.utils import wsc_results_t5 as process_results
from lm_eval.tasks.super_glue.utils import wsc_text_t5 as doc_to_text

__all__ = ["DETERMINERS", "clean", "doc_to_text", "process_results"]
