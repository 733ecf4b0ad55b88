"""The seam of neural metrics, with and without their packages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from lm_eval.tasks.shared import neural
from lm_eval.tasks.shared.neural import NotComputed


@pytest.fixture(autouse=True)
def nothing_is_loaded() -> Iterator[None]:
    yield
    neural._loaded.cache_clear()
    neural._radgraph.cache_clear()


def _module(monkeypatch: pytest.MonkeyPatch, name: str, **content: object) -> None:
    made = ModuleType(name)
    made.__dict__.update(content)
    monkeypatch.setitem(sys.modules, name, made)


class _Metric:
    """A metric of evaluate that counts how often it is loaded, and computes from the lengths of texts."""

    loads: list[tuple[object, ...]]

    def __init__(self, *arguments: object) -> None:
        self.loads.append(arguments)

    def compute(self, predictions: list[str], references: list[str], **options: Any) -> dict[str, list[float]]:
        if "boom" in predictions:
            raise RuntimeError("out of memory")
        found = [len(p) / len(r) for p, r in zip(predictions, references, strict=True)]
        return {"f1": found, "precision": found, "recall": found, "scores": found}


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    _Metric.loads = []
    _module(monkeypatch, "evaluate", load=lambda name, **options: _Metric(name, *options.values()))
    return _Metric.loads


def test_scores_are_means_and_a_network_is_loaded_once(loads: list[tuple[object, ...]]) -> None:
    assert neural.bertscore_f1(["ab", "c"], ["abcd", "cd"], lang="en") == 0.5
    assert neural.bertscore_f1(["abc"], ["abcd"], lang="en") == 0.75
    assert neural.bleurt(["a"], ["abcd"]) == 0.25
    assert loads == [("bertscore",), ("bleurt", "bleurt-base-512", "metric")]


def test_a_failure_is_no_number(loads: list[tuple[object, ...]]) -> None:
    assert neural.bleurt(["boom"], ["x"]) == NotComputed("bleurt failed: RuntimeError: out of memory")
    assert neural.bleurt(["x"], ["x"]) == 1.0


def test_a_missing_package_is_named_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evaluate", None)
    monkeypatch.setitem(sys.modules, "radgraph", None)
    extra = "pip install 'lm-eval-api[neural]'"
    assert neural.bertscore_f1(["a"], ["a"]) == NotComputed(f"needs bert-score and evaluate: {extra}")
    assert neural.comet(["a"], ["a"], ["a"]) == NotComputed(f"needs unbabel-comet and evaluate: {extra}")
    assert neural.radgraph_f1(["a"], ["a"]) == NotComputed(f"needs radgraph: {extra}")


def test_a_metric_that_lacks_its_own_package_names_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str, **options: object) -> None:
        # As evaluate words it: an ImportError without a name.
        raise ImportError("To be able to use evaluate-metric/bleurt, you need to install the following dependencies")

    _module(monkeypatch, "evaluate", load=load)
    found = neural.bleurt(["a"], ["a"])
    assert isinstance(found, NotComputed)
    assert found.reason.startswith("needs bleurt: pip install evaluate git+https")


def test_radgraph_gives_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    class F1RadGraph:
        def __init__(self, reward_level: str) -> None:
            assert reward_level == "partial"

        def __call__(self, hyps: list[str], refs: list[str]) -> tuple[float, list[float], None, None]:
            return 0.5, [0.5], None, None

    _module(monkeypatch, "radgraph", F1RadGraph=F1RadGraph)
    assert neural.radgraph_f1(["a"], ["b"]) == 0.5
