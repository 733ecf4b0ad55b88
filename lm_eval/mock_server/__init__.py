"""An OpenAI-compatible server for demos, smoke tests and the tests of this package.

The server has a real, small language model, so its log-probabilities are exact. It imitates the behaviour of other
servers (profiles) and their failures (faults). Read ``server.py`` first; ``app.py`` shows the path of a request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lm_eval.mock_server.faults import Fault
    from lm_eval.mock_server.profiles import PROFILES, Profile
    from lm_eval.mock_server.server import MockServer

__all__ = ["PROFILES", "Fault", "MockServer", "Profile"]

_MODULES = {"PROFILES": "profiles", "Profile": "profiles", "Fault": "faults", "MockServer": "server"}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
