r"""AIME: the answer of a response is its last ``\boxed``, else the text between dollar signs, else all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.tasks.hendrycks_math.utils import boxed_answer, is_equivalent
from lm_eval.tasks.hendrycks_math.utils import fix_a_slash_b as fix_a_slash_b
from lm_eval.tasks.hendrycks_math.utils import fix_fracs as fix_fracs
from lm_eval.tasks.hendrycks_math.utils import fix_sqrt as fix_sqrt
from lm_eval.tasks.hendrycks_math.utils import is_equiv as is_equiv
from lm_eval.tasks.hendrycks_math.utils import last_boxed_only_string as last_boxed_only_string
from lm_eval.tasks.hendrycks_math.utils import remove_boxed as remove_boxed
from lm_eval.tasks.hendrycks_math.utils import remove_right_units as remove_right_units
from lm_eval.tasks.hendrycks_math.utils import strip_string as strip_string


def process_results(doc: dict[str, Any], results: Sequence[str]) -> dict[str, int]:
    """Compare a response with the answer.

    Args:
        doc: A row with ``answer``, in upper or lower case, as in the dataset.
        results: The one response.

    Returns:
        ``exact_match``, 1 or 0, after the rewriting of the MATH dataset's authors.
    """
    response = results[0]
    target = next(str(value) for name, value in doc.items() if name.lower() == "answer")
    return {"exact_match": int(is_equivalent(_answer(response), target))}


def _answer(response: str) -> str:
    last_box = response[max(response.rfind("\\boxed"), 0) :]
    if "\\boxed " in response or last_box.startswith("\\boxed{"):
        try:
            return boxed_answer(response)
        except ValueError:
            pass
    if response.count("$") > 1:
        return response[response.index("$") + 1 : response.rindex("$")]
    return response
