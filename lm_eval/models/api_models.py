"""The base of every model behind an HTTP API: one pool for all requests of a run."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from lm_eval.api.instance import Instance, RequestError
from lm_eval.api.model import RunContext, TemplateLM
from lm_eval.errors import CapabilityError, ConfigError
from lm_eval.models.abilities import Abilities
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.runner import nothing_to_collect, run
from lm_eval.models.session import Session
from lm_eval.models.work import Answer, Call, Slot, Unit

if TYPE_CHECKING:
    from lm_eval.models.pool import ListedResponses, Responses
    from lm_eval.models.scoring.settings import ScoringSettings

__all__ = ["TemplateAPI"]

eval_logger = logging.getLogger("lm_eval")

_BATCHES_THAT_MAY_FAIL = 3
_AUTHENTICATES = {"authorization", "api-key", "x-api-key"}


class TemplateAPI(TemplateLM):
    """A model behind an HTTP API.

    A subclass says what is sent and how an answer is read: ``_create_payload`` and ``parse_generations``, and where the
    API differs ``header``, ``api_key`` and ``path``. Everything else (concurrency, retries, limits, the journal) is
    the same for all.

    Attributes:
        path: What follows the base URL; empty to ask ``base_url`` exactly as it is given.
        chat: Whether prompts are messages.
        defaults: Arguments that differ from those of ``ModelArguments``.
        args: The arguments.
    """

    path: str = ""
    chat: bool = False
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
        self._abilities = Abilities(self._session, self._scoring_settings)
        self._failed_batches = 0

    # What a subclass says.

    def _create_payload(
        self,
        messages: Any,
        *,
        generate: bool = True,
        gen_kwargs: dict[str, Any] | None = None,
        seed: int | None = 1234,
        eos: str | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Build the JSON body of a request.

        Args:
            messages: A prompt, several prompts, or the messages of one.
            generate: Whether text is wanted; otherwise log-probabilities of the prompt.
            gen_kwargs: A task's generation settings; may be changed.
            seed: For settings without one.
            eos: One more stop sequence.
            **kwargs: For subclasses.

        Returns:
            The body.

        Raises:
            ConfigError: This class does not say what its API is sent.
        """
        raise ConfigError(f"{type(self).__name__} does not define _create_payload.")

    @staticmethod
    def parse_generations(outputs: Any, **kwargs: Any) -> list[str]:
        """Read the texts of an answer, in the order of the prompts.

        Args:
            outputs: The parsed JSON, or a list of them.
            **kwargs: ``count``, the number of prompts sent.

        Returns:
            A text a prompt.

        Raises:
            ConfigError: This class does not say how its API answers.
        """
        raise ConfigError("A subclass of TemplateAPI has to define parse_generations.")

    @staticmethod
    def parse_logprobs(
        outputs: Any, tokens: Any = None, ctxlens: Any = None, **kwargs: Any
    ) -> list[tuple[float, bool]]:
        """Read the log-likelihoods of an answer.

        Args:
            outputs: The parsed JSON, or a list of them.
            tokens: The token ids sent, a list a prompt.
            ctxlens: How many of them are context, a number a prompt.
            **kwargs: For subclasses.

        Returns:
            Log-likelihood in nats and whether greedy decoding gives the continuation, a pair a prompt.

        Raises:
            CapabilityError: This class does not score prompts.
        """
        raise CapabilityError("This model does not read log-likelihoods.")

    @property
    def api_key(self) -> str:
        """The key: ``auth_token``, else OPENAI_API_KEY from the environment, else empty."""
        return self.args.auth_token or os.environ.get("OPENAI_API_KEY", "")

    @property
    def header(self) -> dict[str, str]:
        """The HTTP headers that authenticate, and those the user gave."""
        given = self.args.header
        key = "" if _AUTHENTICATES & {name.lower() for name in given} else self.api_key
        return {**({"Authorization": f"Bearer {key}"} if key else {}), **given}

    # What an evaluation asks.

    def generation_payload(
        self, instances: Sequence[Instance], settings: dict[str, Any], repeat: int = 0
    ) -> dict[str, Any]:
        """Build the body of a generation request, exactly as it is sent.

        Args:
            instances: The Instances asked together; one for chat.
            settings: Their generation settings.
            repeat: Which repeat it is. Its number is added to the seed, so that samples of one prompt differ.

        Returns:
            The body.
        """
        if self.args.seed is not None or settings.get("seed") is not None:
            own = settings.pop("seed", None)
            seed: int | None = int(self.args.seed if own is None else own) + repeat  # type: ignore[arg-type]
        else:
            seed = None
        messages = self.create_message(instances)
        payload = self._create_payload(
            messages, generate=True, gen_kwargs=settings, seed=seed, eos=self.eos_string
        )  # fmt: skip
        return {**payload, **self.args.extra_body} if self.args.extra_body else payload

    def create_message(self, instances: Sequence[Instance]) -> Any:
        """Turn the Instances of one request into what ``_create_payload`` gets.

        Args:
            instances: The Instances asked together.

        Returns:
            The prompt of one Instance, the list of prompts of several.
        """
        prompts = [instance.args[0] for instance in instances]
        return prompts[0] if len(prompts) == 1 else prompts

    def prepare(self, context: RunContext) -> None:
        """Check the server and learn what it can do, before any dataset is loaded.

        Args:
            context: What the run will ask.

        Raises:
            APIError: The endpoint cannot be used.
        """
        self._session.begin(context)
        run(lambda: self._abilities.check(self.header, context.request_types, self._light_call))

    def refuses(self, request_type: str) -> str | None:
        """Tell why a request type cannot be answered, as found by ``prepare``.

        Args:
            request_type: A request type.

        Returns:
            The reason, or None.
        """
        return self._abilities.refusals.get("loglikelihood" if request_type == "multiple_choice" else request_type)

    def respond(self, instances: Sequence[Instance]) -> None:
        """Answer Instances of any types from one pool of workers.

        Args:
            instances: The Instances of a whole run; their ``resps`` and ``info``, or ``error``, are filled.

        Raises:
            CapabilityError: A request type that this model refuses.
            APIError: The endpoint cannot be used at all.
            RunStopped: A budget is spent; answers so far are on their Instances and in the journal.
        """
        from lm_eval.models.pool import Responses

        responses = Responses(instances)
        try:
            self._answer(responses)
        finally:
            responses.finish()

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
            **self._abilities.describe(),
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
            from lm_eval.models.tokenize import find_tokenizer

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
        from lm_eval.models.pool import ListedResponses

        responses = ListedResponses(requests)
        self._answer(responses, shown=False if quiet else None)
        return responses.finish()

    def _answer(self, responses: Responses | ListedResponses, shown: bool | None = None) -> None:
        if responses.total:
            run(lambda: self._drive(responses, self._session.context.progress if shown is None else shown))

    async def _drive(self, responses: Responses | ListedResponses, shown: bool | None) -> None:
        """Answer Instances; the one path of every request."""
        from lm_eval.models.dispatcher import Dispatcher
        from lm_eval.models.progress import Progress

        if responses.scored and self._abilities.scorer is None:
            await self._abilities.learn(self.header)
        async with self._session.engine(self.header) as engine:
            progress = Progress(responses.total, engine, shown)

            def answered(answer: Answer) -> None:
                responses.answered(answer)
                progress.advance()

            def lost(slot: Slot, error: RequestError) -> None:
                responses.lost(slot, error)
                progress.fail()

            try:
                with nothing_to_collect():
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
                yield from self._abilities.units(group, kind)

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
        from lm_eval.models.scoring.settings import ScoringSettings

        args = self.args
        return ScoringSettings(
            model=self.model,
            chat=self.chat,
            max_length=args.max_length,
            truncate=args.truncate,
            scoring=args.scoring,
            seed=args.seed,
            extra_body=args.extra_body,
            batch_size=args.batch_size,
            add_bos_token=args.add_bos_token,
            custom_prefix_token_id=args.custom_prefix_token_id,
            eos_string=args.eos_string,
            num_logprobs=args.num_logprobs,
        )

    def _light_call(self) -> Call:
        """Ask for one token: the same URL, model and key that the run will use."""
        prompt = [{"role": "user", "content": "Hello"}] if self.chat else "Hello"
        instance = Instance("generate_until", {}, (prompt, {}), 0)
        return Call(self.path, self.generation_payload([instance], {"max_gen_toks": self._light_tokens}))

    @property
    def _light_tokens(self) -> int:
        return 1

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model={self.model!r}, endpoints={self._session.urls!r})"
