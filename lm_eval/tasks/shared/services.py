"""Services on the web that score a response, such as a judge: one request, again where the service is busy."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

__all__ = ["ask"]

_SECONDS = 60
_TRIES = 5
_LATER = {408, 429, 500, 502, 503, 504}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the key would go to the other address, too."""

    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def ask(url: str, payload: Mapping[str, object], headers: Mapping[str, str]) -> Any:
    """Send JSON to a service and return its answer.

    Args:
        url: Where; without a key, since errors may show it.
        payload: The request.
        headers: The key, in the header that the service wants.

    Returns:
        The parsed answer.

    Raises:
        urllib.error.HTTPError: The service refuses the request, or is still busy after five tries.
        urllib.error.URLError: The service cannot be reached.
    """
    everything = {"Content-Type": "application/json", **headers}
    request = urllib.request.Request(url, json.dumps(payload).encode(), everything)
    for tried in range(1, _TRIES + 1):
        try:
            with _OPENER.open(request, timeout=_SECONDS) as reply:
                return json.load(reply)
        except urllib.error.HTTPError as error:
            if error.code not in _LATER or tried == _TRIES:
                raise
        time.sleep(2 ** (tried - 1))
    raise AssertionError("the last try returns or raises")
