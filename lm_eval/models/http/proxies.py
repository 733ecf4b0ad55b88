"""Finds the proxy that the environment sets for a URL."""

from __future__ import annotations

from urllib.parse import urlsplit

from lm_eval.errors import ConfigError

__all__ = ["proxy_for"]


def proxy_for(url: str) -> str | None:
    """Read ``HTTP_PROXY``, ``HTTPS_PROXY`` and ``NO_PROXY``, in either case, or the system's settings.

    Args:
        url: The URL of a request.

    Returns:
        The proxy's URL, with ``http://`` if it has no scheme; None for a direct connection.

    Raises:
        ConfigError: The variable is not the URL of an HTTP proxy.
    """
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    host = parts.hostname or ""
    # NO_PROXY may name a host, or a host with its port; `proxy_bypass` compares only the text it gets.
    if any(proxy_bypass(name) for name in (host, f"{host}:{parts.port}") if host):
        return None
    proxy = getproxies().get(parts.scheme, "").strip()
    if not proxy:
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    try:
        given = urlsplit(proxy)
        usable = given.scheme in ("http", "https") and bool(given.hostname) and given.port != 0
    except ValueError:
        usable = False
    if not usable:
        shown = proxy.rpartition("@")[2]
        raise ConfigError(
            f"{parts.scheme.upper()}_PROXY is {shown!r}; write it as http://HOST:PORT (no other kind of proxy can be "
            "used), or name this host in NO_PROXY."
        )
    return proxy
