"""A server that cannot be asked: what is assumed of it, until its replies in files show what it does.

Requests that go through files are for ``vllm run-batch``, so the assumptions are those of vLLM. The questions that a
server is asked before a run are lines of the same files. When their replies are there, they count like those of a
server, and decide how the other replies are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from lm_eval.errors import APIError, RequestRejected
from lm_eval.models.server.bos import ADDED, NOT_ADDED, BosUse, find_bos, sentence_calls
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.probe import probe_server
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.work import Answer, Ask, Call, Postponed, Reply, Slot, Unit

__all__ = ["QuestionsUnit", "Unseen", "look_in_files"]


@dataclass(slots=True)
class Unseen:
    """What is known of a server that cannot be asked.

    Attributes:
        bos: Whether a BOS token precedes prompts.
        capabilities: What its replies show; None as long as they are missing.
        questions: The calls whose replies are missing.
    """

    bos: BosUse
    capabilities: Capabilities | None = None
    questions: list[Call] = field(default_factory=list)


@dataclass(slots=True)
class QuestionsUnit:
    """Asks the questions about a server together with the requests of a run.

    Attributes:
        calls: The questions.
        slots: None: no response depends on this unit alone.
    """

    calls: Sequence[Call]
    slots: Sequence[Slot] = ()

    async def run(self, ask: Ask) -> Sequence[Answer | Unit]:
        """Make the calls.

        Args:
            ask: Sends a call.

        Returns:
            Nothing.

        Raises:
            Postponed: A reply is missing.
        """
        missing: Postponed | None = None
        for call in self.calls:
            try:
                await ask(call)
            except Postponed as postponed:
                missing = missing or postponed
            except APIError:
                continue  # What the server refuses is a finding, too.
        if missing is not None:
            raise missing
        return ()


async def look_in_files(ask: Ask, settings: ScoringSettings, *, scored: bool) -> Unseen:
    """Find out from replies in files what a server does, and assume what they do not show yet.

    Args:
        ask: Looks a call up; raises ``Postponed`` if its reply is missing.
        settings: The model and the settings of scoring.
        scored: Whether the run has log-likelihoods. Otherwise nothing is asked.

    Returns:
        What is known.
    """
    wanted = settings.add_bos_token if settings.add_bos_token is not None else "gemma" in settings.model.lower()
    assumed = BosUse(ADDED if wanted else NOT_ADDED, wanted, prefix_gap=0)
    if settings.chat:
        assumed = BosUse()
    if not scored:
        return Unseen(replace(assumed, prefix_gap=None))
    missing: list[Call] = []

    async def look(call: Call) -> Reply:
        try:
            return await ask(call)
        except Postponed:
            missing.append(call)
            raise RequestRejected("This was not asked") from None

    for call in () if settings.chat else sentence_calls(settings):
        with suppress(APIError):
            await look(call)
    bos = assumed if missing or settings.chat else await find_bos(look, settings)
    if bos.field is None and not bos.by_ids:
        # The model has no BOS token: the field has no effect, and other requests of the run have been sent with it.
        bos = replace(bos, field=assumed.field)
    first: Call | None = None

    async def probe(call: Call) -> Reply:
        nonlocal first
        first = first or (call if call.payload else None)
        return await look(call)

    known = not missing
    found = await probe_server(probe, bos.applied_to(settings))
    if not known or any(call is first for call in missing):
        return Unseen(bos, None, missing)
    # Further questions follow from the first replies; a run does without their answers.
    return Unseen(bos, replace(found, prompt_bos=bos.state))
