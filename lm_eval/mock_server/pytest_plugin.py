"""A pytest plugin: the fixture ``mock_server`` starts OpenAI-compatible servers and stops them after the test.

For example:

    def test_my_client(mock_server):
        server = mock_server(profile="vllm", faults=["429:0.2"])
        assert ask(server.base_url) == ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from lm_eval.mock_server.server import MockServer

__all__ = ["mock_server", "mock_server_url"]


@pytest.fixture
def mock_server() -> Iterator[Callable[..., MockServer]]:
    """Return a function that starts a ``MockServer`` with the same arguments as the class."""
    from lm_eval.mock_server.server import MockServer

    started: list[MockServer] = []

    def start(*arguments: Any, **options: Any) -> MockServer:
        server = MockServer(*arguments, **options).start()
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def mock_server_url() -> Iterator[str]:
    """Return the base URL of one default server, shared by all tests of the session."""
    from lm_eval.mock_server.server import MockServer

    with MockServer() as server:
        yield server.base_url
