"""The first requests of a run: do its own generation settings, its URL and its API fit the server?"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from lm_eval.config.generation import LIMITS
from lm_eval.errors import APIError, ContextLengthExceeded, EndpointNotFound, RequestRejected
from lm_eval.models.http.hints import hint_for
from lm_eval.models.refused import RefusedFields, ask_learning
from lm_eval.models.work import Ask, Call, Reply

__all__ = [
    "FirstCalls",
    "ask_own",
    "check_window",
    "distinct_settings",
    "limit_of",
    "look_again",
    "name_other_api",
    "wrong_path",
]

eval_logger = logging.getLogger("lm_eval")

_MAX_CALLS = 3
_PATIENCE = 20.0
"""Seconds to wait for an answer to the run's own settings. A server that refuses them does so at once."""
_NO_ROUTE = re.compile(
    r"(?i)not[ _]found|invalid url|cannot post|no (?:such )?route|unknown (?:url|path|endpoint|route)"
)
_OTHER = {
    "/completions": "/chat/completions",
    "/chat/completions": "/completions",
    "/responses": "/chat/completions",
}
_NAMES = {
    "/completions": "--model local-completions",
    "/chat/completions": "--model local-chat-completions (for tasks that generate text)",
}


@dataclass(frozen=True, slots=True)
class FirstCalls:
    """The calls that check the server.

    Attributes:
        small: A call that generates a token; None if the model class reads log-likelihoods itself and only these are
            asked.
        scoring: A call that scores a word, if there is no ``small``.
        own: Pairs of calls with the generation settings of the run. The second call of a pair has another prompt.
        limits: The maximum number of tokens that each task generates.
        refused: Learns from a refusal which fields the server does not take.
        observe: Gets each reply.
        second_look: Returns a call that is asked as well, to see what a stop string may have cut; or None.
    """

    small: Call | None
    scoring: Call | None = None
    own: Sequence[tuple[Call, Call]] = ()
    limits: Sequence[int] = ()
    refused: RefusedFields | None = None
    observe: Callable[[Reply], None] = lambda reply: None
    second_look: Callable[[Call, Reply], Call | None] = lambda call, reply: None


def limit_of(settings: Mapping[str, object], default: int) -> int:
    """Return the maximum number of tokens in generation settings, or the default."""
    given = next((settings[name] for name in LIMITS if settings.get(name) is not None), default)
    return int(given) if isinstance(given, int | float) else default


def distinct_settings(all_settings: Iterable[Mapping[str, object]], default: int) -> list[Mapping[str, object]]:
    """Choose the generation settings that a server may treat differently.

    Args:
        all_settings: The settings of each task.
        default: The maximum number of tokens where the settings have none.

    Returns:
        One per set of fields and temperature: the one that generates most tokens. At most 3.
    """
    chosen: dict[str, Mapping[str, object]] = {}
    for settings in all_settings:
        names = sorted(name for name, value in settings.items() if value is not None and name not in LIMITS)
        key = f"{names} {settings.get('temperature')}"
        if key not in chosen or limit_of(settings, default) > limit_of(chosen[key], default):
            chosen[key] = settings
    return list(chosen.values())[:_MAX_CALLS]


def check_window(limits: Iterable[int], window: int | None) -> None:
    """Warn about a limit of tokens that leaves no room for a prompt.

    Args:
        limits: The maximum number of tokens that each task generates.
        window: The model's window in tokens, if it is known.
    """
    longest = max(limits, default=0)
    if window is not None and longest >= window:
        eval_logger.warning(
            "max_gen_toks=%d does not fit the model's window of %d tokens, which must hold the prompt, too: answers "
            "will be cut, or all requests rejected. Lower it: --gen_kwargs max_gen_toks=N.",
            longest,
            window,
        )


async def _in_time(reply: Awaitable[Reply]) -> Reply:
    return await asyncio.wait_for(reply, _PATIENCE)


