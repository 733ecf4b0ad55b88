"""All runs below a folder in the browser: a local page that only reads."""

from __future__ import annotations

from lm_eval.reports.view.bundle import matrix_page
from lm_eval.reports.view.server import ViewServer

__all__ = ["ViewServer", "matrix_page"]
