"""Histoires Morales has the columns of Moral Stories."""

from __future__ import annotations

from lm_eval.tasks.moral_stories.utils import process_docs

__all__ = ["process_docs"]
