"""Keep secrets out of everything that is shown, logged or saved.

A secret is found in three ways: by the name it goes under (``redact``), by what it looks like (``redact`` and
``Redactor``), and because a run was given it or uses it (``remember`` and ``Redactor``). What ``remember`` got is
masked at every exit of the process: log lines, errors of the command line, files, loggers, and ``sys.argv``.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import overload
from urllib.parse import quote, unquote, urlsplit

from lm_eval.text import mask_with, split_pairs

__all__ = ["MASK", "Redactor", "forget", "hide_in_argv", "redact", "redact_words", "remember", "shown_url"]

MASK = "***"

_SECRET_NAME = re.compile(
    r"(?:^|[_-])(?:key|keys|apikey|token|secret|password|passwd|credentials?|authorization|cookie)$"
    r"|^auth(?:_|$)|api_?key|auth_token|^bearer$",
    re.IGNORECASE,
)
_HARMLESS_NAMES = {
    *("eos_token", "bos_token", "pad_token", "unk_token", "prefix_token", "think_end_token", "eot_token"),
    *("first_token", "client_key"),  # The second is the path of a file.
}
_HEADERS = {"header", "headers", "extra_headers"}
# Values under the name of a key or of a header that say where the secret is.
_REFERENCES = ("env:", "file:")
_REFERENCE = re.compile(r"\b(?:env|file):[^\s\"',;{}]+")
# A shorter text may be a word of a message.
_MIN_REMEMBERED = 6
_HARMLESS_HEADERS = {"accept", "content-type", "user-agent", "accept-encoding", "connection"}
# A secret with its name, such as "X-Api-Key": "abc". The first group stays.
_NAMED = re.compile(
    r"([\"']?\b(?:[\w-]*api[_-]?key|auth[_-]?token|[\w-]*authorization|x-[\w-]*(?:key|token|auth)|(?:set-)?cookie"
    r"|(?:client|access)[_-](?:secret|token)|password|passwd)[\"']?\s*[:=]\s*[\"']?(?:(?:bearer|basic|token)\s+)?)"
    r"((?!env:|file:|\*\*\*)[^\s\"',;&}]{4,})",
    re.IGNORECASE,
)
# A user in a URL, a secret in its query, a header's value or a key of a known provider. The first group stays.
_PATTERNS = [
    re.compile(r"(://)(?:[^\s;,\"'<>]|[;,](?!\w+://))+(?=@)"),
    re.compile(r"([?&][^=&#\s]*(?:key|token|secret|sig|signature|password)=)[^&#\s;,]+", re.IGNORECASE),
    re.compile(
        r"()(?:(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{4,}|\b(?:sk|hf|gsk|xai|nvapi)[-_][A-Za-z0-9*_-]{6,})"
    ),
    _NAMED,
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
    if isinstance(value, str) and value.startswith(_REFERENCES) and _names_secret(name):
        return value
    if name.lower() in _HEADERS and isinstance(value, Mapping):
        return {
            key: entry if str(key).lower() in _HARMLESS_HEADERS or str(entry).startswith(_REFERENCES) else MASK
            for key, entry in value.items()
        }
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
    """Mask the parts of a text that were remembered, or look like a secret."""
    text = _remembered.without_secrets(text)
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\g<1>{MASK}", text)
    return text


def remember(value: object, name: str = "") -> None:
    """Mask the secrets in an argument from now on, wherever text leaves this process.

    Args:
        value: An argument, or a mapping or list of arguments.
        name: The argument's name.
    """
    if isinstance(value, Mapping):
        if name.lower() in _HEADERS:
            given = {str(key): str(entry) for key, entry in value.items()}
            _remembered.add_headers({key: entry for key, entry in given.items() if not entry.startswith(_REFERENCES)})
            return
        for key, entry in value.items():
            remember(entry, str(key))
    elif isinstance(value, (list, tuple)):
        for entry in value:
            remember(entry, name)
    elif isinstance(value, str) and not (_names_secret(name) and value.startswith(_REFERENCES)):
        if _names_secret(name) or name.lower() in _HEADERS:
            _remembered.add(value)
            for part in re.split(r"[\s\"',;:{}]+", _REFERENCE.sub("", value)) if name.lower() in _HEADERS else ():
                if part.lower() not in _HARMLESS_HEADERS and part.lower() not in ("bearer", "basic", "authorization"):
                    _remembered.add(part)
        for url in re.findall(r"\w+://(?:[^\s\"'<>;]|;(?!\w+://))+", value):
            _remembered.add_url(url)


def forget() -> None:
    """Forget what ``remember`` got."""
    _remembered.clear()


def redact_words(words: Sequence[str]) -> list[str]:
    """Mask the secrets in a command line, and remember them; the words need not be right.

    Args:
        words: The words, such as those of ``sys.argv``.

    Returns:
        The words with ``***`` for each secret.
    """
    shown = []
    option = ""
    for word in words:
        for found in _NAMED.finditer(word):
            _remembered.add(found.group(2))
        start, equals, rest = word.partition("=") if word.startswith("-") else ("", "", word)
        named = start.lstrip("-") if equals else option
        value = rest if equals or not start else ""
        shown.append(f"{start}{equals}{_redact_value(value, named)}")
        option = word.lstrip("-").replace("-", "_") if word.startswith("-") and not equals else option
    return shown


def _redact_value(text: str, option: str) -> str:
    """Mask the secrets in a word: a value, JSON, or ``name=value`` pairs."""
    if _names_secret(option) or option in _HEADERS:
        remember(text, option)
        return MASK if text else text
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(text)
        if isinstance(found, dict):
            remember(found)
            return json.dumps(redact(found), ensure_ascii=False)
    parts = []
    for part in split_pairs(text):
        name, equals, value = part.partition("=")
        if equals and name.strip().lower() in _HEADERS:
            # A header that is not JSON may have commas: all that follows may belong to it.
            rest = text[text.index(part) :].partition("=")[2]
            with contextlib.suppress(ValueError, RecursionError):
                remember(json.loads(value), name.strip())
                rest = value
            remember(rest, name.strip())
            parts.append(f"{name}={MASK}")
            if rest != value:
                break
        else:
            remember(value, name.strip())
            parts.append(f"{name}{equals}{redact(value, name.strip())}" if equals else str(redact(part)))
    return ",".join(parts) if "=" in text else str(redact(text))


def hide_in_argv() -> None:
    """Mask the secrets in ``sys.argv``, which clients of services record and send.

    The arguments of a process that the system shows (``ps``) stay as they are.
    """
    shown = [*sys.argv[:1], *redact_words(sys.argv[1:])]
    if shown != sys.argv:
        sys.argv[:] = shown


def shown_url(url: str) -> str:
    """Return a URL without the parts that may hold a secret.

    Args:
        url: The URL. It need not be right: a password may have signs that should be percent-encoded.

    Returns:
        Scheme, host, port and path; no user, password, query or fragment.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    user, at, host = rest.rpartition("@")
    # In a path, a name may start with @.
    if at and user.endswith("/") and "@" not in user and re.fullmatch(r"[^/:]+(?::\d+)?/[^#?]*", user):
        host = rest
    host = re.split(r"[?#]", host, maxsplit=1)[0]
    return f"{scheme}{separator}{host}"