async def look_again(ask: Ask, calls: FirstCalls, call: Call, reply: Reply) -> None:
    """Ask once more where a stop string may have cut what a reply shows; a failure says nothing.

    Args:
        ask: Sends a call.
        calls: The first calls.
        call: One of them.
        reply: Its reply.
    """
    calls.observe(reply)
    other = calls.second_look(call, reply)
    if other is not None:
        with contextlib.suppress(APIError, asyncio.TimeoutError):
            calls.observe(await ask_learning(ask, other, calls.refused, _in_time))


async def ask_own(ask: Ask, pair: tuple[Call, Call], refused: RefusedFields | None = None) -> Reply | None:
    """Ask with generation settings of the run.

    Args:
        ask: Sends a call.
        pair: The same settings with two prompts. The second is asked only if the first is rejected, because one prompt
            may be rejected for its content.
        refused: Learns from a refusal which fields the server does not take; None learns nothing.

    Returns:
        The reply; None says nothing about the server: no answer came in time, or the prompt was refused.

    Raises:
        RequestRejected: The server rejects the settings.
        APIError: The call failed in another way.
    """
    call, second = pair
    try:
        return await ask_learning(ask, call, refused, _in_time)
    except asyncio.TimeoutError:
        return None
    except RequestRejected as error:
        first = error
    hint = hint_for(first.body)
    if hint is not None and not hint.certain:
        return None
    try:
        return await ask_learning(ask, second, refused, _in_time)
    except asyncio.TimeoutError:
        return None
    except RequestRejected as error:
        raise _refusal(call, error) from error


def _refusal(call: Call, error: RequestRejected) -> RequestRejected:
    """Say which settings the server rejects."""
    limit = next((call.payload[name] for name in LIMITS if name in call.payload), None)
    if isinstance(error, ContextLengthExceeded):
        what = f"max_gen_toks={limit} does not fit the model's window: {error}"
        return ContextLengthExceeded(what, advice="lower it: --gen_kwargs max_gen_toks=N")
    fields = ", ".join(name for name in call.payload if name not in ("model", "messages", "prompt"))
    return RequestRejected(f"The server rejects the settings of the run ({fields}), and would reject all: {error}")


def wrong_path(url: str, path: str) -> str | None:
    """Notice a base URL that names the other API.

    Args:
        url: The base URL, without credentials.
        path: The path that the model class asks.

    Returns:
        A sentence; None if the URL fits.
    """
    other = _OTHER.get(path)
    bare = url.partition("?")[0].rstrip("/")
    chat = bare.endswith("/chat/completions")
    known = other is not None and path.endswith("/completions") and bare.endswith("/completions")
    if other is None or not known or chat == (path == "/chat/completions"):
        return None
    asked = f"{bare.removesuffix('/completions').removesuffix('/chat')}{path}"
    return f"base_url names {bare}, but this model asks {asked}; for the other API use {_NAMES[other]}."


async def name_other_api(ask: Ask, path: str, model: str, error: EndpointNotFound) -> EndpointNotFound:
    """Find out whether a server that does not know one API has the other one.

    Args:
        ask: Sends a call.
        path: The path that was not found.
        model: The name of the model.
        error: The error of the path.

    Returns:
        An error that names the model class to use; the given error if the server does not have the other API either.
    """
    other = _OTHER.get(path)
    if other is None or not _NO_ROUTE.search(error.body) or model in error.body:
        return error
    prompt = {"messages": [{"role": "user", "content": "Hello"}]} if other.startswith("/chat") else {"prompt": "Hello"}
    try:
        await ask(Call(other, {"model": model, **prompt, "max_tokens": 16}))
    except RequestRejected:
        pass  # it exists, and takes other settings
    except APIError:
        return error
    what = f"The server has no {path}, but it has {other}"
    return EndpointNotFound(what, status=error.status, endpoint=error.endpoint, advice=f"use {_NAMES[other]}")
