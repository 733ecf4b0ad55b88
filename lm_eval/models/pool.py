"""How an API model answers: one pool of workers for all Instances, and the methods that a subclass has of its own."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from lm_eval.api.instance import Instance, RequestError
from lm_eval.api.model import RunContext, TemplateLM
from lm_eval.api.token_counter import TokenCounter
from lm_eval.config.generation import LIMITS
from lm_eval.config.redact import shown_url
from lm_eval.errors import CapabilityError, ConfigError, RequestsLost
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.attributes import AttributeReader
from lm_eval.models.first_check import FirstCalls, distinct_settings, limit_of, wrong_path
from lm_eval.models.hooks import Hooks, own_fields
from lm_eval.models.http.engine_room import EngineRoom
from lm_eval.models.http.runner import frozen_gc, run
from lm_eval.models.http.session import Session
from lm_eval.models.overrides import SCORED, Overrides, is_overridden
from lm_eval.models.preflight import Preflight
from lm_eval.models.work import Answer, Ask, Call, Slot, Unit

if TYPE_CHECKING:
    from lm_eval.models.estimate import Estimator
    from lm_eval.models.http.engine import Engine
    from lm_eval.models.own_calls import OwnCalls
    from lm_eval.models.prompt_ids import PromptIds
    from lm_eval.models.responses import ListedResponses, Responses
    from lm_eval.models.scoring import Scorer
    from lm_eval.models.server.settings import ScoringSettings
    from lm_eval.models.server.tokenizer import RemoteTokenizer

__all__ = ["Pool"]

eval_logger = logging.getLogger("lm_eval")

_MAX_FAILED_BATCHES = 3


class Pool:
    """Answers the Instances of one model. It implements ``APIModel`` with the hooks of the model's class.

    Attributes:
        args: The arguments, with what the class or a script has set as attributes of the model.
        path: What follows the base URL.
        chat: Whether prompts are messages.
        hooks: Calls the hooks of the class.
        overrides: What the class does itself.
        own_calls: Calls the ``model_call`` or ``amodel_call`` of the class, while a run is under way; None elsewhere.
    """

    def __init__(self, owner: Any, args: ModelArguments) -> None:
        """Set the attributes of the model, and check its class; sends nothing.

        Args:
            owner: The model.
            args: Its arguments.

        Raises:
            ConfigError: The class has a method that would not be used, or an argument cannot be used.
        """
        self._owner, self.args = owner, args
        kind = type(owner)
        self.path, self.chat = str(kind.path), bool(kind.chat)
        self._small_tokens = int(getattr(kind, "_small_call_tokens", 1))
        for line in Overrides.check(owner, chat=self.chat):
            eval_logger.warning("%s", line)
        if args.local_tokenizer is not None:
            eval_logger.warning(
                "tokenizer_backend=%s has no part in generated text, nor has tokenizer: the server tokenizes prompts.",
                args.tokenizer_backend,
            )
        self._attributes = AttributeReader(owner, args)
        self._lock = threading.RLock()
        self._postponed: frozenset[str] = frozenset()
        self._answering: frozenset[int] = frozenset()
        self.own_calls: OwnCalls | None = None
        self._failed_batches = 0
        self._session: Session | None = None
        self._room: EngineRoom | None = None
        self._tokenizer: RemoteTokenizer | None = None
        self._fields: dict[str, object] = {}
        self._look()
        if args.base_url:
            self._connect()

    def _look(self) -> None:
        owner = self._owner
        self._scoring_is_known = False
        self.hooks = Hooks(owner, self.args.max_images)
        concurrent, local = self.args.num_concurrent, self.args.local_tokenizer
        if self.hooks.reads_logprobs or self.chat:
            local = None
        self.overrides = Overrides.of(owner, concurrent if isinstance(concurrent, int) else 2, local)

    def _connect(self) -> None:
        """Build what sends requests, from the arguments."""
        args, before = self.args, self._session
        session = self._session = Session(args, self.path)
        if before is not None:
            session.begin(before.context)
            session.accounting = before.accounting
        custom = self._custom_scorer if self.hooks.reads_logprobs else None
        whole = not self.path and all(url.partition("?")[0].endswith("/completions") for url in session.urls)
        chat = self.chat or any(url.partition("?")[0].endswith("/chat/completions") for url in session.urls)
        prompts = not chat and (self.path == "/completions" or whole) and self.overrides.call is None
        self._preflight = Preflight(session, self.settings, custom, path=self.path, prompts=prompts)
        for url in args.base_url.split(";") if isinstance(args.base_url, str) else args.base_url:
            if (note := wrong_path(shown_url(url.strip()), self.path)) is not None:
                eval_logger.warning("%s", note)

    def refresh(self) -> None:
        """Take over the attributes and methods of the model that were set since the last run."""
        with self._lock:
            changed = self._attributes.changed()
            if is_overridden(self._owner, "max_length") and self._owner.max_length is not None:
                window = self._owner.max_length + 1
                changed |= {"max_length": window} if window != self.args.max_length else {}
            if changed:
                self.args = self.args.changed(changed)
            self._look()
            if (changed or self._session is None) and self.args.base_url:
                self._connect()

    @property
    def session(self) -> Session:
        """The state of the model's requests.

        Raises:
            ConfigError: The model has no URL.
        """
        if self._session is None:
            raise ConfigError("base_url is missing; give the server's URL: base_url=http://127.0.0.1:8000/v1.")
        return self._session

    @property
    def urls(self) -> list[str]:
        """The base URLs without credentials; none before the model has one."""
        return self._session.urls if self._session is not None else []

    @property
    def preflight(self) -> Preflight:
        """The check before a run.

        Raises:
            ConfigError: The model has no URL.
        """
        assert self.session is not None
        return self._preflight

    # What an evaluation calls.

    def prepare(self, context: RunContext) -> None:
        """Check the server, and find out what it can do; see ``TemplateAPI.harness_prepare``."""
        self.refresh()
        kinds = {"loglikelihood" if kind == "multiple_choice" else kind for kind in context.request_types}
        if kinds & set(SCORED):
            self._learn_scoring()
        overrides = self.overrides
        possible = kinds - set(overrides.refused)
        own = possible if overrides.call else possible & set(overrides.methods)
        self._postponed = frozenset(own)
        for kind in sorted(own & set(overrides.methods)):
            eval_logger.info("%s.%s answers its requests itself.", type(self._owner).__name__, overrides.methods[kind])
        if self._session is None and own == kinds:
            return  # The class may not need the URL.
        self.session.begin(context)
        checked = possible - own
        if checked or not kinds:
            self._check(context, checked)

    def _check(self, context: RunContext, kinds: Iterable[str]) -> None:
        header = self._owner.header
        run(lambda: self.preflight.check(header, frozenset(kinds), self._first_calls(context)))

    def _catch_up(self) -> None:
        """Do the checks that ``prepare`` left out, when a method of the class asks the pool after all."""
        with self._lock:
            if self._postponed:
                kinds, self._postponed = self._postponed, frozenset()
                self._check(self.session.context, kinds)

    def refuses(self, request_type: str) -> str | None:
        """Say why a request type cannot be answered, or None."""
        kind = "loglikelihood" if request_type == "multiple_choice" else request_type
        if kind in self.overrides.methods:
            return None
        if kind in self.overrides.refused:
            return self.overrides.refused[kind]
        return self.preflight.refusals.get(kind) if self._session is not None else None

    def respond(self, instances: Sequence[Instance]) -> None:
        """Answer Instances of any request types; see ``TemplateAPI.harness_respond``."""
        from lm_eval.models.responses import Responses, usage_by_task

        self.refresh()
        methods = self.overrides.methods
        pooled = [instance for instance in instances if instance.request_type not in methods]
        try:
            if pooled or not methods:
                responses = Responses(pooled)
                try:
                    self._answer(responses, self.session.context.progress)
                finally:
                    responses.finish()
            for kind, name in methods.items():
                if asked := [instance for instance in instances if instance.request_type == kind]:
                    self._through(name, asked)
        finally:
            if self._session is not None:
                self._session.accounting.tasks = usage_by_task(instances)
                self._session.accounting.prompts.warn()

    def _through(self, name: str, instances: Sequence[Instance]) -> None:
        """Let a method of the class answer Instances."""
        listed = [instance for instance in instances for _ in range(instance.repeats or 1)]
        for instance in instances:
            instance.resps, instance.info, instance.error = [], [], None
        self._answering = frozenset(map(id, instances))
        self._room = EngineRoom(self._open_engine)
        try:
            answers = self._method(name)(listed)
        except RequestsLost as error:
            # A failed request is data: the run goes on without these documents.
            reason = RequestError(error.kind, str(error), error.status, error.attempts, error.endpoint)
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
            messages, method = self.hooks.messages(prompts), self._owner.get_batched_requests
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
            self.refresh()
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
        call = self._call(messages, settings, asking.repeat if asking is not None else 0, generate=generate)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            if asking is not None:
                return sent_by_engine(asking, call).body
        return run(lambda: self._send(call))

    async def asend(self, messages: Sequence[object], settings: Mapping[str, Any] | None, *, generate: bool) -> object:
        """Send one request; like ``send``, within a running event loop."""
        import asyncio

        from lm_eval.models.own_calls import ASKING

        asking = ASKING.get()
        if generate:
            await asyncio.to_thread(self._catch_up)
        call = self._call(messages, settings, asking.repeat if asking is not None else 0, generate=generate)
        if asking is not None and asking.loop is asyncio.get_running_loop():
            return (await asking.ask(call)).body
        return await self._send(call)

    async def _send(self, call: Call) -> object:
        async with self._open_engine() as engine:
            return (await engine.ask(call)).body

    def _call(
        self, messages: Sequence[object], settings: Mapping[str, Any] | None, repeat: int, *, generate: bool
    ) -> Call:
        given = dict(settings or {})
        seed = given.pop("seed", self.args.seed) if generate else self.args.seed
        payload = self._payload(
            messages, given, seed if seed is None else int(seed) + repeat * generate, generate=generate
        )
        return Call(self.path, payload, repeat)

    def describe(self) -> dict[str, Any]:
        """Return the findings about the endpoint and, under ``run``, the counters of this run; without secrets."""
        described: dict[str, Any] = {"model": self._owner.model}
        if self._session is not None:
            described |= {"endpoints": self._session.urls, "path": self.path, **self.preflight.describe()}
        own = {**self.overrides.methods, **({"requests": self.overrides.call} if self.overrides.call else {})}
        if own:
            described["answered_by"] = {kind: f"{type(self._owner).__name__}.{name}" for kind, name in own.items()}
        if self._session is not None:
            described["run"] = self._session.describe()
        return described

    def capability_table(self) -> str:
        """Find out what the server can do; see ``TemplateAPI.harness_capability_table``."""
        from lm_eval.models.scoring import capability_table

        self.refresh()
        if self.reads_logprobs and self.args.scoring is None:
            return "This model reads log-likelihoods itself (parse_logprobs); the server is not probed."
        self._learn_scoring()
        header = self._owner.header
        return capability_table(run(lambda: self.preflight.find_capabilities(header)), self.settings())

    @property
    def can_be_planned(self) -> bool:
        """Whether the requests of a run are known before it: the class answers and sends none itself."""
        self.refresh()
        return not self.overrides.methods and self.overrides.call is None

    def estimator(self, *, kept: bool) -> Estimator:
        """Return an estimator of the requests of a run; see ``TemplateAPI.harness_estimator``."""
        from lm_eval.models.estimate import Estimator

        self.refresh()
        self._learn_scoring()
        return Estimator(
            self, self.settings(), lambda: self.session.engine(self._owner.header, checking=True), kept=kept
        )

    def token_counter(self) -> TokenCounter:
        """Return a counter that asks the server; see ``TemplateAPI.harness_token_counter``."""
        from lm_eval.models.token_counts import ServerCounter

        self.refresh()
        settings, engine = self.settings(), partial(self.session.engine, self._owner.header, checking=True)
        usage_call = partial(self._small_call, True)
        return ServerCounter(self._owner.model, engine, usage_call, special=settings.special)

    def encode(self, string: str, special: bool) -> list[int]:
        """Tokenize a text with the server's tokenizer.

        Args:
            string: The text.
            special: Whether special tokens such as BOS are added.

        Returns:
            Token ids.

        Raises:
            ConfigError: The server has no tokenizer endpoint.
        """

        async def encode() -> list[int]:
            from lm_eval.models.server.tokenizer import find_tokenizer

            async with self.session.engine(self._owner.header, checking=True) as engine:
                if self._tokenizer is not None:
                    return list((await self._tokenizer.encode(engine.ask, string, special)).ids)
                self._tokenizer, tokens = await find_tokenizer(engine.ask, self._owner.model, string, special)
            if self._tokenizer is None or tokens is None:
                raise ConfigError("The server has no /tokenize endpoint, so there are no token ids.")
            return list(tokens.ids)

        return run(encode)

    async def find_window(self) -> int | None:
        """Return the model's window in tokens, as the user or the server says; None when neither does."""
        from lm_eval.models.server.probe import read_description

        found = self.preflight.capabilities
        if found is None:
            async with self.session.engine(self._owner.header, checking=True) as engine:
                found = await read_description(engine.ask, self.settings())
        return found.window(self.args.max_length)

    # What generation units, scoring strategies and estimates use (``APIModel``).

    @property
    def eos_string(self) -> str | None:
        """One more stop sequence."""
        found: str | None = self._owner.eos_string
        return found

    @property
    def think_end_token(self) -> str | None:
        """The text that ends the model's reasoning."""
        return self.args.think_end_token

    def tok_encode(self, string: str) -> list[int]:
        """Tokenize a text as the class does."""
        return list(self._owner.tok_encode(string))

    def parse_generations(self, outputs: object, **kwargs: object) -> list[Any]:
        """Read the texts of a reply, in the order of the prompts."""
        return self.hooks.parse_generations(outputs, **kwargs)

    def parse_logprobs(self, outputs: object, **kwargs: object) -> list[tuple[float, bool]]:
        """Read the log-likelihoods of a reply, in the order of the prompts."""
        return self.hooks.parse_logprobs(outputs, **kwargs)

    @property
    def logprob_parameters(self) -> frozenset[str]:
        """The names of the parameters of ``parse_logprobs``."""
        return self.hooks.logprob_parameters

    @property
    def reads_logprobs(self) -> bool:
        """Whether the class overrides ``parse_logprobs``."""
        return self.hooks.reads_logprobs

    @property
    def reads_objects(self) -> bool:
        """Whether the class reads answers that are no text, for a ``generate_until`` of its own."""
        return self.hooks.reads_generations and "generate_until" in self.overrides.methods

    def generation_payload(
        self, instances: Sequence[Instance], settings: dict[str, Any], repeat: int = 0
    ) -> dict[str, object]:
        """Build the body of a generation request, exactly as it is sent.

        Args:
            instances: The Instances of the request; one for chat.
            settings: Their generation settings.
            repeat: The number of the repeat. It is added to the seed, so that samples of one prompt differ.

        Returns:
            The body.
        """
        given = settings.pop("seed", self.args.seed)
        seed = None if given is None else int(given) + repeat
        return self._payload(self.hooks.messages(instances), settings, seed, generate=True)

    def scoring_payload(self, prompts: Sequence[str]) -> dict[str, object]:
        """Build the body of a scoring request, for a class that overrides ``parse_logprobs``.

        Args:
            prompts: Contexts with their continuations.

        Returns:
            The body.
        """
        return self._payload(prompts, {}, self.args.seed, generate=False)

    def _payload(
        self, messages: Sequence[object], settings: dict[str, Any], seed: int | None, *, generate: bool
    ) -> dict[str, object]:
        body = self.hooks.payload(messages, settings, seed, generate=generate)
        asks = generate or self.hooks.reads_logprobs
        special = self.preflight.settings.special_tokens(body.get("prompt")) if asks else None
        if special is not None:
            body.setdefault("add_special_tokens", special)
        more = self.args.extra_body
        if any(name in more for name in LIMITS):  # two limits would contradict each other
            body = {name: value for name, value in body.items() if name not in LIMITS}
        return {**body, **more} if more else body

    @property
    def batch_size(self) -> int:
        """The maximum number of prompts in one request; 1 for chat, and after several batches have failed."""
        return 1 if self.chat or self._failed_batches >= _MAX_FAILED_BATCHES else self.args.batch_size

    @property
    def prompt_ids(self) -> PromptIds | None:
        """What turns prompts of generation into token ids; None when all are sent as text."""
        return self.preflight.prompt_ids

    def starts_with_bos(self, prompt: object) -> bool:
        """Whether a prompt is a text with a BOS token of its own; such prompts share no request with others."""
        if not isinstance(prompt, str) or self._session is None:
            return False
        return self.preflight.settings.starts_with_bos(prompt)

    def batch_failed(self) -> None:
        """Count a request with several prompts that failed; its prompts are sent again, one per request."""
        self._failed_batches += 1
        if self._failed_batches == _MAX_FAILED_BATCHES:
            eval_logger.warning("Several requests with more than one prompt failed; sending one prompt per request.")

    # How Instances are answered.

    def _answer(self, responses: Responses | ListedResponses, progress: bool | None) -> None:
        if not responses.total:
            return
        if self._room is None:
            run(lambda: self._drive(responses, progress))
            return
        with self._lock:
            run(lambda: self._choose(responses.scored))
        self._room.do(lambda engine: self._work(engine, responses, progress))

    async def _drive(self, responses: Responses | ListedResponses, shown: bool | None) -> None:
        """Answer all slots; every request takes this path."""
        await self._choose(responses.scored)
        async with self._open_engine() as engine:
            await self._work(engine, responses, shown)

    async def _choose(self, scored: bool) -> None:
        """Find out how the server is asked, unless that is done."""
        header = self._owner.header
        if scored:
            self._learn_scoring()
        if scored and self.preflight.scorer is None:
            await self.preflight.choose_scorer(header)
        if self.overrides.call is None and (self.args.truncate is not None or self.args.add_bos_token is not None):
            await self.preflight.prepare_prompts(header)

    def _open_engine(self) -> AbstractAsyncContextManager[Engine]:
        return self.session.engine(self._owner.header, feeler=self._feeler())

    async def _work(self, engine: Engine, responses: Responses | ListedResponses, shown: bool | None) -> None:
        from lm_eval.models.http.dispatcher import Dispatcher
        from lm_eval.models.http.progress import Progress

        progress = Progress(responses.total, engine, shown)

        def answered(answer: Answer) -> None:
            responses.answered(answer)
            progress.advance()

        def lost(slot: Slot, error: RequestError) -> None:
            responses.lost(slot, error)
            progress.fail()

        try:
            async with self._calls_of_class():
                with frozen_gc():
                    await Dispatcher(engine, self._units(responses.slots()), answered, lost).run()
        finally:
            progress.close()
            self.preflight.report_cuts()

    @asynccontextmanager
    async def _calls_of_class(self) -> AsyncIterator[None]:
        if self.overrides.call is None:
            yield
            return
        from lm_eval.models.own_calls import OwnCalls

        async with OwnCalls(self._owner, self.overrides.call, self.args) as self.own_calls:
            yield
        self.own_calls = None

    def _units(self, slots: Iterable[Slot]) -> Iterator[Unit]:
        """Cut slots into units, in their order."""
        from lm_eval.models.generation import generation_units

        for kind, group in itertools.groupby(slots, key=lambda slot: slot.instance.request_type):
            if kind != "generate_until":
                if kind in self.overrides.refused:
                    raise CapabilityError(self.overrides.refused[kind])
                yield from self.preflight.units(group, kind)
            elif self.own_calls is None:
                yield from generation_units(self, group)
            else:
                from lm_eval.models.own_calls import OwnUnit

                for unit in generation_units(self, group):
                    messages = self.hooks.messages([slot.instance for slot in unit.batch])
                    yield OwnUnit(unit, self.own_calls, messages)

    def settings(self) -> ScoringSettings:
        """Return the settings of scoring."""
        from lm_eval.models.server.settings import ScoringSettings

        settings, owner = ScoringSettings.of(self.args, chat=self.chat), self._owner
        if self._fields:
            settings = replace(settings, extra_body={**self._fields, **settings.extra_body})
        if is_overridden(owner, "eos_string"):
            settings = replace(settings, eos_string=owner.eos_string)
        if is_overridden(owner, "prefix_token_id"):
            settings = replace(settings, custom_prefix_token_id=owner.prefix_token_id)
        return settings

    def _learn_scoring(self) -> None:
        """Find the fields that ``_create_payload`` of the class adds to requests that score, before the first of them.

        A class that builds no such request is refused, because its scores would pass over the method.
        """
        if self._scoring_is_known:
            return
        self._scoring_is_known = True
        try:
            fields = own_fields(self._owner, self.hooks, self.args.seed, chat=self.chat)
        except CapabilityError as error:
            refused = {kind: str(error) for kind in SCORED if kind not in self.overrides.methods}
            self.overrides = replace(self.overrides, refused={**refused, **self.overrides.refused})
            return
        if fields != self._fields:
            self._fields = fields
            if self._session is not None:
                self._connect()

    async def _custom_scorer(self, ask: Ask, settings: ScoringSettings) -> Scorer:
        from lm_eval.models.scoring.custom import CustomScorer

        return await CustomScorer.make(self, settings, ask, encodes=is_overridden(self._owner, "tok_encode"))

    # The first calls of a run.

    def _small_call(self, generate: bool, text: str = "Hello") -> Call:
        """Build a small call to the URL, model and key of the run: it generates a token, or scores a word."""
        if not generate:
            return Call(self.path, self.scoring_payload(["Hello"]))
        prompt: object = [{"role": "user", "content": text}] if self.chat else text
        instance = Instance("generate_until", {}, (prompt, {}), 0)
        return Call(self.path, self.generation_payload([instance], {"max_gen_toks": self._small_tokens}))

    def _first_calls(self, context: RunContext) -> FirstCalls:
        """Build the calls that check the server before a run."""
        default, generates = self.args.max_gen_toks, "generate_until" in context.request_types
        scores = self.reads_logprobs and not generates
        all_settings = context.generation if generates else ()
        own = [
            (self._own_call(context, settings, "Hello"), self._own_call(context, settings, "What is 2 + 2?"))
            for settings in distinct_settings(all_settings, default)
        ]
        return FirstCalls(
            None if scores else self._small_call(True),
            self._small_call(False) if scores else None,
            own,
            [limit_of(settings, default) for settings in all_settings],
        )

    def _own_call(self, context: RunContext, settings: Mapping[str, object], text: str) -> Call:
        """Build a call with generation settings of the run, and with its system message."""
        prompt: object = text
        if self.chat:
            system = context.system_instruction
            prompt = [{"role": "system", "content": system}] if system else []
            prompt = [*prompt, {"role": "user", "content": text}]
        instance = Instance("generate_until", {}, (prompt, {}), 0)
        return Call(self.path, self.generation_payload([instance], dict(settings)))

    def _feeler(self) -> Call | None:
        """Build the call that finds out during an outage whether the server answers again."""
        if not self.path or self.reads_logprobs or self.overrides.call is not None:
            return None
        return self._small_call(True)
