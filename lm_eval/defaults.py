"""Default values, under the names of the reference harness."""

from __future__ import annotations

import os
from typing import Any

__all__ = [
    "DEFAULT_MAX_GEN_TOKS",
    "DEFAULT_MAX_LENGTH",
    "DEFAULT_OTHER_SEED",
    "DEFAULT_RANDOM_SEED",
    "LOGGING_LEVEL",
    "default_gen_kwargs",
]

DEFAULT_MAX_LENGTH = 2048
"""What the reference harness assumes of a model; here the server is asked."""
DEFAULT_MAX_GEN_TOKS = 256
DEFAULT_RANDOM_SEED = 0
DEFAULT_OTHER_SEED = 1234
LOGGING_LEVEL = os.environ.get("LMEVAL_LOG_LEVEL", "INFO")


def default_gen_kwargs(until: str | list[str] | None, max_gen_toks: int = DEFAULT_MAX_GEN_TOKS) -> dict[str, Any]:
    """Return the generation settings of a task that names none.

    Args:
        until: Its stop sequences.
        max_gen_toks: The maximum number of tokens.
    """
    stops = [until] if isinstance(until, str) else until or []
    return {"temperature": 0.0, "do_sample": False, "max_gen_toks": max_gen_toks, "until": stops}
