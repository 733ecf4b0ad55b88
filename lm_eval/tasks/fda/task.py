"""FDA: attributes of documents of the Food and Drug Administration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lm_eval.tasks.shared.completion import ContainsTask, contains_score

__all__ = ["FDA", "contains_score"]


class FDA(ContainsTask):
    """Asks for the value of an attribute after the text of a document."""

    SETTINGS: ClassVar[Mapping[str, Any]] = {"task": "fda", "dataset_path": "hazyresearch/based-fda"}
