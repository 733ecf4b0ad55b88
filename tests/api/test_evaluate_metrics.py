from __future__ import annotations

import sys
from typing import Any

import pytest

from lm_eval.api import registry
from lm_eval.errors import MissingPackageError, UnknownNameError


@pytest.mark.parametrize(
    ("name", "options", "value"),
    [
        ("accuracy", {}, 0.75),
        ("f1", {"average": "micro"}, 0.75),
        ("f1", {"average": "macro"}, (0.8 + 2 / 3) / 2),
        ("f1", {}, 2 / 3),
        ("f1", {"average": "binary", "pos_label": 0}, 0.8),
    ],
)
def test_metrics_of_evaluate_need_no_hub(name: str, options: dict[str, Any], value: float) -> None:
    pytest.importorskip("sklearn")
    metric = registry.get_metric(name, hf_evaluate_metric=True)
    assert metric(references=[0, 0, 1, 1], predictions=[0, 0, 1, 0], **options) == {name: pytest.approx(value)}


def test_metrics_of_evaluate_without_either_package_name_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evaluate", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="pip install evaluate"):
        registry.get_metric("f1", hf_evaluate_metric=True)


def test_name_that_evaluate_does_not_know_is_not_suggested_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Module:
        def load(self, name: str) -> None:
            raise FileNotFoundError("no such module")

    monkeypatch.setitem(sys.modules, "evaluate", Module())
    with pytest.raises(UnknownNameError, match=r"Unknown metric of Hugging Face 'evaluate' 'ter'\. It says: no such"):
        registry.get_metric("ter", hf_evaluate_metric=True)
