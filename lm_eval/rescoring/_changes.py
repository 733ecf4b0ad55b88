"""List the scores that differ from those of the saved run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from lm_eval.api.result_keys import score_keys
from lm_eval.results import Results
from lm_eval.results.json_values import as_list, as_mapping

__all__ = ["change_lines", "changed_scores"]


def changed_scores(before: Results, after: Results) -> list[dict[str, object]]:
    """Compare the scores of two results.

    Args:
        before: The results of the saved run.
        after: The results of rescoring; only their tasks and groups are compared.

    Returns:
        ``{"task", "score", "before", "after"}`` for each ``"metric,filter"`` that differs; None stands for a score
        that is missing.
    """
    changed = []
    for task in after.section("results"):
        old, new = before.section("results", task), after.section("results", task)
        for key in dict.fromkeys(key for row in (old, new) for key, *_ in score_keys(row)):
            if not _same(old.get(key), new.get(key)):
                changed.append({"task": task, "score": key, "before": old.get(key), "after": new.get(key)})
    return changed


def _same(before: object, after: object) -> bool:
    """Compare two scores; the last digits of a sum depend on its order."""
    if isinstance(before, float) and isinstance(after, float):
        return math.isclose(before, after, rel_tol=1e-9, abs_tol=1e-12) or (math.isnan(before) and math.isnan(after))
    return bool(before == after)


def change_lines(results: Mapping[str, object]) -> Sequence[str]:
    """Describe what rescoring changed, one line per score.

    Args:
        results: What ``rescore`` returned.

    Returns:
        Such as ``gsm8k exact_match,strict-match: 0.1000 → 0.2400``; one line that says so when nothing changed.
    """
    source = Results(results).section("config", "rescored_from")
    changes = [as_mapping(change) for change in as_list(source["changes"])]
    if not changes:
        return [f"No score differs from {source['file']}."]
    lines = [f"Changed from {source['file']}:"]
    for change in changes:
        before, after = _shown(change["before"]), _shown(change["after"])
        lines.append(f"  {change['task']} {change['score']}: {before} → {after}")
    return lines


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
