"""SLR-Bench: the authors' judge, which runs rules in Prolog."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from lm_eval.api.not_computed import NotComputed
from lm_eval.text import shorten

__all__ = ["process_results"]

_JUDGE = "AIML-TUDA/VerifiableRewardsForScalableLogicalReasoning"
_ALLOWED = "LM_EVAL_RUN_PROLOG"
_PREDICATES = {"positive_predicate": "eastbound", "negative_predicate": "westbound"}


def process_results(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float | NotComputed]:
    """Run the rule of a response on the trains of the document.

    Args:
        doc: A row with ``validation program``.
        results: The response.

    Returns:
        ``verifiable_reward``: the judge's accuracy; 0 if the judge fails on the rule; not computed without the judge.
    """
    judge = _judge()
    if isinstance(judge, NotComputed):
        return {"verifiable_reward": judge}
    reference = {"validation_program": doc.get("validation program", ""), "evaluation_config": _PREDICATES}
    try:
        return {"verifiable_reward": judge.compute(predictions=[results[0]], references=[reference])["accuracy"]}
    except Exception:
        # A rule that a model wrote can make the judge raise anything; then it is not right.
        return {"verifiable_reward": 0.0}


@cache
def _judge() -> Any:
    """Load the judge once; or say why it cannot be loaded."""
    try:
        judge = importlib.import_module("evaluate").load(_JUDGE)
    except ImportError as error:
        return NotComputed(f"needs {error.name}: pip install evaluate")
    except Exception as error:
        return NotComputed(f"the judge cannot be loaded: {type(error).__name__}: {shorten(str(error), 200)}")
    if type(judge).__module__.startswith("evaluate_modules"):
        # A rule is a Prolog program: it can run commands of the system.
        if os.environ.get(_ALLOWED) != "1":
            return NotComputed(f"the judge runs Prolog outside the sandbox; {_ALLOWED}=1 allows it")
        if shutil.which("swipl") is None:
            return NotComputed("needs SWI-Prolog: the program swipl")
    return judge
