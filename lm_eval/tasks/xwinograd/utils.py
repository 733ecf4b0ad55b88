"""The prompt, the choices and the target of XWinograd, as functions."""

from lm_eval.tasks.shared.winograd import doc_to_choice, doc_to_target, doc_to_text

__all__ = ["doc_to_choice", "doc_to_target", "doc_to_text"]
