"""The base class of every model behind an HTTP API, as other people subclass it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from lm_eval.api.instance import Instance
from lm_eval.api.model import Answered, RunContext, TemplateLM
from lm_eval.api.token_counter import TokenCounter
from lm_eval.compatibility.elsewhere import elsewhere
from lm_eval.errors import APIError, CapabilityError, ConfigError
from lm_eval.models.arguments import ModelArguments, check_headers
from lm_eval.models.attributes import overridable
from lm_eval.models.generation import NONE_ANSWER
from lm_eval.models.http.runner import run
from lm_eval.models.messages import ChatPrompt, TemplatedPrompt, create_image_prompt
from lm_eval.models.overrides import Overrides
from lm_eval.models.pool import Pool

if TYPE_CHECKING:
    from lm_eval.models.estimate import Estimator

__all__ = [
    "LMEVAL_MODEL_NONE_ANSWER_PLACEHOLDER",
    "JsonChatStr",
    "LogLikelihoodInputs",
    "TemplateAPI",
    "create_image_prompt",
]

eval_logger = logging.getLogger("lm_eval")

_KEY_HEADERS = {"authorization", "api-key", "x-api-key"}
_DEFAULT_MAX_LENGTH = 2047

LMEVAL_MODEL_NONE_ANSWER_PLACEHOLDER = NONE_ANSWER
"""The response where the content of an answer is null; the environment variable of this name sets it."""
LogLikelihoodInputs: TypeAlias = tuple[tuple[str, str], list[int], list[int]]
"""What ``_loglikelihood_tokens`` takes: context and continuation, and the token ids of each."""
JsonChatStr = ChatPrompt
"""The messages of a prompt; ``prompt`` holds them as JSON text."""

if not TYPE_CHECKING:  # a type checker would accept every name

    def __getattr__(name: str) -> object:
        return elsewhere(__name__, name)


class TemplateAPI(TemplateLM):
    """A model behind an HTTP API.

    A subclass says what is sent and how an answer is read: ``_create_payload`` and ``parse_generations``, and where the
    API differs ``parse_logprobs``, ``header``, ``api_key``, ``create_message`` and ``path``. Everything else
    (concurrency, retries, rate limits, the journal) is the same for all. A subclass that overrides a request method,
    ``model_call`` or ``amodel_call`` answers with it; ``super()`` in it uses the pool.

    The arguments are also attributes, under the names of the reference harness: ``_max_gen_toks``, ``_batch_size``,
    ``_concurrent``, ``_seed``, ``_header``, ``_truncate``, ``_eos_string``, ``base_url``, ``timeout``, ``max_retries``
    and so on. Set after the constructor, they count from the next run on.

    Attributes:
        path: The API path after the base URL; empty to send requests to ``base_url`` exactly as given.
        chat: Whether prompts are messages.
        needs_model: Whether ``model`` is a required argument.
        defaults: Arguments whose defaults differ from those of ``ModelArguments``.
        args: The arguments as they were given.
        tokenized_requests: Always False: hooks get texts and messages, no token ids.
        tokenizer_backend: ``remote``, if that was given; otherwise None, as there is no tokenizer on this side.
        harness_pool: Answers the requests.
    """

    MULTIMODAL = True
    path: str = ""
    chat: bool = False
    needs_model: ClassVar[bool] = False
    defaults: ClassVar[Mapping[str, object]] = {}
    harness_keeps_answers = True
    harness_takes_batches = True
    _small_call_tokens: ClassVar[int] = 1

    args: ModelArguments
    model: str
    base_url: str | Sequence[str] | None
    timeout: float
    max_retries: int
    max_images: int
    verify_certificate: bool
    ca_cert_path: str | None
    auth_token: str | None
    add_bos_token: bool
    custom_prefix_token_id: int | None
    think_end_token: str | None
    tokenized_requests: bool
    tokenizer_backend: str | None
    _max_gen_toks: int
    _batch_size: int
    _concurrent: int
    _seed: int | None
    _header: dict[str, str] | None
    _truncate: bool
    _eos_string: str | None

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
            ConfigError: An argument does not exist, is missing, or has a wrong value; or the class has a method that
                would not be used.
        """
        super().__init__()
        given = {"model": model, "pretrained": pretrained, "base_url": base_url, **arguments}
        args = self.args = ModelArguments.parse(
            {name: value for name, value in given.items() if value is not None},
            self.defaults,
            passes_more="" if type(self).__init__ is TemplateAPI.__init__ else type(self).__name__,
        )
        own = Overrides.of(self, 1)
        # A constructor of the class may set these later, and its methods may not need them.
        if type(self).__init__ is TemplateAPI.__init__ and not own.methods and own.call is None:
            if not args.base_url:
                raise ConfigError("base_url is missing; give the server's URL: base_url=http://127.0.0.1:8000/v1.")
            if self.needs_model and not args.model:
                raise ConfigError(
                    "model is missing; name it as the server does: model=NAME (GET /v1/models lists names)."
                )
        self.tokenized_requests = False
        self.tokenizer_backend = "remote" if str(args.tokenizer_backend).lower() == "remote" else None
        self.harness_pool = Pool(self, args)
        if self.chat and args.batch_size > 1:
            self._batch_size = 1
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

    @overridable
    def api_key(self) -> str:
        """The API key: ``auth_token``, else the environment variable OPENAI_API_KEY, else empty."""
        return self.auth_token or os.environ.get("OPENAI_API_KEY", "")

    @overridable
    def header(self) -> dict[str, str]:
        """The HTTP headers of every request: the API key, and the headers that the user gave."""
        given = self._header or {}
        key = "" if _KEY_HEADERS & {name.lower() for name in given} else self.api_key
        headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **given}
        check_headers(headers)  # OPENAI_API_KEY may end in a carriage return
        return headers

    @overridable
    def eos_string(self) -> str | None:
        """One more stop sequence, if the user gave one."""
        return self._eos_string

    @overridable
    def tokenizer(self) -> Any:
        """The server's tokenizer where ``tokenizer_backend`` is ``remote``; otherwise None."""
        if self.tokenizer_backend != "remote":
            return None
        from lm_eval.models.server.remote import RemoteTokenizer

        url = self.base_url if isinstance(self.base_url, str) else (self.base_url or [""])[0]
        more = self.verify_certificate, self.ca_cert_path, self.api_key or None
        return RemoteTokenizer(url.partition(";")[0], self.timeout, *more)

    @overridable
    def max_length(self) -> int:
        """The maximum number of tokens in a prompt: the model's window without the token that is generated.

        The window is that of ``max_length`` in the arguments, else the one that the server reports; where it reports
        none, 2048 as in the reference harness, with a warning.
        """
        window = self.harness_pool.requests.args.max_length
        try:
            window = window or run(self.harness_pool.connection.find_window)
        except (APIError, ConfigError) as error:
            eval_logger.warning("The model's window is not known: %s", error)
        if window is None:
            eval_logger.warning(
                "The server does not say its window; max_length of the model is %d.", _DEFAULT_MAX_LENGTH
            )
            return _DEFAULT_MAX_LENGTH
        return window - 1

    def create_message(self, messages: Sequence[Any], generate: bool = False) -> Any:
        """Turn the prompts of one request into the ``messages`` of ``_create_payload``.

        Args:
            messages: The prompts: texts, or messages as a ``JsonChatStr``.
            generate: Whether text is generated.

        Returns:
            The prompt of a request with one, as text or as a list of messages; or the list of prompts.
        """
        first = messages[0]
        if isinstance(first, ChatPrompt):
            return [dict(message) for message in first]
        return first if len(messages) == 1 else list(messages)

    def apply_chat_template(self, chat_history: list[dict[str, Any]], add_generation_prompt: bool = True) -> object:
        """Keep the messages as they are; where requests hold text, a chat template writes them before they are sent.

        Args:
            chat_history: Messages ``{"role", "content"}``.
            add_generation_prompt: Whether to open an assistant turn at the end; else the last message is left open.
                Not sent with messages: servers decide by the role of the last one.

        Returns:
            The messages, as a prompt that can be hashed.
        """
        if type(self).path == "/completions":
            return TemplatedPrompt.of(chat_history, continues=not add_generation_prompt)
        return ChatPrompt(chat_history)

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **kwargs: object) -> list[int]:
        """Tokenize a text: with ``tokenizer``, if the class has set one, else with the server's tokenizer.

        Args:
            string: The text.
            add_special_tokens: Whether special tokens are added; None means only with ``add_bos_token=true``.
            **kwargs: Ignored; kept for compatibility with the reference harness.

        Returns:
            Token ids.

        Raises:
            ConfigError: The server has no tokenizer endpoint.
        """
        special = self.add_bos_token if add_special_tokens is None else add_special_tokens
        own = vars(self).get("tokenizer")
        if own is None:
            return self.harness_pool.connection.encode(string, special)
        if callable(own):
            return list(own(string, add_special_tokens=special)["input_ids"])
        return list(own.encode(string))

    # Requests, for subclasses that send or answer them themselves.

    def model_call(
        self, messages: Sequence[Any], *, generate: bool = True, gen_kwargs: dict[str, Any] | None = None, **kwargs: Any
    ) -> Any:
        """Send one request and return its reply.

        Args:
            messages: The prompts of the request.
            generate: Whether text is generated.
            gen_kwargs: The generation settings.
            **kwargs: For subclasses.

        Returns:
            The parsed JSON of the reply.

        Raises:
            APIError: The request failed for good.
        """
        return self.harness_pool.send(messages, gen_kwargs, generate=generate)

    async def amodel_call(
        self,
        session: Any,
        sem: Any,
        messages: Sequence[Any],
        *,
        generate: bool = True,
        cache_keys: list[Any] | None = None,
        ctxlens: list[int] | None = None,
        gen_kwargs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Send one request and read its answers.

        Args:
            session: Ignored: the engine sends the request.
            sem: Ignored: the engine limits the requests in flight.
            messages: The prompts of the request.
            generate: Whether text is generated.
            cache_keys: Ignored: the journal keeps replies.
            ctxlens: Per prompt, the number of tokens of the context.
            gen_kwargs: The generation settings.
            **kwargs: For subclasses.

        Returns:
            One answer per prompt.

        Raises:
            APIError: The request failed for good.
        """
        body = await self.harness_pool.asend(messages, gen_kwargs, generate=generate)
        if generate:
            return self.harness_pool.requests.parse_generations(body, count=len(messages), contexts=list(messages))
        return self.harness_pool.requests.parse_logprobs(body, tokens=list(messages), ctxlens=ctxlens)

    async def get_batched_requests(
        self,
        requests: list[Any],
        cache_keys: list[Any],
        *,
        generate: bool = True,
        ctxlens: list[int] | None = None,
        **kwargs: Any,
    ) -> list[list[Any]]:
        """Answer prompts with the same generation settings.

        Args:
            requests: The prompts.
            cache_keys: Ignored: the journal keeps replies.
            generate: Whether text is generated; False is refused.
            ctxlens: Ignored.
            **kwargs: ``gen_kwargs``, the generation settings.

        Returns:
            A list with one text per prompt.

        Raises:
            CapabilityError: Prompts would be scored.
        """
        if not generate:
            raise CapabilityError("get_batched_requests generates text only; use loglikelihood to score.")
        answers = await self.harness_pool.answer_prompts(requests, kwargs.get("gen_kwargs") or {})
        return [[answer] for answer in answers]

    def batch_loglikelihood_requests(
        self, chunks: Iterable[list[LogLikelihoodInputs]]
    ) -> tuple[list[list[int]], list[int], list[tuple[str, str]]]:
        """Join the token ids of contexts and continuations; the left end of what is too long is cut.

        Args:
            chunks: Lists of ``((context, continuation), context ids, continuation ids)``.

        Returns:
            The ids, the number of ids of each context that are left, and the texts.
        """
        inputs, lengths, keys = [], [], []
        for key, context, continuation in (request for chunk in chunks for request in chunk):
            ids = context + continuation
            cut = max(0, len(ids) - self.max_length)
            inputs.append(ids[cut:])
            lengths.append(len(context) - cut)
            keys.append(key)
        return inputs, lengths, keys

    # What an evaluation calls.

    def harness_prepare(self, context: RunContext) -> None:
        """Check the server, and find out what it can do, before any dataset is loaded.

        Args:
            context: The settings of the run.

        Raises:
            APIError: The endpoint cannot be used.
        """
        self.harness_pool.prepare(context)

    def harness_capability_table(self) -> str:
        """Find out what the server can do, with a few requests.

        Returns:
            A table of the findings, the scoring strategies, and the output types that can run.

        Raises:
            APIError: The endpoint cannot be used.
        """
        return self.harness_pool.connection.capability_table()

    def harness_refuses(self, request_type: str) -> str | None:
        """Say why a request type cannot be answered, as found by ``harness_prepare``.

        Args:
            request_type: A request type.

        Returns:
            The reason, or None.
        """
        return self.harness_pool.refuses(request_type)

    def harness_scores_letters(self) -> str | None:
        """Say how a choice among single letters can be scored where log-likelihoods are refused; None if it cannot."""
        if self.path != "/chat/completions" or self.harness_pool.requests.args.scoring is not None:
            return None
        return "Choices of one letter can be looked up in the first token: scoring=chat_first_token in --model_args."

    def harness_not_continued(self) -> str | None:
        """Say that answers do not continue the start that a task gives them (``gen_prefix``).

        Returns:
            The sentence, as found by ``harness_prepare``; None if answers are continued.
        """
        return self.harness_pool.not_continued()

    @property
    def harness_can_be_planned(self) -> bool:
        """Whether the requests of a run are known before it: the class answers and sends none itself."""
        return self.harness_pool.connection.can_be_planned

    def harness_estimator(self, *, kept: bool = False) -> Estimator:
        """Return an estimator of the requests and tokens of a run, which asks for no answer.

        Args:
            kept: Whether the run keeps its answers in a file, so that equal requests are sent only once. Default False.

        Returns:
            The estimator.
        """
        return self.harness_pool.connection.estimator(kept=kept)

    def harness_token_counter(self) -> TokenCounter | None:
        """Return a counter that asks the server's tokenizer, or for one token where there is none.

        Returns:
            The counter; None for a model without a URL.
        """
        return self.harness_pool.connection.token_counter()

    def harness_follows(self) -> bool:
        """Whether a later turn of a conversation is asked as soon as its earlier ones are answered.

        Not where a method of the class answers, a chat template writes prompts as text, or requests go in batches.
        """
        return self.harness_pool.follows

    def harness_respond(self, instances: Iterable[Instance], answered: Answered | None = None) -> None:
        """Answer Instances of any request types from one pool of workers.

        A request type whose method the class overrides is answered by that method.

        Args:
            instances: All Instances of a run, or an iterator over them; the method sets ``resps`` and ``info``, or
                ``error``, of each.
            answered: Called in the event loop once an Instance is complete; see ``LM.harness_respond``. Where a method
                of the class answers, it is called when that method has returned.

        Raises:
            CapabilityError: The model refuses a request type.
            APIError: The endpoint cannot be used at all.
            RunStopped: A budget is spent; answers so far are on their Instances and in the journal.
        """
        self.harness_pool.respond(instances, answered)

    def harness_describe(self) -> dict[str, Any]:
        """Return the findings about the endpoint and, under ``run``, the counters of this run; without secrets."""
        return self.harness_pool.describe()

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        """Generate text; see ``LM.generate_until``."""
        return self.harness_pool.answer_list(requests, disable_tqdm)

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Score continuations; see ``LM.loglikelihood``."""
        return self.harness_pool.answer_list(requests, disable_tqdm)

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        """Score complete texts; see ``LM.loglikelihood_rolling``."""
        return self.harness_pool.answer_list(requests, disable_tqdm)

    @property
    def tokenizer_name(self) -> str:
        """The name of the model, because the server applies its chat template."""
        return self.args.tokenizer or self.model

    @overridable
    def eot_token_id(self) -> int | None:
        """Always None: only the server knows the token."""
        return None

    @overridable
    def prefix_token_id(self) -> int | None:
        """The token that the user chose to replace an empty context."""
        return self.custom_prefix_token_id

    def _loglikelihood_tokens(self, requests: list[LogLikelihoodInputs], **kwargs: object) -> list[tuple[float, bool]]:
        """Score the texts: the server tokenizes them itself, so the caller's token ids are not used."""
        texts = [Instance("loglikelihood", {}, texts, 0) for texts, _, _ in requests]
        return self.harness_pool.answer_list(texts, bool(kwargs.get("disable_tqdm")))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(model={self.model!r}, endpoints={self.harness_pool.connection.urls!r})"
