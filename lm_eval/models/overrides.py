"""Which methods a subclass of an API model overrides, and how its requests are therefore answered.

A method that is overridden is used, or the class is refused. It is never passed over.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from lm_eval.errors import ConfigError
from lm_eval.models.attributes import overridable

__all__ = ["REQUEST_METHODS", "SCORED", "Overrides", "accepted", "is_overridden"]

SCORED = ("loglikelihood", "loglikelihood_rolling")
REQUEST_METHODS = ("generate_until", "loglikelihood", "loglikelihood_rolling")
_OURS = {
    "lm_eval.api.model",
    "lm_eval.models.api_models",
    "lm_eval.models.openai_completions",
    "lm_eval.models.openai_responses",
}
_PLAIN = (
    *REQUEST_METHODS,
    "_loglikelihood_tokens",
    "model_call",
    "_create_payload",
    "create_message",
    "parse_generations",
    "parse_logprobs",
    "tok_encode",
    "apply_chat_template",
)
"""Methods that are called, and not awaited."""


def is_overridden(owner: object, name: str) -> bool:
    """Say whether a class, or a single object, has a method or property that is not that of this package's classes.

    Args:
        owner: The model.
        name: The name.

    Returns:
        True also for a function that was assigned to the object, or to one of this package's classes.
    """
    if name in getattr(owner, "__dict__", {}):
        return True
    found = inspect.getattr_static(type(owner), name, None)
    if found is None:
        return False
    if isinstance(found, staticmethod | classmethod):
        found = found.__func__
    elif isinstance(found, property):
        found = found.fget
    elif isinstance(found, cached_property):
        found = found.func
    elif not isinstance(overridable, type) or isinstance(found, overridable):
        found = getattr(found, "function", found)
    # `__module__` would be that of the original in a wrapper made with `functools.wraps`.
    return getattr(found, "__globals__", {}).get("__name__") not in _OURS


def accepted(function: Callable[..., object]) -> frozenset[str] | None:
    """Return the names of the parameters that a function takes.

    Args:
        function: A function or a bound method.

    Returns:
        The names; None when it takes any.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return frozenset(parameter.name for parameter in parameters)


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a model class does itself.

    Attributes:
        methods: Request type to the method of the class that answers it.
        call: ``model_call`` or ``amodel_call``, if the class sends its requests itself.
        refused: Request type to the reason why the class cannot answer it.
    """

    methods: Mapping[str, str] = field(default_factory=dict)
    call: str | None = None
    refused: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, owner: object, concurrent: int, no_scores: str | None = None) -> Overrides:
        """Look at a model.

        Args:
            owner: The model.
            concurrent: The number of requests in flight: where a class overrides both calls, ``model_call`` is for
                one, and ``amodel_call`` for more.
            no_scores: Why the pool gives no log-likelihoods, if there is a reason.

        Returns:
            What its class does itself.
        """
        own = {name for name in _ALL if is_overridden(owner, name)}
        methods = {name: name for name in REQUEST_METHODS if name in own}
        if "_loglikelihood_tokens" in own:
            methods.setdefault("loglikelihood", "_loglikelihood_tokens")
        if "get_batched_requests" in own:
            methods.setdefault("generate_until", "get_batched_requests")
        calls = [name for name in ("model_call", "amodel_call") if name in own]
        call = calls[-1 if concurrent > 1 else 0] if calls else None
        refused = _refused(type(owner).__name__, own, methods)
        if no_scores is not None:
            refused = {kind: no_scores for kind in SCORED if kind not in methods} | refused
        return cls(methods, call, refused)

    @staticmethod
    def check(owner: object, *, chat: bool) -> list[str]:
        """Refuse a class with methods that cannot be used.

        Args:
            owner: The model.
            chat: Whether its prompts are messages.

        Returns:
            What the user should know of methods that are used less than elsewhere, one line each.

        Raises:
            ConfigError: A method of the class would not be used.
        """
        kind = type(owner).__name__
        for name in _PLAIN:
            method = getattr(owner, name, None)
            if inspect.iscoroutinefunction(method) and is_overridden(owner, name):
                raise ConfigError(f"{kind}.{name} is a coroutine function; it is called as a plain method: drop async.")
        own = {name for name in _ALL if is_overridden(owner, name)}
        scores = {"loglikelihood", "_loglikelihood_tokens"} & own
        for name in ("batch_loglikelihood_requests", "_encode_pair"):
            if name in own and not scores:
                raise ConfigError(
                    f"{kind} overrides {name}, which would not be used: the server's own tokens show where a "
                    "continuation starts. Override loglikelihood, _loglikelihood_tokens or parse_logprobs."
                )
        if "tok_encode" in own and not chat and not scores and "parse_logprobs" not in own:
            return [
                f"{kind}.tok_encode is not used for scores: the server's own tokens show where a continuation starts."
            ]
        return []


_ALL = (
    *REQUEST_METHODS,
    "_loglikelihood_tokens",
    "_encode_pair",
    "batch_loglikelihood_requests",
    "get_batched_requests",
    "model_call",
    "amodel_call",
    "create_message",
    "parse_logprobs",
    "tok_encode",
)


def _refused(kind: str, own: set[str], methods: Mapping[str, str]) -> dict[str, str]:
    """Return the request types that would pass over a method of the class, with the reason."""
    refused: dict[str, str] = {}
    for request_type in SCORED:
        if request_type in methods:
            continue
        passed: str
        fix: str = request_type
        if request_type == "loglikelihood_rolling" and "_loglikelihood_tokens" in own:
            passed = "_loglikelihood_tokens"
        elif "get_batched_requests" in own:
            passed = "get_batched_requests"
        elif own & {"model_call", "amodel_call"} and "parse_logprobs" not in own:
            passed, fix = min(own & {"model_call", "amodel_call"}), f"parse_logprobs or {request_type}"
        elif "create_message" in own and "parse_logprobs" not in own:
            passed, fix = "create_message", f"parse_logprobs or {request_type}"
        else:
            continue
        refused[request_type] = f"{kind} overrides {passed}, which {request_type} would pass over; override {fix}, too."
    return refused
