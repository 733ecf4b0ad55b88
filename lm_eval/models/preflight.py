"""The check before a run: can this server answer what the run asks, and by which scoring strategy?"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lm_eval.config.generation import CONSTRAINED_TO
from lm_eval.errors import (
    APIError,
    AuthenticationError,
    CapabilityError,
    EndpointNotFound,
    EndpointUnreachable,
    MalformedResponse,
    RequestRejected,
    RequestTimeout,
)
from lm_eval.models.first_check import FirstCalls, ask_own, check_window, look_again, name_other_api
from lm_eval.models.http.session import Session
from lm_eval.models.refused import RefusedFields, ask_learning, learning
from lm_eval.models.work import Ask, Call, Slot, Unit

if TYPE_CHECKING:
    from lm_eval.models.prompt_ids import PromptIds
    from lm_eval.models.scoring import Scorer
    from lm_eval.models.server.bos import BosUse
    from lm_eval.models.server.capabilities import Capabilities
    from lm_eval.models.server.settings import ScoringSettings

__all__ = ["NO_SERVER_TO_ASK", "Preflight"]

eval_logger = logging.getLogger("lm_eval")

_FATAL = (
    AuthenticationError,
    EndpointNotFound,
    EndpointUnreachable,
    MalformedResponse,
    RequestRejected,
    RequestTimeout,
)
"""Failures that every later request would meet, too."""
_SCORED = ("loglikelihood", "loglikelihood_rolling")
NO_SERVER_TO_ASK = "The run goes through files and names no server to ask; add base_url=URL to model_args."
"""Why something cannot be found out."""


class Preflight:
    """Checks the server before any dataset is built, chooses a scoring strategy, and refuses what cannot be answered.

    Attributes:
        capabilities: The findings of the probe; None before a run needs log-likelihoods.
        scorer: The chosen strategy; None before it is chosen, or when there is none.
        refusals: Request type to the reason why it cannot be answered.
        bos: Whether a BOS token precedes prompts; None before that is found out, and for classes that score themselves.
        prompt_ids: What turns prompts of generation into token ids; None when all are sent as text.
        constraint: The mechanism by which answers are constrained; None before it is found, or when there is none.
        questions: Calls that show what a server does that cannot be asked, and have no reply yet.
    """

    def __init__(
        self,
        session: Session,
        settings: Callable[[], ScoringSettings],
        custom: Callable[[Ask, ScoringSettings], Awaitable[Scorer]] | None = None,
        *,
        path: str = "",
        prompts: bool = True,
        refused: RefusedFields | None = None,
    ) -> None:
        """Store the parts; nothing is sent.

        Args:
            session: Opens engines.
            settings: Returns the scoring settings of the model.
            custom: Builds the strategy of a model class that overrides ``parse_logprobs``; None for other classes.
            path: The API path of the model class.
            prompts: Whether requests hold prompts, so that a BOS token may precede them. Default True.
            refused: Learns which fields the server refuses; None learns nothing.
        """
        self._refused = refused
        self._session, self._given, self._custom, self._prompts = session, settings, custom, prompts
        self._path = path
        self._applied: ScoringSettings | None = None
        self.bos: BosUse | None = None
        self.prompt_ids: PromptIds | None = None
        self.constraint: str | None = None
        self.questions: Sequence[Call] = ()
        self._prepared = False
        self.capabilities: Capabilities | None = None
        self.scorer: Scorer | None = None
        self.refusals: dict[str, str] = {}

    async def check(self, header: Mapping[str, str], request_types: Collection[str], calls: FirstCalls) -> None:
        """Check that the server can answer the request types of a run; fill ``refusals`` with those it cannot.

        Args:
            header: The HTTP headers to send.
            request_types: The request types of the run.
            calls: Calls to the URL, model and key of the run, with the run's own settings.

        Raises:
            APIError: The server cannot be used at all, or rejects the settings of the run.
        """
        self.refusals = {}
        kinds = {"loglikelihood" if kind == "multiple_choice" else kind for kind in request_types}
        try:
            await self._check_scored(header, [kind for kind in _SCORED if kind in kinds])
            if "generate_until" in kinds:
                await self.prepare_prompts(header)
            found, longest = self.capabilities, self.settings.max_length
            check_window(calls.limits, found.window(longest) if found is not None else longest)
            if calls.own:
                await self._send_own(header, calls)
            elif self.capabilities is None or "generate_until" in kinds:
                await self._send(header, calls.small or calls.scoring, calls)
        except EndpointNotFound as error:
            async with self._session.engine(header, checking=True) as engine:
                raise await name_other_api(engine.ask, self._path, self.settings.model, error) from error
        await self._session.identify(header)

    async def check_files(self, header: Mapping[str, str], request_types: Collection[str]) -> None:
        """Do what ``check`` does where requests go through files and there is no server to ask.

        Replies of an earlier process that are in the files are read first, those to the questions about the server
        among them. The questions that have no reply yet are ``questions``.

        Args:
            header: The HTTP headers of the model.
            request_types: The request types of the run.
        """
        from lm_eval.models.batches.rounds import read_replies
        from lm_eval.models.scoring import make_scorer
        from lm_eval.models.scoring.choose import assumed_scorer
        from lm_eval.models.server.capabilities import Capabilities
        from lm_eval.models.server.unseen import look_in_files

        kinds = {"loglikelihood" if kind == "multiple_choice" else kind for kind in request_types}
        scored = [kind for kind in _SCORED if kind in kinds]
        self.refusals, given = {CONSTRAINED_TO: NO_SERVER_TO_ASK}, self.settings
        if scored and self._custom is not None and given.scoring is None:
            self.refusals |= dict.fromkeys(scored, NO_SERVER_TO_ASK)
            scored = []
        async with self._session.engine(header) as engine:
            await read_replies(engine)
            found = await look_in_files(engine.ask, given, scored=bool(scored))
        self.bos, self.questions = found.bos, found.questions
        self._applied, self._prepared = found.bos.applied_to(given), True
        try:
            if not scored:
                return
            if found.capabilities is None:
                self.scorer, _ = assumed_scorer(Capabilities(prompt_bos=found.bos.state), self.settings)
                if self.scorer.capabilities.tokenizer is not None:
                    raise CapabilityError(
                        f"scoring={self.scorer.name} needs the server's tokenizer. {NO_SERVER_TO_ASK}"
                    )
            else:
                self.capabilities = found.capabilities
                self.scorer = make_scorer(found.capabilities, self.settings)
        except CapabilityError as error:
            self.refusals |= dict.fromkeys(scored, str(error))
        else:
            reasons = {kind: self.scorer.refuses(kind) for kind in scored}
            self.refusals |= {kind: reason for kind, reason in reasons.items() if reason is not None}

    async def _check_scored(self, header: Mapping[str, str], scored: Sequence[str]) -> None:
        """Choose a strategy for request types that need log-likelihoods, and note those that have none."""
        if not scored:
            return
        try:
            scorer = await self.choose_scorer(header)
        except CapabilityError as error:
            self.refusals = dict.fromkeys(scored, str(error))
        else:
            reasons = {kind: scorer.refuses(kind) for kind in scored}
            self.refusals = {kind: reason for kind, reason in reasons.items() if reason is not None}

    async def choose_scorer(self, header: Mapping[str, str]) -> Scorer:
        """Probe the server, unless that is done, and choose the scoring strategy.

        Args:
            header: The HTTP headers to send.

        Returns:
            The strategy.

        Raises:
            CapabilityError: No strategy gives correct values on this server.
            APIError: The server cannot be used at all.
        """
        settings = self.settings
        if self._custom is not None and settings.scoring is None:
            await self.find_bos(header)
            settings = self.settings
            async with self._session.engine(header, checking=True) as engine:
                self.scorer = await self._custom(engine.ask, settings)
            return self.scorer
        if settings.chat and (settings.scoring is None or self._path == "/responses"):
            raise CapabilityError(
                "A chat API gives no log-likelihoods of a prompt: use local-completions where the server has "
                "/v1/completions."
            )
        from lm_eval.models.scoring import make_scorer

        capabilities = await self.find_capabilities(header)
        self.scorer = make_scorer(capabilities, self.settings)
        return self.scorer

    async def find_constraint(
        self, header: Mapping[str, str], call_with: Callable[[Mapping[str, object]], Call], thinks: bool
    ) -> None:
        """Find out how the server constrains answers, unless that is done; note it in ``refusals`` if it does not.

        Args:
            header: The HTTP headers to send.
            call_with: Builds a call with more fields.
            thinks: Whether the user says that the model thinks.

        Raises:
            APIError: The server cannot be used at all.
        """
        from lm_eval.models.server.constraints import NO_MECHANISM, THINKS, find_mechanism

        if self.constraint is None and not thinks:
            async with self._session.engine(header, checking=True) as engine:
                self.constraint, thinks = await find_mechanism(engine.ask, call_with)
        if thinks:
            self.constraint = None
        if self.constraint is None:
            self.refusals[CONSTRAINED_TO] = THINKS if thinks else NO_MECHANISM
        else:
            eval_logger.info("Constrained answers: the server follows %s.", self.constraint)

    async def find_capabilities(self, header: Mapping[str, str]) -> Capabilities:
        """Probe the server, unless that is done.

        Args:
            header: The HTTP headers to send.

        Returns:
            The findings. The journal and the cache are neither read nor written for them.

        Raises:
            APIError: The server cannot be used at all.
        """
        from lm_eval.models.server.probe import probe_server

        if self.capabilities is None:
            bos = await self.find_bos(header)
            async with self._session.engine(header, checking=True) as engine:
                found = await probe_server(learning(engine.ask, self._refused), self.settings)
            notes = (*found.notes, bos.advice) if bos.advice is not None else found.notes
            self.capabilities = replace(
                found, prompt_bos=bos.state, notes=notes, requests=found.requests + bos.requests
            )
        return self.capabilities

    @property
    def settings(self) -> ScoringSettings:
        """The settings of scoring; after ``find_bos`` with what it decided."""
        if self._applied is None:
            self._applied = self._given()
        if self._refused is not None and "seed" in self._refused.left_out and self._applied.seed is not None:
            self._applied = replace(self._applied, seed=None)
        return self._applied

    async def find_bos(self, header: Mapping[str, str]) -> BosUse:
        """Find out whether a BOS token precedes prompts, unless that is done, and warn when the model needs one.

        Args:
            header: The HTTP headers to send.

        Returns:
            The finding. Messages have the BOS token of the server's chat template.

        Raises:
            ConfigError: The server cannot do what the user asks for.
            APIError: The server cannot be used at all.
        """
        from lm_eval.models.server.bos import BosUse, find_bos

        if self.bos is not None:
            return self.bos
        given = self.settings
        # What a user says about BOS is passed on to a class that scores itself, and otherwise carried out.
        if self._prompts and (self._custom is None or given.add_bos_token is None):
            async with self._session.engine(header, checking=True) as engine:
                self.bos = await find_bos(learning(engine.ask, self._refused), given)
            if self.bos.advice is not None:
                eval_logger.warning("%s", self.bos.advice)
        else:
            self.bos = BosUse(field=given.add_bos_token)
            if given.chat and given.add_bos_token is not None:
                eval_logger.warning("add_bos_token has no effect on messages: the server's chat template decides.")
        self._applied = self.bos.applied_to(given)
        return self.bos

    async def prepare_prompts(self, header: Mapping[str, str]) -> None:
        """Find out whether prompts of generation are sent as text or as token ids, unless that is done.

        Args:
            header: The HTTP headers to send.

        Raises:
            ConfigError: The server cannot do what the user asks for.
            APIError: The server cannot be used at all.
        """
        if self._prepared:
            return
        await self.find_bos(header)
        settings, self._prepared = self.settings, True
        if settings.chat and settings.truncate:
            eval_logger.warning("truncate=true has no effect on messages; a prompt that is too long is an error.")
        if not self._prompts or self._custom is not None or (settings.truncate is False and not settings.ids_only):
            return
        from lm_eval.models.prompt_ids import PromptIds
        from lm_eval.models.server.probe import read_description

        found = self.capabilities
        if found is None or found.tokenizer is None:
            async with self._session.engine(header, checking=True) as engine:
                found = await read_description(engine.ask, settings)
        window = found.window(settings.max_length) if settings.truncate is not False else None
        usable = found.tokenizer is not None and found.tokenizer.takes_special and found.token_ids is not False
        if found.tokenizer is not None and usable and (window is not None or settings.ids_only):
            self.prompt_ids = PromptIds(found.tokenizer, settings, window)
        if settings.truncate and (not usable or window is None):
            missing = (
                "does not say its window (give max_length)" if usable else "has no /tokenize or takes no token ids"
            )
            eval_logger.warning("truncate=true: the server %s, so a prompt that is too long is an error.", missing)

    def report_cuts(self) -> None:
        """Log how many prompts were cut, if any."""
        cuts = self.settings.cuts.tokens
        if cuts:
            prompts = "1 prompt" if len(cuts) == 1 else f"{len(cuts):,} prompts"
            what, why = "left no room for max_gen_toks in the window", "truncate=false cuts none"
            if self.settings.truncate:
                what, why = "did not fit the window", "truncate=true"
            tokens = f"{sum(cuts.values()):,}"
            eval_logger.warning("%s %s: cut on the left, by %s tokens in all (%s).", prompts, what, tokens, why)

    def units(self, slots: Iterable[Slot], request_type: str) -> Iterator[Unit]:
        """Cut slots into units with the chosen strategy.

        Args:
            slots: Slots of one request type.
            request_type: Their request type.

        Returns:
            Units.

        Raises:
            CapabilityError: The request type is refused.
        """
        reason = self.refusals.get(request_type)
        if self.scorer is None or reason is not None:
            raise CapabilityError(reason or "This model gives no log-likelihoods.")
        return self.scorer.units(slots)

    def describe(self) -> dict[str, object]:
        """Return the findings, the strategy and the refusals for the results file."""
        described: dict[str, object] = {}
        if self.capabilities is not None:
            described["capabilities"] = self.capabilities.to_dict()
        if self.scorer is not None:
            described["scoring"] = self.scorer.name
        if self.constraint is not None:
            described["constrained_by"] = self.constraint
        if self.refusals:
            described["refuses"] = dict(self.refusals)
        if self.bos is not None:
            described["bos"] = self.bos.state
        if self.settings.truncate or self.settings.cuts.tokens:
            described["truncated_prompts"] = len(self.settings.cuts.tokens)
        return described

    async def _send_own(self, header: Mapping[str, str], calls: FirstCalls) -> None:
        """Send calls with the run's own settings; if one is not answered in time, send the small call instead."""
        answered = True
        for pair in calls.own:
            try:
                async with self._session.engine(header, checking=True) as engine:
                    reply = await ask_own(engine.ask, pair, calls.refused)
                    if reply is not None:
                        await look_again(engine.ask, calls, pair[0], reply)
            except _FATAL:
                raise
            except APIError as error:
                eval_logger.warning("A first request to check the server failed: %s", error)
            else:
                answered = reply is not None and answered
        if not answered:
            await self._send(header, calls.small, calls)

    async def _send(self, header: Mapping[str, str], call: Call | None, calls: FirstCalls) -> None:
        """Send a call; raise the errors that every later request would meet too, and log the others."""
        if call is None:
            return
        try:
            async with self._session.engine(header, checking=True) as engine:
                calls.observe(await ask_learning(engine.ask, call, calls.refused))
        except RequestRejected as error:
            eval_logger.warning("A first request to check the server failed: %s", error)
        except _FATAL:
            raise
        except APIError as error:
            eval_logger.warning("A first request to check the server failed: %s", error)
