"""The reference harness's path to the helpers of GPQA; kept for compatibility."""

from lm_eval.tasks.gpqa.utils import preprocess
from lm_eval.tasks.gpqa.utils import shuffled_choices as process_docs

__all__ = ["preprocess", "process_docs"]
