"""Typed configurations of a run, a task and a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lm_eval.compatibility.submodules import submodule

if not TYPE_CHECKING:  # a type checker would accept every name

    def __getattr__(name: str) -> object:
        return submodule(__name__, name)
