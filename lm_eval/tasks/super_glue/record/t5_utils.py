"""The prompt and the scores of ReCoRD for T5, as functions."""

from __future__ import annotations

import re
from typing import Any

from lm_eval.tasks.shared.squad import normalize as normalize_squad
from lm_eval.tasks.super_glue.utils import em, f1
from lm_eval.tasks.super_glue.utils import record_docs_t5 as process_docs
from lm_eval.tasks.super_glue.utils import record_em as squad_em_agg
from lm_eval.tasks.super_glue.utils import record_f1 as squad_f1_agg

__all__ = ["doc_to_text", "em", "f1", "normalize_squad", "process_docs", "squad_em_agg", "squad_f1_agg"]


def doc_to_text(doc: dict[str, Any]) -> str:
    """Write the query, the entities and the passage, whose highlights become sentences.

    Args:
        doc: A row with ``query``, ``entities`` and ``passage``.
    """
    passage = re.sub(r"""([.?!"'])\n@highlight\n""", r"\1 ", doc["passage"]).replace("\n@highlight\n", ". ")
    return f"record query: {doc['query']} entities: {', '.join(doc['entities'])} passage: {passage}"
