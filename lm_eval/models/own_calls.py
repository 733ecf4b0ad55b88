"""Requests that a model class sends itself, with its own ``model_call`` or ``amodel_call``.

The workers of the engine call the method, so concurrency, accounting of lost requests and progress are the same as for
other classes. Where the method calls ``super()``, that request goes through the engine, with journal, limits and
retries.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from lm_eval.errors import APIError, LMEvalError
from lm_eval.models.generation import GenerationUnit
from lm_eval.models.http.tls import make_context
from lm_eval.models.overrides import accepted
from lm_eval.models.refused import RefusedFields, ask_learning
from lm_eval.models.work import Answer, Ask, Call, Reply, Unit

if TYPE_CHECKING:
    import aiohttp

    from lm_eval.models.arguments import ModelArguments
    from lm_eval.models.refused import RefusedFields, ask_learning
from lm_eval.models.work import Slot

__all__ = ["ASKING", "Asking", "OwnCalls", "OwnUnit", "Received", "sent_by_engine"]

_NOT_TRIED_AGAIN = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    NotImplementedError,
    TypeError,
)
"""Exceptions of a mistake in the code of the class."""
_LONGEST_WAIT = 10.0


class Asking(NamedTuple):
    """The engine that is at work for a unit, and the repeat that the unit asks for."""

    loop: asyncio.AbstractEventLoop
    ask: Ask
    repeat: int


ASKING: ContextVar[Asking | None] = ContextVar("ASKING", default=None)
"""Set while a method of the class runs, so that ``super()`` in it finds the engine."""


class Received(NamedTuple):
    """What a method of the class returned: the body of a reply, or the answers that it has read from one."""

    body: object
    answers: Sequence[Any] | None = None


@dataclass(slots=True)
class OwnCalls:
    """Calls ``model_call`` in threads, or awaits ``amodel_call``.

    Attributes:
        owner: The model.
        name: The method.
        args: The model's arguments.
        session: An HTTP session for ``amodel_call``.
    """

    owner: Any
    name: str
    args: ModelArguments
    session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> OwnCalls:
        """Open the HTTP session."""
        if self.name == "amodel_call":
            import aiohttp

            args = self.args
            checks = make_context(args.verify_certificate, args.ca_cert_path, args.client_cert, args.client_key)
            timeout = aiohttp.ClientTimeout(total=args.timeout, sock_connect=args.connect_timeout)
            connector = aiohttp.TCPConnector(limit=0, ssl=checks)
            self.session = aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the HTTP session."""
        if self.session is not None:
            await self.session.close()

    async def ask(
        self,
        ask: Ask,
        messages: Sequence[object],
        settings: Mapping[str, Any] | None,
        *,
        generate: bool,
        repeat: int = 0,
        ctxlens: Sequence[int] | None = None,
    ) -> Received:
        """Let the method of the class answer one request.

        Args:
            ask: Sends calls of ``super()``.
            messages: The prompts of the request.
            settings: Its generation settings; None for a request that scores.
            generate: Whether text is generated.
            repeat: The number of the repeat.
            ctxlens: Per prompt, the number of tokens of the context.

        Returns:
            What the method returned.

        Raises:
            APIError: The method failed.
        """
        for attempt in range(self.args.max_retries + 1):
            token = ASKING.set(Asking(asyncio.get_running_loop(), ask, repeat))
            try:
                return await self._once(messages, settings, generate, ctxlens)
            except LMEvalError:
                raise
            except Exception as error:
                if attempt >= self.args.max_retries or isinstance(error, _NOT_TRIED_AGAIN):
                    what = f"{type(self.owner).__name__}.{self.name} failed: {type(error).__name__}: {error}"
                    failure = APIError(what.rstrip(": "))
                    failure.attempts = attempt + 1
                    raise failure from error
            finally:
                ASKING.reset(token)
            await asyncio.sleep(min(_LONGEST_WAIT, 0.5 * 2**attempt))
        raise AssertionError

    async def score(self, ask: Ask, texts: Sequence[str], ctxlens: Sequence[int] | None, repeat: int) -> Received:
        """Let the method of the class answer one request that scores; see ``ask``."""
        return await self.ask(ask, texts, None, generate=False, repeat=repeat, ctxlens=ctxlens)

    async def _once(
        self,
        messages: Sequence[object],
        settings: Mapping[str, Any] | None,
        generate: bool,
        ctxlens: Sequence[int] | None,
    ) -> Received:
        method = getattr(self.owner, self.name)
        # The method may change the settings, which the prompts of a task share.
        given: dict[str, Any] = {"generate": generate, "gen_kwargs": copy.deepcopy(settings)}
        if self.name == "model_call":
            return Received(await asyncio.to_thread(method, messages=list(messages), **_taken(method, given)))
        given |= {"session": self.session, "sem": asyncio.Semaphore(1), "cache_keys": None, "ctxlens": ctxlens}
        answers = await method(messages=list(messages), **_taken(method, given))
        return Received(None, answers if answers is not None else [])


def _taken(method: Any, given: dict[str, Any]) -> dict[str, Any]:
    names = accepted(method)
    return given if names is None else {name: value for name, value in given.items() if name in names}


@dataclass(slots=True)
class OwnUnit:
    """A generation request that the class sends itself.

    Attributes:
        inner: Holds the slots, and reads the answers.
        calls: Calls the method of the class.
        messages: The prompts.
    """

    inner: GenerationUnit
    calls: OwnCalls
    messages: Sequence[object]

    @property
    def slots(self) -> Sequence[Slot]:
        """The slots that are lost if the request fails."""
        return self.inner.slots

    async def run(self, ask: Ask) -> Sequence[Answer | Unit]:
        """Call the method of the class and read what it returns."""
        batch = self.inner.batch
        settings, stops = self.inner.settings()
        try:
            received = await self.calls.ask(ask, self.messages, settings, generate=True, repeat=batch[0].repeat)
            answers = received.answers
            texts = self.inner.checked(answers) if answers is not None else self.inner.read(received.body)
        except APIError:
            if len(batch) == 1:
                raise
            self.inner.model.batch_failed()
            return [
                OwnUnit(GenerationUnit(self.inner.model, [slot]), self.calls, [message])
                for slot, message in zip(batch, self.messages, strict=True)
            ]
        return self.inner.answers(texts, Reply(received.body), stops)

    async def replay(self, ask: Ask) -> Sequence[Answer | Unit]:
        """Do nothing: the class is not asked a second time to see which requests it sends."""
        return []


def sent_by_engine(asking: Asking, call: Call, refused: RefusedFields | None = None) -> Reply:
    """Send a call, from a thread that a method of the class runs in.

    Args:
        asking: The engine, whose event loop runs in another thread.
        call: The call.
        refused: Learns from a refusal which fields the server does not take; None learns nothing.

    Returns:
        The reply.

    Raises:
        APIError: The call failed for good.
    """

    async def ask() -> Reply:
        return await ask_learning(asking.ask, call, refused)

    return asyncio.run_coroutine_threadsafe(ask(), asking.loop).result()
