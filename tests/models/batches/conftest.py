from __future__ import annotations

import pytest

from lm_eval.models.batches import courier


@pytest.fixture(autouse=True)
def _quick_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courier, "_FIRST_POLL", 0.005)
    monkeypatch.setattr(courier, "_MAX_POLL", 0.05)
