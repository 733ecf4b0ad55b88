"""Replace the clients by fakes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from lm_eval.loggers import hanging

Use = Callable[..., None]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Replace modules by others, by name."""

    def put(**modules: Any) -> None:
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, name, module)

    return put


@pytest.fixture(autouse=True)
def nothing_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the hanging service of a test after the test."""
    monkeypatch.setattr(hanging, "_hanging", [])
