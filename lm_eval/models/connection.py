"""What an API model asks with: its requests, the state of its session and the check of its server."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from lm_eval.api.token_counter import TokenCounter
from lm_eval.config.redact import shown_url
from lm_eval.errors import CapabilityError, ConfigError
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.attributes import AttributeReader
from lm_eval.models.continuation import Continuation
from lm_eval.models.first_check import wrong_path
from lm_eval.models.hooks import own_fields
from lm_eval.models.http.runner import run
from lm_eval.models.http.session import Session
from lm_eval.models.overrides import SCORED, Overrides, is_overridden
from lm_eval.models.preflight import Preflight
from lm_eval.models.refused import RefusedFields
from lm_eval.models.requests import Requests
from lm_eval.models.thinking import Thinking
from lm_eval.models.work import Ask

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from lm_eval.models.estimate import Estimator
    from lm_eval.models.http.engine import Engine
    from lm_eval.models.scoring import Scorer
    from lm_eval.models.server.settings import ScoringSettings
    from lm_eval.models.server.tokenizer import RemoteTokenizer

__all__ = ["Connection"]

eval_logger = logging.getLogger("lm_eval")

_NO_URL = "http://no-url.invalid/v1"
"""Stands for the URL of a class that needs none."""


class Connection:
    """Builds the parts that ask a server, and builds them again when the model is changed.

    Attributes:
        requests: Builds the requests of the model and reads the replies.
        lock: Held while the parts are changed.
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
        for line in Overrides.check(owner, chat=bool(type(owner).chat)):
            eval_logger.warning("%s", line)
        if args.local_tokenizer is not None:
            eval_logger.warning(
                "tokenizer_backend=%s has no part in generated text, nor has tokenizer: the server tokenizes prompts.",
                args.tokenizer_backend,
            )
        self._attributes = AttributeReader(owner, args)
        self.requests = Requests(owner, args)
        self.lock = threading.RLock()
        self._scoring_is_known = False
        self._session: Session | None = None
        self._tokenizer: RemoteTokenizer | None = None
        if args.base_url:
            self._connect()

    def _connect(self) -> None:
        """Build what sends requests, from the arguments."""
        requests, before = self.requests, self._session
        args, path = requests.args, requests.path
        if not args.base_url:
            args = replace(args, base_url=_NO_URL)
        refused = requests.refused = RefusedFields(args.extra_body)
        session = self._session = Session(args, path)
        requests.thinking = Thinking(args, path, session.urls)
        requests.continuation = Continuation()
        if before is not None:
            session.begin(before.context)
            session.accounting = before.accounting
        custom = self._custom_scorer if requests.reads_logprobs else None
        whole = not path and all(url.partition("?")[0].endswith("/completions") for url in session.urls)
        chat = requests.chat or any(url.partition("?")[0].endswith("/chat/completions") for url in session.urls)
        prompts = not chat and (path == "/completions" or whole) and requests.overrides.call is None
        requests.preflight = Preflight(session, requests.settings, custom, path=path, prompts=prompts, refused=refused)
        for url in args.base_url.split(";") if isinstance(args.base_url, str) else args.base_url:
            if (note := wrong_path(shown_url(url.strip()), path)) is not None:
                eval_logger.warning("%s", note)

    def refresh(self) -> None:
        """Take over the attributes and methods of the model that were set since the last run."""
        requests = self.requests
        with self.lock:
            changed = self._attributes.changed()
            if is_overridden(self._owner, "max_length") and self._owner.max_length is not None:
                window = self._owner.max_length + 1
                changed |= {"max_length": window} if window != requests.args.max_length else {}
            if changed:
                requests.args = requests.args.changed(changed)
            requests.look()
            self._scoring_is_known = False
            if (changed or self._session is None) and self.has_url:
                self._connect()

    @property
    def session(self) -> Session:
        """The state of the model's requests.

        Raises:
            ConfigError: The model has no URL.
        """
        if self._session is None and self.requests.overrides.call is not None:
            self._connect()  # The class sends its requests itself, perhaps not to a server.
        if self._session is None:
            raise ConfigError("base_url is missing; give the server's URL: base_url=http://127.0.0.1:8000/v1.")
        return self._session

    @property
    def has_url(self) -> bool:
        """Whether the model has a URL."""
        return bool(self.requests.args.base_url)

    @property
    def urls(self) -> list[str]:
        """The base URLs without credentials; none before the model has one."""
        return self._session.urls if self._session is not None and self.has_url else []

    def engine(self) -> AbstractAsyncContextManager[Engine]:
        """Open an engine for the requests of a run."""
        return self.session.engine(self._owner.header, feeler=self.requests.feeler())

    def check_engine(self) -> AbstractAsyncContextManager[Engine]:
        """Open an engine that asks what a server is: it uses no journal and few retries."""
        return self.session.engine(self._owner.header, checking=True)

    def capability_table(self) -> str:
        """Find out what the server can do; see ``TemplateAPI.harness_capability_table``."""
        from lm_eval.models.scoring import capability_table

        self.refresh()
        if self.requests.reads_logprobs and self.requests.args.scoring is None:
            return "This model reads log-likelihoods itself (parse_logprobs); the server is not probed."
        self.learn_scoring()
        header = self._owner.header
        return capability_table(
            run(lambda: self.requests.preflight.find_capabilities(header)), self.requests.settings()
        )

    @property
    def can_be_planned(self) -> bool:
        """Whether the requests of a run are known before it: the class answers and sends none itself."""
        self.refresh()
        return not self.requests.overrides.methods and self.requests.overrides.call is None

    def estimator(self, *, kept: bool) -> Estimator:
        """Return an estimator of the requests of a run; see ``TemplateAPI.harness_estimator``."""
        from lm_eval.models.estimate import Estimator

        self.refresh()
        self.learn_scoring()
        return Estimator(self.requests, self.requests.settings(), self.check_engine, kept=kept)

    def token_counter(self) -> TokenCounter | None:
        """Return a counter that asks the server; see ``TemplateAPI.harness_token_counter``."""
        from lm_eval.models.token_counts import ServerCounter

        self.refresh()
        if not self.has_url:
            return None
        settings = self.requests.settings()
        usage_call = partial(self.requests.small_call, True)
        return ServerCounter(self._owner.model, self.check_engine, usage_call, special=settings.special)

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

            async with self.check_engine() as engine:
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

        found = self.requests.preflight.capabilities
        if found is None:
            async with self.check_engine() as engine:
                found = await read_description(engine.ask, self.requests.settings())
        return found.window(self.requests.args.max_length)

    def learn_scoring(self) -> None:
        """Find the fields that ``_create_payload`` of the class adds to requests that score, before the first of them.

        A class that builds no such request is refused, because its scores would pass over the method.
        """
        if self._scoring_is_known:
            return
        self._scoring_is_known = True
        try:
            fields = own_fields(self._owner, self.requests.hooks, self.requests.args.seed, chat=self.requests.chat)
        except CapabilityError as error:
            refused = {kind: str(error) for kind in SCORED if kind not in self.requests.overrides.methods}
            self.requests.overrides = replace(
                self.requests.overrides, refused={**refused, **self.requests.overrides.refused}
            )
            return
        if fields != self.requests.fields:
            self.requests.fields = fields
            if self._session is not None:
                self._connect()

    async def _custom_scorer(self, ask: Ask, settings: ScoringSettings) -> Scorer:
        from lm_eval.models.scoring.custom import CustomScorer

        return await CustomScorer.make(self.requests, settings, ask, encodes=is_overridden(self._owner, "tok_encode"))
