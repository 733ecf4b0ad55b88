"""The requests of one API model: their bodies, as they are sent, and the reading of replies."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lm_eval.api.instance import Instance
from lm_eval.api.model import RunContext
from lm_eval.config.generation import CONSTRAINED_TO, LIMITS, take_stops
from lm_eval.errors import APIError, CapabilityError, ConfigError, LMEvalError
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.continuation import Continuation
from lm_eval.models.first_check import FirstCalls, distinct_settings, limit_of
from lm_eval.models.hooks import Hooks
from lm_eval.models.messages import TemplatedPrompt
from lm_eval.models.overrides import Overrides, is_overridden
from lm_eval.models.refused import RefusedFields
from lm_eval.models.thinking import Thinking, overlaid
from lm_eval.models.work import Call

if TYPE_CHECKING:
    from lm_eval.models.own_calls import OwnCalls
    from lm_eval.models.preflight import Preflight
    from lm_eval.models.prompt_ids import PromptIds
    from lm_eval.models.server.settings import ScoringSettings

__all__ = ["Requests"]

eval_logger = logging.getLogger("lm_eval")

_MAX_FAILED_BATCHES = 3
_CONSTRAINED_TOKENS = 40
_CONTINUED_TOKENS = 16


class Requests:
    """Builds requests with the hooks of a model's class, and reads replies with them. It implements ``APIModel``.

    Attributes:
        args: The arguments, with what the class or a script has set as attributes of the model.
        path: What follows the base URL.
        chat: Whether prompts are messages.
        hooks: Calls the hooks of the class.
        overrides: What the class does itself.
        own_calls: Calls the ``model_call`` or ``amodel_call`` of the class, while a run is under way; None elsewhere.
        templated: Whether prompts go through ``apply_chat_template``.
        fields: What the class adds to requests that score, beside the fields of the strategy.
        refused: What the server has refused.
        thinking: What is known about the thoughts of the model.
        continuation: How the server continues the start of an answer.
    """

    def __init__(self, owner: Any, args: ModelArguments) -> None:
        """Look at the class of the model.

        Args:
            owner: The model.
            args: Its arguments.
        """
        kind = type(owner)
        self._owner, self.args = owner, args
        self.path, self.chat = str(kind.path), bool(kind.chat)
        self.own_calls: OwnCalls | None = None
        self.templated = False
        self.fields: dict[str, object] = {}
        self.refused = RefusedFields(args.extra_body)
        self.thinking = Thinking(args, self.path)
        self.continuation = Continuation()
        self._small_tokens = int(getattr(kind, "_small_call_tokens", 1))
        self._failed_batches = 0
        self._preflight: Preflight | None = None
        self.look()

    def look(self) -> None:
        """Look at the hooks and methods of the model, some of which may have been set just now."""
        self.hooks = Hooks(self._owner, self.args.max_images, self.args.max_media_mb)
        concurrent, local = self.args.num_concurrent, self.args.local_tokenizer
        if self.hooks.reads_logprobs or self.chat:
            local = None
        self.overrides = Overrides.of(self._owner, concurrent if isinstance(concurrent, int) else 2, local)

    @property
    def preflight(self) -> Preflight:
        """The check before a run.

        Raises:
            ConfigError: The model has no URL.
        """
        if self._preflight is None:
            raise ConfigError("base_url is missing; give the server's URL: base_url=http://127.0.0.1:8000/v1.")
        return self._preflight

    @preflight.setter
    def preflight(self, preflight: Preflight) -> None:
        self._preflight = preflight

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

        Raises:
            CapabilityError: The settings offer tools, and prompts are no messages.
        """
        if settings.get("tools") and not self.chat:
            raise CapabilityError(
                f"{type(self._owner).__name__} sends prompts as text, and tools need messages; use a chat endpoint, for"
                " example --model local-chat-completions --apply_chat_template."
            )
        answers = settings.pop(CONSTRAINED_TO, None)
        if answers is not None and self._preflight is not None and self._preflight.constraint is not None:
            from lm_eval.models.server.constraints import constraint_fields

            settings |= constraint_fields(self._preflight.constraint, answers)
        given = settings.pop("seed", self.args.seed)
        seed = None if given is None else int(given) + repeat
        return self.continuation.applied(self._payload(self.hooks.messages(instances), settings, seed, generate=True))

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
        if generate:
            body = self.refused.applied(self.thinking.merged(body) if self.thinking.fields else body)
        more = self.args.extra_body
        if any(name in more for name in LIMITS):  # two limits would contradict each other
            body = {name: value for name, value in body.items() if name not in LIMITS}
        return overlaid(body, more) if more else body

    @property
    def thinks(self) -> bool:
        """Whether a thought precedes the answer, so that a stop string would cut it."""
        return self.thinking.expected

    def rest_of(self, prompt: object, text: str) -> str:
        """Cut off the start of an answer that the prompt gave, where the server returns it in front of the rest."""
        return self.continuation.rest(prompt, text)

    def learn_refusal(self, error: APIError, payload: Mapping[str, object]) -> bool:
        """Learn which field a server refuses.

        Args:
            error: How a request failed.
            payload: Its body.

        Returns:
            Whether another attempt has a body that the server may take.
        """
        return self.refused.learn(error, payload)

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
        if not isinstance(prompt, str) or self._preflight is None:
            return False
        return self.preflight.settings.starts_with_bos(prompt)

    def batch_failed(self) -> None:
        """Count a request with several prompts that failed; its prompts are sent again, one per request."""
        self._failed_batches += 1
        if self._failed_batches == _MAX_FAILED_BATCHES:
            eval_logger.warning("Several requests with more than one prompt failed; sending one prompt per request.")

    def settings(self) -> ScoringSettings:
        """Return the settings of scoring."""
        from lm_eval.models.server.settings import ScoringSettings

        settings, owner = ScoringSettings.of(self.args, chat=self.chat), self._owner
        if self.fields or self.thinking.fields:
            more = self.thinking.merged(settings.extra_body)
            settings = replace(settings, extra_body={**self.fields, **more})
        if is_overridden(owner, "eos_string"):
            settings = replace(settings, eos_string=owner.eos_string)
        if is_overridden(owner, "prefix_token_id"):
            settings = replace(settings, custom_prefix_token_id=owner.prefix_token_id)
        return settings

    def call(
        self, messages: Sequence[object], settings: Mapping[str, Any] | None, repeat: int, *, generate: bool
    ) -> Call:
        """Build the call for prompts, as ``super().model_call`` sends it.

        Args:
            messages: The prompts.
            settings: The generation settings.
            repeat: The number of the repeat.
            generate: Whether text is generated.

        Returns:
            The call.
        """
        given = dict(settings or {})
        seed = given.pop("seed", self.args.seed) if generate else self.args.seed
        payload = self._payload(
            messages, given, seed if seed is None else int(seed) + repeat * generate, generate=generate
        )
        return Call(self.path, payload, repeat)

    # The first calls of a run.

    def small_call(self, generate: bool, text: str = "Hello") -> Call:
        """Build a small call to the URL, model and key of the run: it generates a token, or scores a word."""
        if not generate:
            return Call(self.path, self.scoring_payload(["Hello"]))
        instance = Instance("generate_until", {}, (self._prompt(text), {}), 0)
        return Call(self.path, self.generation_payload([instance], {"max_gen_toks": self._small_tokens}))

    def _prompt(self, text: str, system: str | None = None) -> object:
        """Write a small prompt in the form that the prompts of the run have."""
        messages = [{"role": "system", "content": system}] if system else []
        messages.append({"role": "user", "content": text})
        if self.chat:
            return messages
        if self.templated:
            try:
                written = self._owner.apply_chat_template(messages)
                # Messages that the server's template has still to write are no prompt yet; plain text tells as much
                # about the fields of a request.
                return text if isinstance(written, TemplatedPrompt) else written
            except Exception:  # The class has no template, which is an error of the first prompt of a task.
                return text
        return text

    def first_calls(self, context: RunContext) -> FirstCalls:
        """Build the calls that check the server before a run.

        Args:
            context: The settings of the run.

        Returns:
            The calls; none, with a warning, if the class of the model cannot build them.
        """
        try:
            return self._first_calls(context)
        except LMEvalError:
            raise
        except Exception as error:
            what = "%s cannot build a request to check the server before the run: %s: %s"
            eval_logger.warning(what, type(self._owner).__name__, type(error).__name__, error)
            return FirstCalls(None)

    def _first_calls(self, context: RunContext) -> FirstCalls:
        default, generates = self.args.max_gen_toks, "generate_until" in context.request_types
        scores = self.reads_logprobs and not generates
        all_settings = [
            {key: value for key, value in settings.items() if key != CONSTRAINED_TO}
            for settings in (context.generation if generates else ())
        ]
        own = [
            (self._own_call(context, settings, "Hello"), self._own_call(context, settings, "What is 2 + 2?"))
            for settings in distinct_settings(all_settings, default)
        ]
        return FirstCalls(
            None if scores else self.small_call(True),
            self.small_call(False) if scores else None,
            own,
            [limit_of(settings, default) for settings in all_settings],
            self.refused,
            self.thinking.observe,
            self.thinking.second_look,
        )

    def constrained_call(self, context: RunContext, fields: Mapping[str, object]) -> Call:
        """Build a call with the fields of a constraint, and room for an object with a short text."""
        return self._own_call(context, {"max_gen_toks": _CONSTRAINED_TOKENS, "temperature": 0, **fields}, "Hello")

    def continued_call(self, context: RunContext, messages: Sequence[Mapping[str, str]]) -> Call:
        """Build a small call with messages, at the temperature of the run."""
        settings: dict[str, Any] = {"max_gen_toks": _CONTINUED_TOKENS}
        for given in context.generation[:1]:
            settings |= {name: value for name, value in given.items() if name in ("temperature", "do_sample")}
        instance = Instance("generate_until", {}, (list(messages), {}), 0)
        return Call(self.path, self.generation_payload([instance], settings))

    def _own_call(self, context: RunContext, settings: Mapping[str, object], text: str) -> Call:
        """Build a call with generation settings of the run, and with its system message."""
        # Only documents have tools, and a choice among none is an error.
        given = {name: value for name, value in settings.items() if name not in ("tool_choice", "parallel_tool_calls")}
        if self.thinks:
            take_stops(given)
        instance = Instance("generate_until", {}, (self._prompt(text, context.system_instruction), {}), 0)
        return Call(self.path, self.generation_payload([instance], given))

    def feeler(self) -> Call | None:
        """Build the call that finds out during an outage whether the server answers again."""
        if not self.path or self.reads_logprobs or self.overrides.call is not None:
            return None
        try:
            return self.small_call(True)
        except LMEvalError:
            raise
        except Exception:  # Code of the class; an outage then ends with the first request that is answered.
            return None
