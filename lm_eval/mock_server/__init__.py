"""An OpenAI-compatible server for demos, smoke tests and this package's own tests.

Behind it is a real, small language model, so its log-probabilities are true ones. It plays the habits of other servers
(profiles) and their failures (faults). Start with ``server.py``; ``app.py`` shows the way of a request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lm_eval.mock_server.faults import Fault
    from lm_eval.mock_server.profiles import PROFILES, Profile
    from lm_eval.mock_server.server import MockServer

__all__ = ["PROFILES", "Fault", "MockServer", "Profile"]

_HOMES = {"PROFILES": "profiles", "Profile": "profiles", "Fault": "faults", "MockServer": "server"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
