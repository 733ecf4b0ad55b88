"""The parts that other packages subclass or register: models, tasks, groups, filters, metrics and samplers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lm_eval.compatibility.submodules import submodule

if not TYPE_CHECKING:  # a type checker would accept every name

    def __getattr__(name: str) -> object:
        return submodule(__name__, name)
