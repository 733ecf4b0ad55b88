from __future__ import annotations

from typing import Any

import pytest

from lm_eval import building
from lm_eval.api.instance import Instance
from lm_eval.building import TaskRequests


@pytest.mark.parametrize(("docs", "expected"), [(10, 10), (11, 4), (1000, 4)])
def test_only_a_task_with_too_many_documents_begins_with_fewer(
    docs: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "FIRST_OF_MANY", 4)
    instances = iter([Instance("generate_until", {}, ("", {}), 0)] for _ in range(docs))
    task: Any = None
    item = TaskRequests("task", task, rest=instances)
    item.build_first(10, lambda: docs)
    assert len(item.built) == expected
