from __future__ import annotations

import importlib

import pytest

from lm_eval.compatibility import elsewhere

PLACES = [
    (module, name)
    for module, lines in elsewhere._HOMES.items()
    for line in lines
    for name in line.partition(": ")[2].split()
]


@pytest.mark.parametrize(("module", "name"), PLACES)
def test_a_name_is_found_where_the_reference_has_it(module: str, name: str) -> None:
    assert getattr(importlib.import_module(module), name) is not None


def test_names_come_from_the_module_that_defines_them() -> None:
    from lm_eval import evaluator
    from lm_eval.api import metrics, task
    from lm_eval.reports.table import make_table

    assert task.mean is metrics.mean  # type: ignore[attr-defined]
    assert evaluator.make_table is make_table  # type: ignore[attr-defined]


@pytest.mark.parametrize("module", sorted({module for module, _ in PLACES}))
def test_another_name_is_an_attribute_error(module: str) -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        importlib.import_module(module).no_such_name  # noqa: B018
