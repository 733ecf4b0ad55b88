"""Keeps secrets out of whatever is shown, logged or saved: known ones, and what looks like one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

__all__ = ["MASK", "Redactor", "redact", "shown_url"]

MASK = "***"

_SECRET_NAME = re.compile(
    r"(?:^|[_-])(?:key|keys|apikey|token|secret|password|passwd|credentials?|authorization|cookie)$"
    r"|^auth(?:_|$)|api_?key|auth_token|^bearer$",
    re.IGNORECASE,
)
_HARMLESS_NAMES = {"eos_token", "bos_token", "pad_token", "unk_token", "prefix_token", "think_end_token", "eot_token"}
_HEADERS = {"header", "headers", "extra_headers"}
_HARMLESS_HEADERS = {"accept", "content-type", "user-agent", "accept-encoding", "connection"}
_USER_IN_URL = re.compile(r"(?<=://)[^/?#\s;,]+@")
_SECRET_IN_QUERY = re.compile(r"([?&][^=&#\s]*(?:key|token|secret|sig|signature|password)=)[^&#\s;,]+", re.IGNORECASE)
_LOOKS_SECRET = re.compile(
    r"(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{4,}|\b(?:sk|hf|gsk|xai|nvapi)[-_][A-Za-z0-9*_-]{6,}"
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


def shown_url(url: str) -> str:
    """Strip what may be secret from a URL.

    Args:
        url: Any URL.

    Returns:
        Scheme, host, port and path; no user, password, query or fragment.
    """
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class Redactor:
    """Replaces known secrets, and what looks like one, by ``***``."""

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        """Start with some secrets.

        Args:
            secrets: Texts to hide; empty ones and those under four characters are passed over.
        """
        self._secrets: set[str] = set()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str | None) -> None:
        """Hide one more text.

        Args:
            secret: The text.
        """
        if secret and len(secret) >= 4:
            self._secrets.add(secret)

    def add_headers(self, headers: Mapping[str, str]) -> None:
        """Hide the values of headers, also the part after a scheme such as ``Bearer``.

        Args:
            headers: The headers that are sent.
        """
        for name, value in headers.items():
            if name.lower() not in _HARMLESS_HEADERS:
                self.add(str(value))
                self.add(str(value).partition(" ")[2])

    def add_url(self, url: str) -> None:
        """Hide the user, the password and the query values of a URL.

        Args:
            url: The URL as configured.
        """
        parts = urlsplit(url)
        userinfo = parts.netloc.rpartition("@")[0]
        for part in (userinfo, *userinfo.split(":")):
            self.add(part)
        for pair in parts.query.split("&"):
            name, _, value = pair.partition("=")
            if "version" not in name.lower():
                self.add(value)

    def __call__(self, text: str) -> str:
        """Hide every secret in a text.

        Args:
            text: Any text.

        Returns:
            The text with ``***`` for each secret.
        """
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return _LOOKS_SECRET.sub(MASK, text)
