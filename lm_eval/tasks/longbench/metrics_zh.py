"""The metrics of LongBench that split Chinese text into words."""

from __future__ import annotations

import string

import jieba

from lm_eval.tasks.longbench.metrics import best_over_answers
from lm_eval.tasks.longbench.rouge_l import rouge_l
from lm_eval.tasks.shared.word_overlap import word_f1

__all__ = ["get_qa_f1_zh_with_score", "get_rouge_zh_with_score", "qa_f1_zh_score", "rouge_zh_score"]

_PUNCTUATION = frozenset(
    string.punctuation
    + "！？｡。＂＃＄％＆＇（）＊＋，－／：；＜＝＞＠［＼］＾＿｀｛｜｝～"
    + "｟｠｢｣､、〃》「」『』【】〔〕〖〗〘〙〚〛〜〝〞〟〰〾〿"
    + "–—‘’‛“”„‟…‧﹏."
)


def _words(text: str) -> list[str]:
    return list(jieba.cut(text, cut_all=False))


def _normalized(word: str) -> str:
    """Return a word in lower case, without punctuation and white space."""
    return "".join("".join(sign for sign in word.lower() if sign not in _PUNCTUATION).split())


def qa_f1_zh_score(prediction: str, ground_truth: str) -> float:
    """Compare two answers by their words, without punctuation."""
    ours, theirs = (
        [plain for word in _words(text) if (plain := _normalized(word))] for text in (prediction, ground_truth)
    )
    return word_f1(ours, theirs)


def rouge_zh_score(prediction: str, ground_truth: str) -> float:
    """Compare two summaries by ROUGE-L."""
    return rouge_l(" ".join(_words(prediction)), " ".join(_words(ground_truth)))


get_qa_f1_zh_with_score = best_over_answers("qa_f1_zh_score", qa_f1_zh_score)
get_rouge_zh_with_score = best_over_answers("rouge_zh_score", rouge_zh_score)