class Redactor:
    """Masks the secrets a run uses, and text that looks like a secret."""

    def __init__(self, secrets: Iterable[str | None] = (), *, shortest: int = 4) -> None:
        """Start with some secrets.

        Args:
            secrets: Texts to mask. None and texts that are too short are skipped.
            shortest: Minimum number of characters of a secret. Default 4.
        """
        self._secrets: set[str] = set()
        self._shortest = shortest
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str | None) -> None:
        """Mask one more text.

        Args:
            secret: The text, percent-encoded or not; None or a text that is too short is skipped.
        """
        if secret and len(secret) >= self._shortest:
            forms = (secret, unquote(secret), quote(secret, safe="", errors="surrogatepass"), json.dumps(secret)[1:-1])
            self._secrets.update(form for form in forms if len(form) >= self._shortest)

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
        rest = url.partition("://")[2] or url
        userinfo = rest.rpartition("@")[0]
        user, _, password = userinfo.partition(":")
        for part in (userinfo, user, password, *re.split(r"[/?#@;,]", password)):
            self.add(part)
        if password:
            # As clients send it.
            self.add(base64.b64encode(unquote(userinfo).encode("utf-8", "surrogateescape")).decode())
        try:
            query = urlsplit(url).query
        except ValueError:
            query = url.partition("?")[2]
        for pair in query.split("&"):
            name, _, value = pair.partition("=")
            if "version" not in name.lower():
                self.add(value)

    def clear(self) -> None:
        """Forget all secrets."""
        self._secrets.clear()

    def without_secrets(self, text: str) -> str:
        """Mask the known secrets in a text, and nothing else.

        Args:
            text: The text.

        Returns:
            The text with ``***`` for each secret.
        """
        for secret in sorted(self._secrets, key=len, reverse=True):
            if secret in text:
                text = text.replace(secret, MASK)
        return text

    def __call__(self, text: str) -> str:
        """Mask every secret in a text.

        Args:
            text: The text.

        Returns:
            The text with ``***`` for each secret.
        """
        return _mask(self.without_secrets(text))


_remembered = Redactor(shortest=_MIN_REMEMBERED)
mask_with(_mask)
