from __future__ import annotations

from lm_eval.mock_server.pytest_plugin import mock_server, mock_server_url

__all__ = ["mock_server", "mock_server_url"]
