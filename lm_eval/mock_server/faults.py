"""Decide which request fails and how: by seeded chance, by a script, or by a function.

A rule reads ``KIND[=VALUE]:RATE``, such as ``429:0.1`` or ``slow=2:0.01``. Whether a rule applies depends on the body
of the request and on the number of earlier requests with this body, not on the order of arrival. So a run is repeatable
at any concurrency, and each retry is a new draw. With ``-sticky`` after the kind, all requests with the same body get
the same result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lm_eval.errors import ConfigError, did_you_mean
from lm_eval.mock_server.stats import RequestRecord

__all__ = ["KINDS", "Fault", "FaultPlan", "FaultSource", "parse_fault"]

KINDS = {
    "400": "400 with an error body",
    "400-temperature": "400 that says that temperature and top_p exclude each other",
    "400-system-role": "400 that says that the chat template takes no system message",
    "400-terminal": "400, and a message that controls a terminal and forges lines",
    "401": "401 with an error body",
    "403": "403 with an error body",
    "404": "404 with an error body",
    "408": "408 with an error body",
    "409": "409 with an error body",
    "422": "422 with an error body",
    "429": "429 without Retry-After",
    "429-retry-after": "429 with Retry-After: VALUE seconds (default 1)",
    "429-retry-after-ms": "429 with retry-after-ms: VALUE (default 200)",
    "429-retry-after-date": "429 with Retry-After as a date VALUE seconds from now (default 1)",
    "500": "500 with an error body",
    "500-parameter": "500 that says that the seed is no supported parameter",
    "502": "502 with an HTML body, as from a proxy",
    "503": "503 with an error body",
    "503-retry-after": "503 with Retry-After: VALUE seconds (default 1)",
    "504": "504 with an HTML body, as from a proxy",
    "reset": "the connection is reset in the middle of the answer",
    "close": "the connection is closed before any answer",
    "truncated": "200, and JSON or a stream that ends in the middle",
    "stream-error": "200, and an error object in the middle of a streamed answer, or instead of a whole one",
    "html": "200, and an HTML page instead of JSON",
    "hang": "no answer until the client gives up",
    "slow": "the answer comes VALUE seconds later (default 2)",
    "drip": "the answer comes in small pieces over VALUE seconds (default 1)",
    "null-content": "200, and null instead of the answer's text",
    "null-logprobs": "200, and null instead of the log-probabilities",
    "nan-logprobs": "200, and NaN among the log-probabilities",
    "positive-logprobs": "200, and a log-probability above 0",
    "duplicate-choice": "200, and the first choice twice",
    "missing-choice": "200, and the last choice left out",
    "wrong-index": "200, and indexes that start at 1000",
    "reversed-choices": "200, and the choices in reverse order with correct indexes",
    "empty": "200, and an empty text",
    "length-cut": "200, and half the text, with finish_reason length",
    "content-filter": "200, and no text, with finish_reason content_filter",
    "refusal": "200, and a refusal instead of the message",
    "error-body": "200, and an error object instead of the answer",
    "error-and-choices": "200, and an error object next to the choices",
    "choice-error": "200, and an error object in each choice",
    "finish-error": "200, and half the text, with finish_reason error",
    "finish-abort": "200, and half the text, with finish_reason abort",
    "native-error": "200, and half the text, with native_finish_reason network_error",
    "unknown-finish": "200, and a finish_reason that no other server has",
    "list-content": "200, and a list of texts instead of the text",
    "object-content": "200, and an object instead of the text",
    "no-choices": "200, an empty list of choices, and no generated token",
    "null-choices": "200, null instead of the choices, and no generated token",
    "null-index": "200, and null instead of the indexes",
    "from-one": "200, and indexes that start at 1",
}
"""Kind of fault → what it does."""

_DEFAULT_VALUES = {
    "429-retry-after": 1.0,
    "429-retry-after-ms": 200.0,
    "429-retry-after-date": 1.0,
    "503-retry-after": 1.0,
    "slow": 2.0,
    "drip": 1.0,
}
_STICKY = "-sticky"


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        kind: One of ``KINDS``.
        value: Seconds or milliseconds, for the kinds that have a value.
        rate: The fraction of requests that get the fault; None in a script, where the position decides.
        sticky: All requests with the same body get the same result.
    """

    kind: str
    value: float = 0.0
    rate: float | None = None
    sticky: bool = False


FaultSource = Sequence["str | Fault | None"] | Callable[[RequestRecord], "str | Fault | None"]
"""Rules (texts with a rate) and a script (texts without a rate, and None for a good answer), or a function."""


def parse_fault(text: str) -> Fault:
    """Read ``KIND[-sticky][=VALUE][:RATE]``.

    Args:
        text: For example ``"429:0.1"``, ``"slow=0.5:0.02"``, ``"reset"``.

    Returns:
        The fault.

    Raises:
        ConfigError: The kind is unknown, or a number is malformed.
    """
    head, colon, rate_text = text.partition(":")
    name, equals, value_text = head.partition("=")
    sticky = name.endswith(_STICKY)
    kind = name.removesuffix(_STICKY)
    if kind not in KINDS:
        hint = did_you_mean(kind, KINDS) or f" There are: {', '.join(KINDS)}."
        raise ConfigError(f"Unknown fault {kind!r} in {text!r}.{hint}")
    try:
        rate = float(rate_text) if colon else None
        value = float(value_text) if equals else _DEFAULT_VALUES.get(kind, 0.0)
    except ValueError:
        raise ConfigError(f"Fault {text!r} does not read as KIND[=VALUE]:RATE with numbers.") from None
    if rate is not None and not 0 <= rate <= 1:
        raise ConfigError(f"The rate of fault {text!r} is not between 0 and 1.")
    return Fault(kind, value, rate, sticky)


class FaultPlan:
    """Decides for each request whether it gets a fault."""

    def __init__(self, faults: FaultSource = (), seed: int = 0) -> None:
        """Read the rules.

        Args:
            faults: See ``FaultSource``.
            seed: Another seed selects other requests.

        Raises:
            ConfigError: A fault is malformed.
        """
        self._seed = seed
        self._rules: list[Fault] = []
        self._script: list[Fault | None] = []
        self._choose: Callable[[RequestRecord], str | Fault | None] | None = None
        if callable(faults):
            self._choose = faults
            return
        for item in faults:
            fault = parse_fault(item) if isinstance(item, str) else item
            if fault is not None and fault.rate is not None:
                self._rules.append(fault)
            else:
                self._script.append(fault)

    def pick(self, record: RequestRecord) -> Fault | None:
        """Decide the fault of a request.

        Args:
            record: The request.

        Returns:
            The fault, or None for a good answer.
        """
        if self._choose is not None:
            chosen = self._choose(record)
            return parse_fault(chosen) if isinstance(chosen, str) else chosen
        if record.number < len(self._script) and self._script[record.number] is not None:
            return self._script[record.number]
        for number, rule in enumerate(self._rules):
            attempt = "" if rule.sticky else record.attempt
            if _chance(f"{self._seed}/{number}/{rule.kind}/{record.body_hash}/{attempt}") < (rule.rate or 0.0):
                return rule
        return None


def _chance(key: str) -> float:
    """Hash a key to a number that is uniformly distributed over [0, 1)."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:7], "big") / (1 << 56)
