"""The base of every model behind an HTTP API: one pool for all requests of a run."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from lm_eval.api.instance import Instance, RequestError
from lm_eval.api.model import RunContext
from lm_eval.errors import ConfigError
from lm_eval.models.api_hooks import APIHooks
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.http.runner import frozen_gc, run
from lm_eval.models.http.session import Session
from lm_eval.models.preflight import Preflight
from lm_eval.models.work import Answer, Ask, Call, Slot, Unit

if TYPE_CHECKING:
    from lm_eval.models.estimate import Estimator
    from lm_eval.models.responses import ListedResponses, Responses
    from lm_eval.models.scoring import Scorer
    from lm_eval.models.server.settings import ScoringSettings

__all__ = ["TemplateAPI"]

eval_logger = logging.getLogger("lm_eval")

_BATCHES_THAT_MAY_FAIL = 3


class TemplateAPI(APIHooks):
    """A model behind an HTTP API.

    A subclass says what is sent and how an answer is read: ``_create_payload`` and ``parse_generations``, and where the
    API differs ``parse_logprobs``, ``header``, ``api_key`` and ``path``. Everything else (concurrency, retries, limits,
    the journal) is the same for all.

    Attributes:
        defaults: Arguments that differ from those of ``ModelArguments``.
    """

    defaults: ClassVar[Mapping[str, Any]] = {}
    keeps_answers = True

    def __init__(
        self,
        model: str | None = None,
        pretrained: str | None = None,
        base_url: str | Sequence[str] | None = None,
        **arguments: Any,
    ) -> None:
        """Check the arguments; nothing is sent yet.

        Args:
            model: The model's name, as the server knows it.
            pretrained: The same.
            base_url: The server's URL, or several.
            **arguments: The other fields of ``ModelArguments``.

        Raises:
            ConfigError: An argument that does not exist or does not fit.
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
        self._preflight = Preflight(self._session, self._scoring_settings, custom)
        self._failed_batches = 0

    # What an evaluation asks.

    def prepare(self, context: RunContext) -> None:
        """Check the server and learn what it can do, before any dataset is loaded.

        Args:
            context: What the run will ask.

        Raises:
            APIError: The endpoint cannot be used.
        """
        self._session.begin(context)
        run(lambda: self._preflight.check(self.header, context.request_types, self._light_call))

    def capability_table(self) -> str:
        """Find out what the server can do, with a few requests.

        Returns:
            The findings, the ways to score and the output types that can run, as a table.

        Raises:
            APIError: The endpoint cannot be used.
        """
        from lm_eval.models.scoring import capability_table

        if self.reads_logprobs and self.args.scoring is None:
            return f"{type(self).__name__} reads log-likelihoods itself (parse_logprobs); the server is not probed."
        return capability_table(run(lambda: self._preflight.find_capabilities(self.header)), self._scoring_settings())

    def refuses(self, request_type: str) -> str | None:
        """Tell why a request type cannot be answered, as found by ``prepare``.

        Args:
            request_type: A request type.

        Returns:
            The reason, or None.
        """
        return self._preflight.refusals.get("loglikelihood" if request_type == "multiple_choice" else request_type)

    def estimator(self, *, kept: bool = False) -> Estimator:
        """Return what foresees how much a run will ask, without asking for an answer.

        Args:
            kept: Whether answers are kept in a file, so that equal requests are sent once.

        Returns:
            The estimator.
        """
        from lm_eval.models.estimate import Estimator

        settings = self._scoring_settings()
        return Estimator(self, settings, lambda: self._session.engine(self.header, checking=True), kept=kept)

    def respond(self, instances: Sequence[Instance]) -> None:
        """Answer Instances of any types from one pool of workers.

        Args:
            instances: The Instances of a whole run; their ``resps`` and ``info``, or ``error``, are filled.

        Raises:
            CapabilityError: A request type that this model refuses.
            APIError: The endpoint cannot be used at all.
            RunStopped: A budget is spent; answers so far are on their Instances and in the journal.
        """
        from lm_eval.models.responses import Responses

        responses = Responses(instances)
        try:
            self._answer(responses)
        finally:
            responses.finish()
            self._session.accounting.tasks = responses.usage_by_task()

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Generate text; see ``LM.generate_until``."""
        return self._directly(requests, disable_tqdm)

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Score continuations; see ``LM.loglikelihood``."""
        return self._directly(requests, disable_tqdm)

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        """Score whole texts; see ``LM.loglikelihood_rolling``."""
        return self._directly(requests, disable_tqdm)

    def describe(self) -> dict[str, Any]:
        """Return what was learnt of the endpoint and, under ``run``, what differs from run to run; no secrets."""
        described: dict[str, Any] = {
            "model": self.model,
            "endpoints": self._session.urls,
            "path": self.path,
            **self._preflight.describe(),
        }
        described["run"] = self._session.describe()
        return described

    @property
    def tokenizer_name(self) -> str:
        """The model's name: a chat template is the server's."""
        return self.args.tokenizer or self.model

    @property
    def eot_token_id(self) -> int | None:
        """Unknown on this side."""
        return None

    @property
    def prefix_token_id(self) -> int | None:
        """The token the user chose for an empty context."""
        return self.args.custom_prefix_token_id

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **kwargs: Any) -> list[int]:
        """Tokenize through the server.

        Args:
            string: The text.
            add_special_tokens: Accepted for compatibility; the server decides.
            **kwargs: Accepted for compatibility.

        Returns:
            Token ids.

        Raises:
            ConfigError: The server has no tokenizer to ask.
        """

        async def encode() -> list[int]:
            from lm_eval.models.server.tokenizer import find_tokenizer

            async with self._session.engine(self.header, checking=True) as engine:
                tokenizer, tokens = await find_tokenizer(engine.ask, self.model, string)
            if tokenizer is None or tokens is None:
                raise ConfigError("The server has no /tokenize; token ids cannot be had.")
            return list(tokens.ids)

        return run(encode)

    def _loglikelihood_tokens(
        self, requests: list[tuple[tuple[str, str], list[int], list[int]]], **kwargs: Any
    ) -> list[tuple[float, bool]]:
        """Score by the texts: the server's own tokens count, not those of the caller."""
        return self.loglikelihood([Instance("loglikelihood", {}, texts, 0) for texts, _, _ in requests])

    # How it is answered.

    def _directly(self, requests: Sequence[Instance], quiet: bool) -> list[Any]:
        from lm_eval.models.responses import ListedResponses

        responses = ListedResponses(requests)
        self._answer(responses, shown=False if quiet else None)
        return responses.finish()

    def _answer(self, responses: Responses | ListedResponses, shown: bool | None = None) -> None:
        if responses.total:
            run(lambda: self._drive(responses, self._session.context.progress if shown is None else shown))

    async def _drive(self, responses: Responses | ListedResponses, shown: bool | None) -> None:
        """Answer Instances; the one path of every request."""
        from lm_eval.models.http.dispatcher import Dispatcher
        from lm_eval.models.http.progress import Progress

        if responses.scored and self._preflight.scorer is None:
            await self._preflight.choose_scorer(self.header)
        async with self._session.engine(self.header) as engine:
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

    def _units(self, slots: Iterable[Slot]) -> Iterator[Unit]:
        """Make units of slots, in their order."""
        from lm_eval.models.generation import generation_units

        for kind, group in itertools.groupby(slots, key=lambda slot: slot.instance.request_type):
            if kind == "generate_until":
                yield from generation_units(self, group, lambda: self.batch_size)
            else:
                yield from self._preflight.units(group, kind)

    @property
    def batch_size(self) -> int:
        """Prompts a request; one for chat, and for a server that failed several at once again and again."""
        return 1 if self.chat or self._failed_batches >= _BATCHES_THAT_MAY_FAIL else self.args.batch_size

    def batch_failed(self) -> None:
        """Take note that several prompts in a request failed together; they are asked one by one."""
        self._failed_batches += 1
        if self._failed_batches == _BATCHES_THAT_MAY_FAIL:
            eval_logger.warning("Several prompts in a request failed again and again; one a request from here on.")

    def _scoring_settings(self) -> ScoringSettings:
        from lm_eval.models.server.settings import ScoringSettings

        return ScoringSettings.of(self.args, chat=self.chat)

    async def _custom_scorer(self, ask: Ask, settings: ScoringSettings) -> Scorer:
        from lm_eval.models.scoring.custom import CustomScorer

        encodes = type(self).tok_encode is not TemplateAPI.tok_encode
        return await CustomScorer.make(self, settings, ask, encodes=encodes)

    def _light_call(self, generate: bool) -> Call:
        """Ask for one token, or for the score of a word: the same URL, model and key that the run will use."""
        if not generate:
            return Call(self.path, self.scoring_payload(["Hello"]))
        prompt = [{"role": "user", "content": "Hello"}] if self.chat else "Hello"
        instance = Instance("generate_until", {}, (prompt, {}), 0)
        return Call(self.path, self.generation_payload([instance], {"max_gen_toks": self._light_tokens}))

    @property
    def _light_tokens(self) -> int:
        return 1

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model={self.model!r}, endpoints={self._session.urls!r})"
