"""Models behind OpenAI-compatible APIs; ``lm_eval.api.registry`` has their names and imports them on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lm_eval.api.registry import MODELS as MODEL_MAPPING
from lm_eval.compatibility.submodules import submodule

__all__ = ["MODEL_MAPPING"]

if not TYPE_CHECKING:  # a type checker would accept every name

    def __getattr__(name: str) -> object:
        return submodule(__name__, name)
