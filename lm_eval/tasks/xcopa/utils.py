"""The prompts and the choices of XCOPA, as functions."""

from __future__ import annotations

from functools import partial

from lm_eval.tasks.shared.copa import convert_choice as convert_choice
from lm_eval.tasks.shared.copa import doc_to_choice as doc_to_choice
from lm_eval.tasks.shared.copa import doc_to_text


def _connected(cause: str, effect: str) -> partial[str]:
    return partial(doc_to_text, connector={"cause": cause, "effect": effect})


doc_to_text_et = _connected("sest", "seetõttu")
doc_to_text_ht = _connected("poukisa", "donk sa")
doc_to_text_id = _connected("karena", "maka")
doc_to_text_it = _connected("perché", "quindi")
doc_to_text_qu = _connected("imataq", "chaymi")
doc_to_text_sw = _connected("kwa sababu", "kwa hiyo")
doc_to_text_ta = _connected("காரணமாக", "எனவே")
doc_to_text_th = _connected("เพราะ", "ดังนั้น")
doc_to_text_tr = _connected("çünkü", "bu yüzden")
doc_to_text_vi = _connected("bởi vì", "vì vậy")
doc_to_text_zh = _connected("因为", "所以")
