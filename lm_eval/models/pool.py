"""How an API model answers: one pool of workers for all Instances, and the methods that a subclass has of its own."""

from __future__ import annotations

import itertools
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from lm_eval.api.current_run import WATCH, Watch
from lm_eval.api.instance import Instance, RequestError, Usage
from lm_eval.api.model import Answered, RunContext, TemplateLM
from lm_eval.config.generation import CONSTRAINED_TO
from lm_eval.errors import CapabilityError, ConfigError, RequestsLost
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.batches.checks import check_batch
from lm_eval.models.connection import Connection
from lm_eval.models.continuation import NOT_CONTINUED
from lm_eval.models.http.engine_room import EngineRoom
from lm_eval.models.http.runner import frozen_gc, run
from lm_eval.models.http.session import Session
from lm_eval.models.media import are_given
from lm_eval.models.overrides import SCORED, Overrides
from lm_eval.models.preflight import Preflight
from lm_eval.models.refused import RefusedFields, ask_learning, learning
from lm_eval.models.templated import PromptWriter
from lm_eval.models.work import Answer, Call, Slot, Unit

if TYPE_CHECKING:
    from lm_eval.models.http.engine import Engine
    from lm_eval.models.http.run_state import RunState
    from lm_eval.models.responses import ListedResponses, Responses

__all__ = ["Pool"]

eval_logger = logging.getLogger("lm_eval")


