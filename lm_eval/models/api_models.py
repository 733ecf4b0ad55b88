"""The base class of every model behind an HTTP API."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from lm_eval.api.instance import Instance, RequestError
from lm_eval.api.model import RunContext, TemplateLM
from lm_eval.config.generation import LIMITS
from lm_eval.config.redact import shown_url
from lm_eval.errors import CapabilityError, ConfigError
from lm_eval.models.arguments import ModelArguments, check_headers
from lm_eval.models.first_check import FirstCalls, distinct_settings, limit_of, wrong_path
from lm_eval.models.http.runner import frozen_gc, run
from lm_eval.models.http.session import Session
from lm_eval.models.preflight import Preflight
from lm_eval.models.work import Answer, Ask, Call, Slot, Unit

if TYPE_CHECKING:
    from lm_eval.models.estimate import Estimator
    from lm_eval.models.prompt_ids import PromptIds
    from lm_eval.models.responses import ListedResponses, Responses
    from lm_eval.models.scoring import Scorer
    from lm_eval.models.server.settings import ScoringSettings

__all__ = ["TemplateAPI"]

eval_logger = logging.getLogger("lm_eval")

_MAX_FAILED_BATCHES = 3
_KEY_HEADERS = {"authorization", "api-key", "x-api-key"}


class TemplateAPI(TemplateLM):
    """A model behind an HTTP API.

    A subclass says what is sent and how an answer is read: ``_create_payload`` and ``parse_generations``, and where the
    API differs ``parse_logprobs``, ``header``, ``api_key``, ``create_message`` and ``path``. Everything else
    (concurrency, retries, rate limits, the journal) is the same for all.

    Attributes:
        path: The API path after the base URL; empty to send requests to ``base_url`` exactly as given.
        chat: Whether prompts are messages.
        needs_model: Whether ``model`` is a required argument.
        defaults: Arguments whose defaults differ from those of ``ModelArguments``.
        args: The arguments.
        eos_string: One more stop sequence.
    """

    path: str = ""
    chat: bool = False
    needs_model: ClassVar[bool] = False
    defaults: ClassVar[Mapping[str, object]] = {}
    harness_keeps_answers = True
    _small_call_tokens: ClassVar[int] = 1

    args: ModelArguments
    eos_string: str | None

    def __init__(
        self,
        model: str | None = None,
        pretrained: str | None = None,
        base_url: str | Sequence[str] | None = None,
        **arguments: object,
    ) -> None:
        """Check the arguments; sends nothing.

        Args:
            model: The name by which the server knows the model.
            pretrained: The same as ``model``.
            base_url: The URL of the server, or several.
            **arguments: The other fields of ``ModelArguments``.

        Raises:
            ConfigError: An argument does not exist, is missing, or has a wrong value.
        """
        super().__init__()
        given = {"model": model, "pretrained": pretrained, "base_url": base_url, **arguments}
        args = self.args = ModelArguments.parse(
            {name: value for name, value in given.items() if value is not None}, self.defaults
        )
        if not args.base_url:
            raise ConfigError("base_url is missing; give the server's URL: base_url=http://127.0.0.1:8000/v1.")
        self.model = args.model
        self.eos_string, self.think_end_token = args.eos_string, args.think_end_token
        self._session = Session(args, self.path)
        custom = self._custom_scorer if self.reads_logprobs else None
        prompts = not self.chat and self.path == "/completions"
        self._preflight = Preflight(self._session, self._scoring_settings, custom, path=self.path, prompts=prompts)
        self._failed_batches = 0
        for url in args.base_url.split(";") if isinstance(args.base_url, str) else args.base_url:
            if (note := wrong_path(shown_url(url.strip()), self.path)) is not None:
                eval_logger.warning("%s", note)
        if self.needs_model and not self.model:
            raise ConfigError("model is missing; name it as the server does: model=NAME (GET /v1/models lists names).")
        if self.chat and args.batch_size > 1:
            eval_logger.warning("A chat request holds one prompt: batch_size is 1; num_concurrent is what adds speed.")

    # What a subclass may override.

    def _create_payload(
        self,
        messages: object,
        *,
        generate: bool = True,
        gen_kwargs: dict[str, Any] | None = None,
        seed: int | None = 1234,
        eos: str | None = None,
        **kwargs: object,
    ) -> dict[str, object]:
        """Build the JSON body of a request.

        Args:
            messages: A prompt, several prompts, or the messages of one prompt.
            generate: True to generate text, False to score the prompt.
            gen_kwargs: The generation settings of the task; may be modified.
            seed: The seed if the settings have none.
            eos: One more stop sequence.
            **kwargs: For subclasses.

        Returns:
            The body.

        Raises:
            ConfigError: The class does not override this method.
        """
        raise ConfigError(f"{type(self).__name__} does not define _create_payload.")

    @staticmethod
    def parse_generations(outputs: object, **kwargs: object) -> list[str]:
        """Read the texts of an answer, in the order of the prompts.

        Args:
            outputs: The parsed JSON, or a list of parsed JSON values.
            **kwargs: ``count``, the number of prompts of the request.

        Returns:
            One text per prompt.

        Raises:
            ConfigError: The class does not override this method.
        """
        raise ConfigError("A subclass of TemplateAPI has to define parse_generations.")

    @staticmethod
    def parse_logprobs(
        outputs: object, tokens: Any = None, ctxlens: Any = None, **kwargs: object
    ) -> list[tuple[float, bool]]:
        """Read the log-likelihoods of an answer; a class that overrides this method scores without a probe.

        Args:
            outputs: The parsed JSON.
            tokens: Per prompt, the token ids of context and continuation. They come from ``tok_encode`` if the class
                overrides it, else from the server's ``/tokenize``; None if there is neither.
            ctxlens: Per prompt, the number of token ids that belong to the context alone; None like ``tokens``.
            **kwargs: ``contexts`` and ``continuations``: the texts of the prompts.

        Returns:
            Per prompt, the log-likelihood in nats, and whether greedy decoding gives the continuation.

        Raises:
            CapabilityError: The class does not override this method.
        """
        raise CapabilityError("This model does not read log-likelihoods.")

    @property
    def api_key(self) -> str:
        """The API key: ``auth_token``, else the environment variable OPENAI_API_KEY, else empty."""
        return self.args.auth_token or os.environ.get("OPENAI_API_KEY", "")

    @property
    def header(self) -> dict[str, str]:
        """The HTTP headers of every request: the API key, and the headers that the user gave."""
        given = self.args.header
        key = "" if _KEY_HEADERS & {name.lower() for name in given} else self.api_key
        headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **given}
        check_headers(headers)  # OPENAI_API_KEY may end in a carriage return
        return headers

    def create_message(self, instances: Sequence[Instance]) -> object:
        """Turn the Instances of one request into the ``messages`` of ``_create_payload``.

        Args:
            instances: The Instances of the request.

        Returns:
            The prompt of a single Instance, or the list of prompts of several.
        """
        prompts = [instance.args[0] for instance in instances]
        return prompts[0] if len(prompts) == 1 else prompts

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **kwargs: object) -> list[int]:
        """Tokenize a text with the server's tokenizer.

        Args:
            string: The text.
            add_special_tokens: Ignored; kept for compatibility with the reference harness. The server decides.
            **kwargs: Ignored; kept for compatibility with the reference harness.

        Returns:
            Token ids.

        Raises:
            ConfigError: The server has no tokenizer endpoint.
        """

        async def encode() -> list[int]:
            from lm_eval.models.server.tokenizer import find_tokenizer

            async with self._session.engine(self.header, checking=True) as engine:
                tokenizer, tokens = await find_tokenizer(engine.ask, self.model, string)
            if tokenizer is None or tokens is None:
                raise ConfigError("The server has no /tokenize endpoint, so there are no token ids.")
            return list(tokens.ids)

        return run(encode)

    # What an evaluation calls.

    def harness_prepare(self, context: RunContext) -> None:
        """Check the server, and find out what it can do, before any dataset is loaded.

        Args:
            context: The settings of the run.

        Raises:
            APIError: The endpoint cannot be used.
        """
        self._session.begin(context)
        run(lambda: self._preflight.check(self.header, context.request_types, self._first_calls(context)))

    def harness_capability_table(self) -> str:
        """Find out what the server can do, with a few requests.

        Returns:
            A table of the findings, the scoring strategies, and the output types that can run.

        Raises:
            APIError: The endpoint cannot be used.
        """
        from lm_eval.models.scoring import capability_table

        if self.reads_logprobs and self.args.scoring is None:
            return "This model reads log-likelihoods itself (parse_logprobs); the server is not probed."
        return capability_table(run(lambda: self._preflight.find_capabilities(self.header)), self._scoring_settings())

    def harness_refuses(self, request_type: str) -> str | None:
        """Say why a request type cannot be answered, as found by ``harness_prepare``.

        Args:
            request_type: A request type.

        Returns:
            The reason, or None.
        """
        return self._preflight.refusals.get("loglikelihood" if request_type == "multiple_choice" else request_type)

    def harness_estimator(self, *, kept: bool = False) -> Estimator:
        """Return an estimator of the requests and tokens of a run, which asks for no answer.

        Args:
            kept: Whether the run keeps its answers in a file, so that equal requests are sent only once. Default False.

        Returns:
            The estimator.
        """
        from lm_eval.models.estimate import Estimator

        settings = self._scoring_settings()
        return Estimator(self, settings, lambda: self._session.engine(self.header, checking=True), kept=kept)

    def harness_respond(self, instances: Sequence[Instance]) -> None:
        """Answer Instances of any request types from one pool of workers.

        Args:
            instances: All Instances of a run; the method sets ``resps`` and ``info``, or ``error``, of each.

        Raises:
            CapabilityError: The model refuses a request type.
            APIError: The endpoint cannot be used at all.
            RunStopped: A budget is spent; answers so far are on their Instances and in the journal.
        """
        from lm_eval.models.responses import Responses

        responses = Responses(instances)
        try:
            self._answer(responses, self._session.context.progress)
        finally:
            responses.finish()
            self._session.accounting.tasks = responses.usage_by_task()
            self._session.accounting.prompts.warn()

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Generate text; see ``LM.generate_until``."""
        return self._answer_list(requests, disable_tqdm)

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Score continuations; see ``LM.loglikelihood``."""
        return self._answer_list(requests, disable_tqdm)

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        """Score complete texts; see ``LM.loglikelihood_rolling``."""
        return self._answer_list(requests, disable_tqdm)

    def harness_describe(self) -> dict[str, Any]:
        """Return the findings about the endpoint and, under ``run``, the counters of this run; without secrets."""
        return {
            "model": self.model,
            "endpoints": self._session.urls,
            "path": self.path,
            **self._preflight.describe(),
            "run": self._session.describe(),
        }

    @property
    def tokenizer_name(self) -> str:
        """The name of the model, because the server applies its chat template."""
        return self.args.tokenizer or self.model

    @property
    def eot_token_id(self) -> int | None:
        """Always None: only the server knows the token."""
        return None

    @property
    def prefix_token_id(self) -> int | None:
        """The token that the user chose to replace an empty context."""
        return self.args.custom_prefix_token_id

    def _loglikelihood_tokens(
        self, requests: list[tuple[tuple[str, str], list[int], list[int]]], **kwargs: object
    ) -> list[tuple[float, bool]]:
        """Score the texts: the server tokenizes them itself, so the caller's token ids are not used."""
        return self.loglikelihood([Instance("loglikelihood", {}, texts, 0) for texts, _, _ in requests])

    # What generation units, scoring strategies and estimates use (``APIModel``).

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
        seed = None if given is None else int(given)
        return self._payload(instances, settings, None if seed is None else seed + repeat, generate=True)

    def scoring_payload(self, prompts: Sequence[str]) -> dict[str, object]:
        """Build the body of a scoring request, for a class that overrides ``parse_logprobs``.

        Args:
            prompts: Contexts with their continuations.

        Returns:
            The body.
        """
        instances = [Instance("loglikelihood", {}, (prompt,), 0) for prompt in prompts]
        return self._payload(instances, {}, self.args.seed, generate=False)

    def _payload(
        self, instances: Sequence[Instance], settings: dict[str, Any], seed: int | None, *, generate: bool
    ) -> dict[str, object]:
        messages = self.create_message(instances)
        body = self._create_payload(messages, generate=generate, gen_kwargs=settings, seed=seed, eos=self.eos_string)
        special = self._preflight.settings.special_tokens(body.get("prompt")) if generate else None
        if special is not None:
            body.setdefault("add_special_tokens", special)
        more = self.args.extra_body
        if any(name in more for name in LIMITS):  # two limits would contradict each other
            body = {name: value for name, value in body.items() if name not in LIMITS}
        return {**body, **more} if more else body

    @property
    def reads_logprobs(self) -> bool:
        """Whether the class overrides ``parse_logprobs``."""
        return type(self).parse_logprobs is not TemplateAPI.parse_logprobs

    @property
    def batch_size(self) -> int:
        """The maximum number of prompts in one request; 1 for chat, and after several batches have failed."""
        return 1 if self.chat or self._failed_batches >= _MAX_FAILED_BATCHES else self.args.batch_size

    @property
    def prompt_ids(self) -> PromptIds | None:
        """What turns prompts of generation into token ids; None when all are sent as text."""
        return self._preflight.prompt_ids

    def starts_with_bos(self, prompt: object) -> bool:
        """Whether a prompt is a text with a BOS token of its own; such prompts share no request with others."""
        return isinstance(prompt, str) and self._preflight.settings.starts_with_bos(prompt)

    def batch_failed(self) -> None:
        """Count a request with several prompts that failed; its prompts are sent again, one per request."""
        self._failed_batches += 1
        if self._failed_batches == _MAX_FAILED_BATCHES:
            eval_logger.warning("Several requests with more than one prompt failed; sending one prompt per request.")

    # How Instances are answered.

    def _answer_list(self, requests: Sequence[Instance], quiet: bool) -> list[Any]:
        from lm_eval.models.responses import ListedResponses

        responses = ListedResponses(requests)
        self._answer(responses, False if quiet else self._session.context.progress)
        return responses.finish()

    def _answer(self, responses: Responses | ListedResponses, progress: bool | None) -> None:
        if responses.total:
            run(lambda: self._drive(responses, progress))

    async def _drive(self, responses: Responses | ListedResponses, shown: bool | None) -> None:
        """Answer all slots; every request takes this path."""
        from lm_eval.models.http.dispatcher import Dispatcher
        from lm_eval.models.http.progress import Progress

        if responses.scored and self._preflight.scorer is None:
            await self._preflight.choose_scorer(self.header)
        if self.args.truncate is not None or self.args.add_bos_token is not None:
            await self._preflight.prepare_prompts(self.header)
        async with self._session.engine(self.header, feeler=self._feeler()) as engine:
            progress = Progress(responses.total, engine, shown)

            def answered(answer: Answer) -> None:
                responses.answered(answer)
                progress.advance()

            def lost(slot: Slot, error: RequestError) -> None:
                responses.lost(slot, error)
                progress.fail()

            try:
                with frozen_gc():
                    await Dispatcher(engine, self._units(responses.slots()), answered, lost).run()
            finally:
                progress.close()
                self._preflight.report_cuts()

    def _units(self, slots: Iterable[Slot]) -> Iterator[Unit]:
        """Cut slots into units, in their order."""
        from lm_eval.models.generation import generation_units

        for kind, group in itertools.groupby(slots, key=lambda slot: slot.instance.request_type):
            if kind == "generate_until":
                yield from generation_units(self, group)
            else:
                yield from self._preflight.units(group, kind)

    def _scoring_settings(self) -> ScoringSettings:
        from lm_eval.models.server.settings import ScoringSettings

        return ScoringSettings.of(self.args, chat=self.chat)

    async def _custom_scorer(self, ask: Ask, settings: ScoringSettings) -> Scorer:
        from lm_eval.models.scoring.custom import CustomScorer

        encodes = type(self).tok_encode is not TemplateAPI.tok_encode
        return await CustomScorer.make(self, settings, ask, encodes=encodes)

    def _small_call(self, generate: bool) -> Call:
        """Build a small call to the URL, model and key of the run: it generates a token, or scores a word."""
        if not generate:
            return Call(self.path, self.scoring_payload(["Hello"]))
        prompt = [{"role": "user", "content": "Hello"}] if self.chat else "Hello"
        instance = Instance("generate_until", {}, (prompt, {}), 0)
        return Call(self.path, self.generation_payload([instance], {"max_gen_toks": self._small_call_tokens}))

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
        return None if not self.path or self.reads_logprobs else self._small_call(True)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model={self.model!r}, endpoints={self._session.urls!r})"
