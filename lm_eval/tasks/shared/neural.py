"""Metrics of neural networks: BERTScore, BLEURT, COMET and RadGraph F1.

No API computes them. A task that reports one runs with its other metrics where the package is missing, and its score is
then "not computed": these functions return ``NotComputed``, which a task returns as the value of the metric. No other
number ever stands under the name.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from lm_eval.api.not_computed import NotComputed
from lm_eval.api.time_limit import unlimited
from lm_eval.text import shorten

__all__ = ["NotComputed", "bertscore", "bertscore_f1", "bleurt", "comet", "radgraph_f1"]

_EXTRA = "pip install 'lm-eval-api[neural]'"
_INSTALL = {
    "bertscore": ("bert-score", _EXTRA),
    "bleurt": ("bleurt", "pip install evaluate git+https://github.com/google-research/bleurt"),
    "comet": ("unbabel-comet", _EXTRA),
    "radgraph": ("radgraph", _EXTRA),
}
"""Metric to its package and the command that installs it."""


def bertscore(
    predictions: Sequence[str], references: Sequence[str], **options: object
) -> Mapping[str, list[float]] | NotComputed:
    """Compute BERTScore for pairs of texts.

    Args:
        predictions: The answers.
        references: The reference of each answer.
        **options: Options of the metric in Hugging Face evaluate: ``lang``, or ``model_type`` and ``num_layers``.

    Returns:
        ``precision``, ``recall`` and ``f1`` of each pair; or why they cannot be computed.
    """
    texts = {"predictions": list(predictions), "references": list(references)}
    found: Mapping[str, list[float]] | NotComputed = _computed("bertscore", None, **texts, **options)
    return found


def bertscore_f1(predictions: Sequence[str], references: Sequence[str], **options: object) -> float | NotComputed:
    """Compute the mean BERTScore F1 of pairs of texts.

    Args:
        predictions: The answers.
        references: The reference of each answer.
        **options: As of ``bertscore``.

    Returns:
        The mean over the pairs; or why it cannot be computed.
    """
    found = bertscore(predictions, references, **options)
    return found if isinstance(found, NotComputed) else _mean(found["f1"])


def bleurt(
    predictions: Sequence[str], references: Sequence[str], checkpoint: str = "bleurt-base-512"
) -> float | NotComputed:
    """Compute the mean BLEURT score of pairs of texts.

    Args:
        predictions: The answers.
        references: The reference of each answer.
        checkpoint: The name of the trained network.

    Returns:
        The mean over the pairs; or why it cannot be computed.
    """
    found = _computed("bleurt", checkpoint, predictions=list(predictions), references=list(references))
    return found if isinstance(found, NotComputed) else _mean(found["scores"])


def comet(
    sources: Sequence[str], predictions: Sequence[str], references: Sequence[str], model: str = "Unbabel/wmt22-comet-da"
) -> float | NotComputed:
    """Compute the mean COMET score of translations.

    Args:
        sources: The texts that were translated.
        predictions: The translations.
        references: The reference of each translation.
        model: The name of the trained network.

    Returns:
        The mean over the translations; or why it cannot be computed.
    """
    texts = {"sources": list(sources), "predictions": list(predictions), "references": list(references)}
    found = _computed("comet", model, **texts)
    return found if isinstance(found, NotComputed) else _mean(found["scores"])


def radgraph_f1(
    predictions: Sequence[str], references: Sequence[str], reward_level: str = "partial"
) -> float | NotComputed:
    """Compute the mean RadGraph F1 of pairs of radiology reports.

    Args:
        predictions: The answers.
        references: The reference of each answer.
        reward_level: How entities and relations are matched.

    Returns:
        The mean over the pairs; or why it cannot be computed.
    """
    scorer = _radgraph(reward_level)
    if isinstance(scorer, NotComputed):
        return scorer
    found = _guarded("radgraph", lambda: scorer(hyps=list(predictions), refs=list(references)))
    return found if isinstance(found, NotComputed) else float(found[0])


def _computed(metric: str, config: str | None, **texts: object) -> Any:
    loaded = _loaded(metric, config)
    return loaded if isinstance(loaded, NotComputed) else _guarded(metric, lambda: loaded.compute(**texts))


@cache
def _loaded(metric: str, config: str | None) -> Any:
    """Load a metric of Hugging Face evaluate, once: its module keeps the network between calls."""

    def load() -> object:
        # Named "metric" because a Space of another kind may have the same name on the Hub.
        options = {"config_name": config, "module_type": "metric"} if config else {}
        return importlib.import_module("evaluate").load(metric, **options)

    return _guarded(metric, load)


@cache
def _radgraph(reward_level: str) -> Any:
    return _guarded("radgraph", lambda: importlib.import_module("radgraph").F1RadGraph(reward_level=reward_level))


def _guarded(metric: str, call: Callable[[], Any]) -> Any:
    """Make a call; where it fails, return why: the answers are paid for, and other metrics do not need the call."""
    package, install = _INSTALL[metric]
    try:
        with unlimited():
            return call()
    except ImportError as error:
        lacking = (error.name or "").partition(".")[0]
        names = package if lacking in ("", package, package.replace("-", "_")) else f"{package} and {lacking}"
        return NotComputed(f"needs {names}: {install}")
    except Exception as error:
        return NotComputed(f"{package} failed: {type(error).__name__}: {shorten(str(error), 200)}")


def _mean(values: Sequence[float]) -> float:
    return float(sum(values) / len(values))
