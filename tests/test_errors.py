from __future__ import annotations

import pytest

from lm_eval import errors


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        (errors.ConfigError, ValueError),
        (errors.SeveralErrors, ValueError),
        (errors.ConfigFileError, ValueError),
        (errors.UnknownNameError, KeyError),
        (errors.UnknownNameError, ValueError),
        (errors.TaskFileError, ValueError),
        (errors.MissingPackageError, ImportError),
    ],
)
def test_a_mistake_is_caught_as_the_kind_that_python_has_for_it(
    kind: type[errors.UserError], base: type[Exception]
) -> None:
    assert issubclass(kind, base) and issubclass(kind, errors.UserError)
