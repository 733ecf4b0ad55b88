"""What a model's server can do: checked once, before any dataset is built."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lm_eval.errors import (
    APIError,
    AuthenticationError,
    CapabilityError,
    EndpointNotFound,
    EndpointUnreachable,
    MalformedResponse,
    RequestTimeout,
)
from lm_eval.models.http.session import Session
from lm_eval.models.work import Ask, Call, Slot, Unit

if TYPE_CHECKING:
    from lm_eval.models.scoring import Scorer
    from lm_eval.models.scoring.settings import ScoringSettings
    from lm_eval.models.server.capabilities import Capabilities

__all__ = ["Abilities"]

eval_logger = logging.getLogger("lm_eval")

_SCORED = ("loglikelihood", "loglikelihood_rolling")


class Abilities:
    """Checks the server, chooses how to score, and keeps the reasons for what cannot be done.

    Attributes:
        capabilities: The findings of the probe; None until log-likelihoods are wanted.
        scorer: The chosen strategy; None until then, or when there is none.
        refusals: Request type to the reason why it cannot be answered.
    """

    def __init__(
        self,
        session: Session,
        settings: Callable[[], ScoringSettings],
        custom: Callable[[Ask, ScoringSettings], Awaitable[Scorer]] | None = None,
    ) -> None:
        """Know nothing yet.

        Args:
            session: Opens engines.
            settings: How the model is to be scored.
            custom: Makes the strategy of a model class that reads log-likelihoods itself; None for the others.
        """
        self._session, self._settings, self._custom = session, settings, custom
        self.capabilities: Capabilities | None = None
        self.scorer: Scorer | None = None
        self.refusals: dict[str, str] = {}

    async def check(self, header: Mapping[str, str], wanted: Collection[str], light: Callable[[bool], Call]) -> None:
        """Find out whether the server can be used for what a run wants.

        Args:
            header: The headers to send.
            wanted: Request types.
            light: Makes a small call on the URL, model and key of the run: one that generates a token, or one that
                scores.

        Raises:
            APIError: The server cannot be used at all.
        """
        self.refusals = {}
        kinds = {"loglikelihood" if kind == "multiple_choice" else kind for kind in wanted}
        scored = [kind for kind in _SCORED if kind in kinds]
        if scored:
            try:
                scorer = await self.learn(header)
            except CapabilityError as error:
                self.refusals = dict.fromkeys(scored, str(error))
            else:
                reasons = {kind: scorer.refuses(kind) for kind in scored}
                self.refusals = {kind: reason for kind, reason in reasons.items() if reason is not None}
        if self.capabilities is None or "generate_until" in kinds:
            await self._ask_lightly(header, light("generate_until" in kinds or self._custom is None))

    async def learn(self, header: Mapping[str, str]) -> Scorer:
        """Probe the server, once, and choose how to score.

        Args:
            header: The headers to send.

        Returns:
            The strategy.

        Raises:
            CapabilityError: No strategy gives right values here.
            APIError: The server cannot be used at all.
        """
        settings = self._settings()
        if self._custom is not None and settings.scoring is None:
            async with self._session.engine(header, checking=True) as engine:
                self.scorer = await self._custom(engine.ask, settings)
            return self.scorer
        if settings.chat and settings.scoring is None:
            raise CapabilityError(
                "Log-likelihoods of a prompt cannot be had from a chat API: use local-completions where the server has "
                "/v1/completions, or scoring=chat_first_token in model_args for one-letter multiple choice."
            )
        from lm_eval.models.scoring import make_scorer

        self.scorer = make_scorer(await self.probe(header), settings)
        return self.scorer

    async def probe(self, header: Mapping[str, str]) -> Capabilities:
        """Probe the server, once.

        Args:
            header: The headers to send.

        Returns:
            The findings. The answers they rest on are neither kept nor taken from a file of answers.

        Raises:
            APIError: The server cannot be used at all.
        """
        from lm_eval.models.server.probe import probe

        if self.capabilities is None:
            async with self._session.engine(header, checking=True) as engine:
                self.capabilities = await probe(engine.ask, self._settings())
        return self.capabilities

    def units(self, slots: Iterable[Slot], kind: str) -> Iterator[Unit]:
        """Cut slots to be scored into units.

        Args:
            slots: The slots.
            kind: Their request type.

        Returns:
            Units.

        Raises:
            CapabilityError: They cannot be scored.
        """
        reason = self.refusals.get(kind)
        if self.scorer is None or reason is not None:
            raise CapabilityError(reason or "Log-likelihoods cannot be had from this model.")
        return self.scorer.units(slots)

    def describe(self) -> dict[str, Any]:
        """Return the findings, for the results."""
        described: dict[str, Any] = {}
        if self.capabilities is not None:
            described["capabilities"] = self.capabilities.to_dict()
        if self.scorer is not None:
            described["scoring"] = self.scorer.name
        if self.refusals:
            described["refuses"] = dict(self.refusals)
        return described

    async def _ask_lightly(self, header: Mapping[str, str], call: Call) -> None:
        try:
            async with self._session.engine(header, checking=True) as engine:
                await engine.ask(call)
        except (AuthenticationError, EndpointNotFound, EndpointUnreachable, MalformedResponse, RequestTimeout):
            raise
        except APIError as error:
            eval_logger.warning("A first request to check the server failed: %s", error)