class Pool:
    """Answers the Instances of one model.

    Attributes:
        connection: What the model asks with.
        requests: Builds its requests and reads the replies.
    """

    def __init__(self, owner: Any, args: ModelArguments) -> None:
        """Set the attributes of the model, and check its class; sends nothing.

        Args:
            owner: The model.
            args: Its arguments.

        Raises:
            ConfigError: The class has a method that would not be used, or an argument cannot be used.
        """
        self._owner = owner
        self.connection = Connection(owner, args)
        self.requests = self.connection.requests
        self._writer = PromptWriter(self.connection)
        self._postponed: frozenset[str] = frozenset()
        self._answering: frozenset[int] = frozenset()
        self._room: EngineRoom | None = None
        self._watch: Watch | None = None

    @property
    def session(self) -> Session:
        """The state of the model's requests; see ``Connection.session``."""
        return self.connection.session

    @property
    def preflight(self) -> Preflight:
        """The check before a run; see ``Requests.preflight``."""
        return self.requests.preflight

    @property
    def overrides(self) -> Overrides:
        """What the class of the model does itself."""
        return self.requests.overrides

    # What an evaluation calls.

    def prepare(self, context: RunContext) -> None:
        """Check the server, and find out what it can do; see ``TemplateAPI.harness_prepare``."""
        self._watch = WATCH.get()
        self.connection.refresh()
        if context.batch is not None:
            check_batch(context, self.requests.args, self.overrides, type(self._owner).__name__)
        self.requests.templated = context.chat
        kinds = {"loglikelihood" if kind == "multiple_choice" else kind for kind in context.request_types}
        if kinds & set(SCORED):
            self.connection.learn_scoring()
        overrides = self.overrides
        possible = kinds - set(overrides.refused)
        own = possible if overrides.call else possible & set(overrides.methods)
        self._postponed = frozenset(own)
        for kind in sorted(own & set(overrides.methods)):
            eval_logger.info("%s.%s answers its requests itself.", type(self._owner).__name__, overrides.methods[kind])
        if not self.connection.has_url and own == kinds:
            return  # The class may not need the URL.
        self.session.begin(context)
        checked = possible - own
        if checked or not kinds:
            self._check(context, checked)
        if context.chat and self._writer.needed:
            self._writer.find(self._owner.header)

    def _check(self, context: RunContext, kinds: Iterable[str]) -> None:
        header = self._owner.header
        if not self.session.has_server:
            run(lambda: self.preflight.check_files(header, frozenset(kinds)))
            if context.continues and self.requests.chat and "generate_until" in kinds:
                message = {"role": "user", "content": ""}
                self.requests.continuation.assume(self.requests.continued_call(context, [message]))
            return
        calls = self.requests.first_calls(context)

        async def check() -> None:
            await self.preflight.check(header, frozenset(kinds), calls)
            if any(CONSTRAINED_TO in settings for settings in context.generation):
                call_with = partial(self.requests.constrained_call, context)
                await self.preflight.find_constraint(header, call_with, self.requests.thinks)
            if context.continues and self.requests.chat and "generate_until" in kinds:
                messages_call = partial(self.requests.continued_call, context)
                async with self.connection.check_engine() as engine:
                    ask = learning(engine.ask, self.requests.refused)
                    await self.requests.continuation.find(ask, messages_call)

        run(check)
        stops = any(settings.get("until") or settings.get("stop") for settings in context.generation)
        self.requests.thinking.report(calls.limits, stops=stops, plain=self._writer.needed and not context.chat)

    def _catch_up(self) -> None:
        """Do the checks that ``prepare`` left out, when a method of the class asks the pool after all."""
        with self.connection.lock:
            if self._postponed:
                kinds, self._postponed = self._postponed, frozenset()
                self._check(self.session.context, kinds)

    def refuses(self, request_type: str) -> str | None:
        """Say why a request type cannot be answered, or None."""
        kind = "loglikelihood" if request_type == "multiple_choice" else request_type
        if kind == CONSTRAINED_TO and (self.overrides.call or "generate_until" in self.overrides.methods):
            return f"{type(self._owner).__name__} generates text itself, so its answers cannot be constrained."
        if kind in self.overrides.methods:
            return None
        if kind in self.overrides.refused:
            return self.overrides.refused[kind]
        return self.preflight.refusals.get(kind) if self.connection.has_url else None

    def not_continued(self) -> str | None:
        """Say that answers do not continue the start that a task gives them; None if they do, or that is unknown."""
        return NOT_CONTINUED if self.requests.continuation.fails else None

    @property
    def follows(self) -> bool:
        """Whether Instances that follow others are asked as soon as these are answered.

        A method of the class gets all its requests at once, a template writes all prompts at once, and a batch begins
        when all its requests are known.
        """
        writes = self._writer.needed and self.session.context.chat
        return not (self.overrides.methods or writes or self.session.context.batch is not None)

    def respond(self, instances: Iterable[Instance], answered: Answered | None = None) -> None:
        """Answer Instances of any request types; see ``TemplateAPI.harness_respond``."""
        from lm_eval.models.responses import Responses, add_usage

        self.connection.refresh()
        methods, thoughts = self.overrides.methods, list[Usage]()
        pooled, by_method = instances, list[Instance]()
        if isinstance(instances, Sequence) or methods or (self._writer.needed and self.session.context.chat):
            # A method gets all its requests at once, and a template writes all prompts at once.
            written = self._written(list(instances), answered)
            pooled = [instance for instance in written if instance.request_type not in methods]
            by_method = [instance for instance in written if instance.request_type in methods]
        responses = Responses(pooled, answered)
        if self.requests.args.thinking_budget is not None:
            responses.thoughts = thoughts.append
        try:
            try:
                if responses.total or not methods:
                    self._answer(responses, self.session.context.progress)
            finally:
                responses.finish()
            for kind, name in methods.items():
                if asked := [instance for instance in by_method if instance.request_type == kind]:
                    self._through(name, asked)
                    for instance in asked if answered is not None else ():
                        assert answered is not None
                        answered(instance)
        finally:
            if self.connection.has_url:
                for instance in by_method:
                    add_usage(responses.usage, instance)
                    thoughts += [info.usage for info in instance.info if info.usage is not None]
                for name, usage in responses.usage.items():
                    self.session.accounting.tasks.setdefault(name, Usage()).add(usage)
                self.session.accounting.prompts.warn()
                self.requests.thinking.check_budget(thoughts)

    def _written(self, instances: list[Instance], answered: Answered | None) -> list[Instance]:
        """Write prompts with the chat template; those that cannot be written are complete, with an error."""
        written = self._writer.write(instances, self._owner.header)
        if answered is not None and len(written) < len(instances):
            for instance in instances:
                if instance.error is not None:
                    answered(instance)
        return written

    def _through(self, name: str, instances: Sequence[Instance]) -> None:
        """Let a method of the class answer Instances."""
        listed = [instance for instance in instances for _ in range(instance.repeats or 1)]
        for instance in instances:
            instance.resps, instance.info, instance.error = [], [], None
        self._answering = frozenset(map(id, instances))
        self._room = EngineRoom(self.connection.engine)
        try:
            answers = self._method(name)(listed)
        except RequestsLost as error:
            # A failed request is data: the run goes on without these documents.
            reason = RequestError.of(error)
            for instance in instances:
                instance.error, instance.resps, instance.info = reason, [], []
            return
        finally:
            self._room.close()
            self._room, self._answering = None, frozenset()
        answers = list(answers)
        if len(answers) != len(listed):
            raise ConfigError(
                f"{type(self._owner).__name__}.{name} returned {len(answers)} answers for {len(listed)} requests."
            )
        for instance, answer in zip(listed, answers, strict=True):
            if instance.error is None:
                instance.resps.append(answer)
        for instance in instances:
            if len(instance.info) != len(instance.resps):
                instance.info = []

    def _method(self, name: str) -> Callable[[list[Instance]], Iterable[Any]]:
        if name == "_loglikelihood_tokens":
            return partial(TemplateLM.loglikelihood, self._owner)
        if name == "get_batched_requests":
            return self._batched
        method: Callable[[list[Instance]], Iterable[Any]] = getattr(self._owner, name)
        return method

    def _batched(self, requests: list[Instance]) -> list[Any]:
        """Answer through ``get_batched_requests`` of the class: one call for all prompts with the same settings."""
        groups: dict[str, list[int]] = {}
        for index, request in enumerate(requests):
            groups.setdefault(repr(request.args[1]), []).append(index)
        answers: list[Any] = [None] * len(requests)
        for indexes in groups.values():
            prompts = [requests[index] for index in indexes]
            settings = dict(prompts[0].args[1])
            keys = [(prompt.args[0], settings) for prompt in prompts]
            messages, method = self.requests.hooks.messages(prompts), self._owner.get_batched_requests
            found: list[list[Any]] = run(partial(method, messages, keys, generate=True, gen_kwargs=dict(settings)))
            for index, answer in zip(indexes, itertools.chain.from_iterable(found), strict=True):
                answers[index] = answer
        return answers

    def answer_list(self, requests: Sequence[Instance], quiet: bool) -> list[Any]:
        """Answer a list of requests, as the request methods of a model do.

        Args:
            requests: The requests; an Instance that is listed n times has n repeats.
            quiet: Whether to show no progress.

        Returns:
            One response per entry. While a method of the class answers, a lost request that the method was given has
            an error, and an empty response in its place.

        Raises:
            RequestsLost: A request failed for good.
        """
        from lm_eval.models.responses import ListedResponses

        if not self._answering:
            self.connection.refresh()
        self._writer.write_all(requests, self._owner.header)
        responses = ListedResponses(requests)
        self._catch_up()
        self._answer(responses, False if quiet else self.session.context.progress)
        return responses.finish(self._answering)

    async def answer_prompts(self, messages: Sequence[object], settings: Mapping[str, Any]) -> list[Any]:
        """Generate text for prompts, within a running event loop.

        Args:
            messages: The prompts.
            settings: The generation settings.

        Returns:
            The texts.

        Raises:
            RequestsLost: A request failed for good.
        """
        import asyncio

        from lm_eval.models.responses import ListedResponses

        await asyncio.to_thread(self._catch_up)
        responses = ListedResponses(
            [Instance("generate_until", {}, (prompt, dict(settings)), 0) for prompt in messages]
        )
        await asyncio.to_thread(self._answer, responses, False)
        return responses.finish()

    def send(self, messages: Sequence[object], settings: Mapping[str, Any] | None, *, generate: bool) -> object:
        """Send one request for prompts, with the engine that is at work where there is one.

        Args:
            messages: The prompts.
            settings: The generation settings.
            generate: Whether text is generated.

        Returns:
            The parsed JSON of the reply.

        Raises:
            APIError: The request failed for good.
        """
        import asyncio

        from lm_eval.models.own_calls import ASKING, sent_by_engine

        asking = ASKING.get()
        if generate:
            self._catch_up()
        call = self.requests.call(messages, settings, asking.repeat if asking is not None else 0, generate=generate)
        refused = self.requests.refused if generate else None
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            if asking is not None:
                return sent_by_engine(asking, call, refused).body
        return run(lambda: self._send(call, refused))

    async def asend(self, messages: Sequence[object], settings: Mapping[str, Any] | None, *, generate: bool) -> object:
        """Send one request; like ``send``, within a running event loop."""
        import asyncio

        from lm_eval.models.own_calls import ASKING

        asking = ASKING.get()
        if generate:
            await asyncio.to_thread(self._catch_up)
        call = self.requests.call(messages, settings, asking.repeat if asking is not None else 0, generate=generate)
        refused = self.requests.refused if generate else None
        if asking is not None and asking.loop is asyncio.get_running_loop():
            return (await ask_learning(asking.ask, call, refused)).body
        return await self._send(call, refused)

    async def _send(self, call: Call, refused: RefusedFields | None) -> object:
        async with self.connection.engine() as engine:
            return (await ask_learning(engine.ask, call, refused)).body

    def describe(self) -> dict[str, Any]:
        """Return the findings about the endpoint and, under ``run``, the counters of this run; without secrets."""
        described: dict[str, Any] = {"model": self._owner.model}
        if self.connection.has_url:
            described |= {"endpoints": self.session.urls, "path": self.requests.path, **self.preflight.describe()}
        if self._writer.template is not None:
            described["chat_template"] = self._writer.template.source
        own = {
            **self.overrides.methods,
            **({"requests": self.overrides.call} if self.overrides.call else {}),
        }
        if own:
            described["answered_by"] = {kind: f"{type(self._owner).__name__}.{name}" for kind, name in own.items()}
        if learnt := self.requests.refused.describe():
            described["refused_fields"] = learnt
        if thoughts := self.requests.thinking.describe():
            described["thinking"] = thoughts
        if continued := self.requests.continuation.describe():
            described["gen_prefix"] = continued
        if self.connection.has_url:
            described["run"] = self.session.describe()
        return described

    # How Instances are answered.

    def _answer(self, responses: Responses | ListedResponses, progress: bool | None) -> None:
        if not responses.total:
            return
        if self._room is None:
            plain = all(url.startswith("http://") for url in self.session.urls)
            run(lambda: self._drive(responses, progress), fast=plain)
            return
        with self.connection.lock:
            run(lambda: self._choose(responses.scored))
        self._room.do(lambda engine: self._work(engine, responses, progress))

    async def _drive(self, responses: Responses | ListedResponses, shown: bool | None) -> None:
        """Answer all slots; every request takes this path."""
        await self._choose(responses.scored)
        async with self.connection.engine() as engine:
            await self._work(engine, responses, shown)

    async def _choose(self, scored: bool) -> None:
        """Find out how the server is asked, unless that is done."""
        header = self._owner.header
        if scored:
            self.connection.learn_scoring()
        if scored and self.preflight.scorer is None:
            await self.preflight.choose_scorer(header)
        if self.overrides.call is None and (
            self.requests.args.truncate is not None or self.requests.args.add_bos_token is not None
        ):
            await self.preflight.prepare_prompts(header)

    async def _work(self, engine: Engine, responses: Responses | ListedResponses, shown: bool | None) -> None:
        from lm_eval.models.http.dispatcher import Dispatcher
        from lm_eval.models.http.progress import Progress

        progress = Progress(
            responses.total, engine, shown, state=self._run_state(responses), recount=lambda: responses.total
        )
        if (shared := self.session.context.shared) is not None:
            shared.watch(progress, engine)

        def answered(answer: Answer) -> Iterable[Unit]:
            following = responses.answered(answer)
            progress.advance()
            return self._units(following) if following else ()

        def lost(slot: Slot, error: RequestError) -> None:
            for _ in range(responses.lost(slot, error)):
                progress.fail()

        try:
            if self._watch is not None:
                self._watch(progress, engine, lambda: responses.total)
            async with self._calls_of_class():
                with frozen_gc():
                    if engine.batches is None:
                        await Dispatcher(engine, self._units(responses.slots()), answered, lost).run()
                    else:
                        from lm_eval.models.batches.rounds import Rounds
                        from lm_eval.models.server.unseen import QuestionsUnit

                        units = self._units(responses.slots())
                        if self.preflight.questions:
                            units = itertools.chain([QuestionsUnit(self.preflight.questions)], units)
                        await Rounds(engine, engine.batches).run(units, answered, lost)
        finally:
            progress.close()
            self.preflight.report_cuts()

    def _run_state(self, responses: Responses | ListedResponses) -> RunState | None:
        """Return what writes the state of the run next to its journal; None for other requests, or without one."""
        from lm_eval.models.http.run_state import RunState
        from lm_eval.models.responses import Responses

        context = self.session.context
        if context.journal is None or not isinstance(responses, Responses):
            return None
        return RunState(context.journal, str(self._owner.model), context.tasks, responses.total)

    @asynccontextmanager
    async def _calls_of_class(self) -> AsyncIterator[None]:
        if self.overrides.call is None:
            yield
            return
        from lm_eval.models.own_calls import OwnCalls

        async with OwnCalls(self._owner, self.overrides.call, self.requests.args) as self.requests.own_calls:
            yield
        self.requests.own_calls = None

    def _units(self, slots: Iterable[Slot]) -> Iterator[Unit]:
        """Cut slots into units, in their order."""
        from lm_eval.models.generation import generation_units

        for kind, group in itertools.groupby(slots, key=lambda slot: slot.instance.request_type):
            if kind != "generate_until":
                if kind in self.overrides.refused:
                    raise CapabilityError(self.overrides.refused[kind])
                yield from self.preflight.units(map(_without_media, group), kind)
            elif self.requests.own_calls is None:
                yield from generation_units(self.requests, group)
            else:
                from lm_eval.models.own_calls import OwnUnit

                for unit in generation_units(self.requests, group):
                    messages = self.requests.hooks.messages([slot.instance for slot in unit.batch])
                    yield OwnUnit(unit, self.requests.own_calls, messages)


def _without_media(slot: Slot) -> Slot:
    """Return a slot whose text is to be scored; a score of the text alone would leave its media out."""
    last = slot.instance.args[-1]
    # Mostly it is a text, and of that the check for a Mapping, an abstract class, takes long.
    if not isinstance(last, str) and isinstance(last, Mapping) and any(are_given(media) for media in last.values()):
        raise CapabilityError(
            f"Task {slot.instance.task_name}: log-likelihoods are those of texts, and its documents have media; ask it"
            " with output_type generate_until on a chat endpoint."
        )
    return slot
