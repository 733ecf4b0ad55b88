"""Results that a notebook shows as a table, and everything else takes for the dict that they are."""

from __future__ import annotations

from typing import Any

import yaml

from lm_eval.reports.table import notebook_table

__all__ = ["ShownResults"]


class ShownResults(dict[str, Any]):
    """A result dict with a table for notebooks. A copy, and what a pickle gives back, is a plain dict."""

    def _repr_html_(self) -> str:
        """Return the table of scores."""
        return notebook_table(self)

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        """Pickle as a plain dict, which needs no package to be read."""
        return dict, (dict(self),)


yaml.SafeDumper.add_representer(ShownResults, yaml.SafeDumper.represent_dict)
