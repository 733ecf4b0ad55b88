"""The browser of the tests of reports and viewer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.reports.html.chromium import Browser, find_chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium for all tests of a process; a start takes seconds."""
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no Chromium found (LM_EVAL_CHROMIUM names one)")
    with Browser(chromium) as running:
        yield running
