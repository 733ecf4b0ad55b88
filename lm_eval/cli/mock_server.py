"""Serve a small language model on an OpenAI-compatible API, with latency and faults on request."""

from __future__ import annotations

from lm_eval.mock_server.command import add_arguments, run

__all__ = ["add_arguments", "run"]
