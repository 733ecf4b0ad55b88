"""Texts whose last words are missing: does a completion contain them?"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from statistics import fmean
from typing import Any, ClassVar

from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask

__all__ = ["ContainsTask", "contains_score"]

_SETTINGS: dict[str, Any] = {
    "dataset_name": "default",
    "validation_split": "validation",
    "doc_to_text": "{{text.strip()}}",
    "doc_to_target": "{{value.strip()}}",
    "metadata": {"version": 1},
}


class ContainsTask(ConfigurableTask):
    """Asks for a completion, and scores whether it contains the value of the row."""

    VERSION = 1
    SETTINGS: ClassVar[Mapping[str, Any]] = {}
    """The settings of a subclass: its name and its dataset."""
    GENERATION: ClassVar[Mapping[str, Any]] = {"until": ["\n"], "max_gen_toks": 48}

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        """Create the task.

        Args:
            config: Settings that replace the task's.
        """
        given = {key: value for key, value in (config or {}).items() if key != "class"}
        super().__init__(config={**_SETTINGS, **self.SETTINGS, **given})

    def construct_requests(self, doc: Any, ctx: Any, **kwargs: Any) -> Instance:
        """Create the request of a document.

        Args:
            doc: The row.
            ctx: The prompt.
            **kwargs: Fields of the Instance.

        Returns:
            A generation.
        """
        kwargs = {key: value for key, value in kwargs.items() if key not in ("apply_chat_template", "chat_template")}
        options = deepcopy(dict(self.GENERATION))
        return Instance(request_type="generate_until", doc=doc, arguments=(ctx, options), idx=0, **kwargs)

    def process_results(self, doc: Any, results: Sequence[Any]) -> dict[str, Any]:
        """Score the completion of a document.

        Args:
            doc: A row with ``value``.
            results: The completion.
        """
        return {"contains": contains_score(results[0], [doc["value"].strip()])}

    def aggregation(self) -> dict[str, Callable[[Sequence[Any]], float]]:
        """Return the function of the score."""
        return {"contains": fmean}

    def higher_is_better(self) -> dict[str, bool]:
        """The score is better when higher."""
        return {"contains": True}


def contains_score(prediction: str, labels: Sequence[str]) -> int:
    """Return whether a completion contains a value, whatever the case of its letters.

    Args:
        prediction: The completion.
        labels: The values, at least one.

    Returns:
        1 or 0.
    """
    return max(int(re.search(re.escape(label), prediction, re.IGNORECASE) is not None) for label in labels)
