"""Takes secrets out of what is shown or saved of a run's arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["MASK", "redact"]

MASK = "***"

_SECRET_NAME = re.compile(
    r"(?:^|[_-])(?:key|keys|apikey|token|secret|password|passwd|credentials?|authorization|cookie)$"
    r"|^auth(?:_|$)|api_?key|auth_token|^bearer$",
    re.IGNORECASE,
)
_HARMLESS_NAMES = {"eos_token", "bos_token", "pad_token", "unk_token", "prefix_token", "think_end_token", "eot_token"}
_HEADERS = {"header", "headers", "extra_headers"}
_HARMLESS_HEADERS = {"accept", "content-type", "user-agent"}
_USER_IN_URL = re.compile(r"(?<=://)[^/?#\s;,]+@")
_SECRET_IN_QUERY = re.compile(r"([?&][^=&#\s]*(?:key|token|secret|sig|signature|password)=)[^&#\s;,]+", re.IGNORECASE)
_LOOKS_SECRET = re.compile(
    r"(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{4,}|\b(?:sk|hf|gsk|xai|nvapi)[-_][A-Za-z0-9_-]{6,}"
)


def redact(value: Any, name: str = "") -> Any:
    """Mask secrets: values of keys such as ``api_key`` or ``auth_token``, header values, credentials in URLs.

    Args:
        value: An argument, or a mapping or list of them; it is not changed.
        name: The argument's name.

    Returns:
        A copy with ``***`` for each secret.
    """
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if name.lower() in _HEADERS and isinstance(value, Mapping):
        return {key: entry if str(key).lower() in _HARMLESS_HEADERS else MASK for key, entry in value.items()}
    if _names_secret(name) or name.lower() in _HEADERS:
        return MASK
    if isinstance(value, Mapping):
        return {key: redact(entry, str(key)) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(redact(entry) for entry in value) if type(value) in (list, tuple) else value
    return _redact_text(value) if isinstance(value, str) else value


def _names_secret(name: str) -> bool:
    return name.lower() not in _HARMLESS_NAMES and _SECRET_NAME.search(name) is not None


def _redact_text(text: str) -> str:
    text = _USER_IN_URL.sub(f"{MASK}@", text)
    text = _SECRET_IN_QUERY.sub(rf"\g<1>{MASK}", text)
    return _LOOKS_SECRET.sub(MASK, text)
