"""The reference harness's path to the prompt of WSC; kept for compatibility."""

from lm_eval.tasks.super_glue.utils import wsc_text as default_doc_to_text

__all__ = ["default_doc_to_text"]
