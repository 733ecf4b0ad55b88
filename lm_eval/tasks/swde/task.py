"""SWDE: attributes of web pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lm_eval.tasks.shared.completion import ContainsTask, contains_score

__all__ = ["SWDE", "contains_score"]


class SWDE(ContainsTask):
    """Asks for the value of an attribute after the text of a web page."""

    SETTINGS: ClassVar[Mapping[str, Any]] = {"task": "swde", "dataset_path": "hazyresearch/based-swde-v2"}
