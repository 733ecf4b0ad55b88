"""SQuAD as a completion: the answer follows the text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lm_eval.tasks.shared.completion import ContainsTask, contains_score

__all__ = ["SQUADCompletion", "contains_score"]


class SQUADCompletion(ContainsTask):
    """Asks for the answer as the continuation of a sentence."""

    SETTINGS: ClassVar[Mapping[str, Any]] = {"task": "squad_completion", "dataset_path": "hazyresearch/based-squad"}
    # Up to an empty line, as in the reference harness, and so longer than in its siblings.
    GENERATION: ClassVar[Mapping[str, Any]] = {
        "until": ["\n\n"],
        "max_gen_toks": 256,
        "do_sample": False,
        "temperature": 0.0,
    }
