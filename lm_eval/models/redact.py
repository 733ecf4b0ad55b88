"""Keeps secrets out of every text that leaves the engine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit, urlunsplit

__all__ = ["Redactor", "shown_url"]

_LOOKS_SECRET = re.compile(
    r"(?i)\b(?:bearer|basic)\s+[A-Za-z0-9._~+/=-]{4,}|\b(?:sk|hf|gsk|xai|nvapi)[-_][A-Za-z0-9*_-]{6,}"
)
_HARMLESS_HEADERS = {"accept", "content-type", "user-agent", "accept-encoding", "connection"}
_MASK = "***"


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
            text = text.replace(secret, _MASK)
        return _LOOKS_SECRET.sub(_MASK, text)
