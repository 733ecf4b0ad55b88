"""Keep secrets out of everything that is shown, logged or saved.

A secret is found in three ways: by the name it goes under (``redact``), by what it looks like (``redact`` and
``Redactor``), and because the run itself uses it (``Redactor``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import overload
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
# A user in a URL, a secret in its query, a header's value or a key of a known provider. The first group stays.
_PATTERNS = [
    re.compile(r"(://)[^/?#\s;,]+(?=@)"),
    re.compile(r"([?&][^=&#\s]*(?:key|token|secret|sig|signature|password)=)[^&#\s;,]+", re.IGNORECASE),
    re.compile(
        r"()(?:(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{4,}|\b(?:sk|hf|gsk|xai|nvapi)[-_][A-Za-z0-9*_-]{6,})"
    ),
]


@overload
def redact(value: Mapping[str, object]) -> dict[str, object]: ...
@overload
def redact(value: str, name: str = ...) -> str: ...
@overload
def redact(value: object, name: str = ...) -> object: ...
def redact(value: object, name: str = "") -> object:
    """Mask secrets: values of keys such as ``api_key`` or ``auth_token``, header values, credentials in text.

    Args:
        value: An argument, or a mapping or list of arguments; it is not changed.
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
        entries = [redact(entry) for entry in value]
        return entries if isinstance(value, list) else tuple(entries)
    return _mask(value) if isinstance(value, str) else value


def _names_secret(name: str) -> bool:
    return name.lower() not in _HARMLESS_NAMES and _SECRET_NAME.search(name) is not None


def _mask(text: str) -> str:
    """Mask the parts of a text that look like a secret."""
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<1>{MASK}", text)
    return text


def shown_url(url: str) -> str:
    """Return a URL without the parts that may hold a secret.

    Args:
        url: The URL.

    Returns:
        Scheme, host, port and path; no user, password, query or fragment.
    """
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class Redactor:
    """Masks the secrets a run uses, and text that looks like a secret."""

    def __init__(self, secrets: Iterable[str | None] = ()) -> None:
        """Start with some secrets.

        Args:
            secrets: Texts to mask. None and texts under four characters are skipped.
        """
        self._secrets: set[str] = set()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str | None) -> None:
        """Mask one more text.

        Args:
            secret: The text; None or a text under four characters is skipped.
        """
        if secret and len(secret) >= 4:
            self._secrets.add(secret)

    def add_headers(self, headers: Mapping[str, str]) -> None:
        """Mask the values of headers, and the part after a scheme such as ``Bearer``.

        Args:
            headers: The headers that are sent.
        """
        for name, value in headers.items():
            if name.lower() not in _HARMLESS_HEADERS:
                self.add(str(value))
                self.add(str(value).partition(" ")[2])

    def add_url(self, url: str) -> None:
        """Mask the user, the password and the query values of a URL.

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
        """Mask every secret in a text.

        Args:
            text: The text.

        Returns:
            The text with ``***`` for each secret.
        """
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return _mask(text)
