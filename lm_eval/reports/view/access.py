"""Who may read the viewer: whoever knows its token, and pages that its own server sent."""

from __future__ import annotations

import hmac
import logging
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

__all__ = ["guarded", "kept_token"]

eval_logger = logging.getLogger("lm_eval")

_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_MIN_TOKEN = 20


def guarded(token: str) -> Middleware:
    """Make the middleware that lets a request through or refuses it, and adds the headers that protect the page.

    It refuses who does not know the token, and pages of other hosts whose name leads here (DNS rebinding).

    Args:
        token: The first part of every address.

    Returns:
        The middleware.
    """

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.path.removeprefix("/").partition("/")[0]
        response: web.StreamResponse
        if _host_of(request) not in _HOSTS:
            response = web.Response(status=403, text="This server answers on 127.0.0.1 and localhost alone.\n")
        elif not hmac.compare_digest(given.encode("utf-8", "replace"), token.encode()):
            response = web.Response(status=403, text="Open the address that lm_eval view printed.\n")
        else:
            try:
                response = await handler(request)
            except web.HTTPException as error:
                response = web.Response(status=error.status, text=f"{error.status} {error.reason}\n")
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers.popall("Server", None)
        return response

    return guard


def _host_of(request: web.Request) -> str:
    try:
        return urlsplit(f"//{request.headers.get('Host', '')}").hostname or ""
    except ValueError:
        return ""


def kept_token(store: Path) -> str:
    """Return the token of a folder, which stays the same so that links last; make one the first time.

    Args:
        store: The file of the index; the token is next to it, for the user alone.

    Returns:
        The token; a new one when it cannot be kept.
    """
    file = store.with_suffix(".token")
    try:
        kept = file.read_text(encoding="ascii").strip()
        if len(kept) >= _MIN_TOKEN and kept.replace("-", "").replace("_", "").isalnum():
            return kept
    except (OSError, ValueError):
        pass
    token = secrets.token_urlsafe(18)
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.unlink(missing_ok=True)
        file.touch(mode=0o600)
        file.write_text(token, encoding="ascii")
    except OSError:
        eval_logger.debug("The token cannot be kept in %s.", file)
    return token
