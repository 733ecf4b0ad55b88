"""MLQA: the scores, by the language of the context and its answers."""

from __future__ import annotations

from functools import partial

from lm_eval.tasks.shared.spans import answer_texts as process_docs
from lm_eval.tasks.shared.spans import process_results as process_results_lang

__all__ = ["process_docs", "process_results_lang"]

process_results_ar = partial(process_results_lang, language="ar")
process_results_de = partial(process_results_lang, language="de")
process_results_en = partial(process_results_lang, language="en")
process_results_es = partial(process_results_lang, language="es")
process_results_hi = partial(process_results_lang, language="hi")
process_results_vi = partial(process_results_lang, language="vi")
process_results_zh = partial(process_results_lang, language="zh")
