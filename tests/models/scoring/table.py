"""Compare every strategy on every kind of server with the exact log-probabilities of the mock server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.errors import CapabilityError
from lm_eval.mock_server.messages import render_messages
from lm_eval.mock_server.profiles import PROFILES
from lm_eval.mock_server.server import MockServer
from lm_eval.models.scoring import STRATEGIES, ScoringSettings, make_scorer
from lm_eval.models.server.bos import find_bos
from lm_eval.models.server.probe import probe_server
from lm_eval.models.work import Answer, Slot
from tests.models.scoring.helpers import Http, answers_of, document, pair

PAIRS = (
    ("The capital of France is ", " Paris"),
    ("The river was wide", " and slow"),
    ("Question: which?\nA. one\nB. two\nAnswer:", " B"),
    ("foo ba", "r baz"),
    ("naïve caf", "é 🙂"),
    ("日本", "語です"),
    ("def f(x):\n    ", "return x"),
    ("a", "\n"),
    ("q", ""),
    ("", "The cat"),
)
TEXTS = ("The river was wide and slow, and the boats went down it.", "naïve café 🙂")
MESSAGES = [{"role": "user", "content": "Say one letter."}]


@dataclass(frozen=True)
class Cell:
    """The result of a strategy on a server.

    Attributes:
        refusal: Why the strategy refused the server; empty if it did not.
        right: The number of values that equal the exact ones to 1e-6.
        wrong: Arguments, value and exact value of the other ones.
        refused: Arguments and error of Instances without a value.
    """

    refusal: str = ""
    right: int = 0
    wrong: tuple[Any, ...] = ()
    refused: tuple[tuple[Any, str], ...] = ()

    @property
    def mark(self) -> str:
        """The mark in the table of the documentation."""
        if self.refusal:
            return "-"
        return "wrong" if self.wrong else "partly" if self.refused else "exact"


def observe(profile: str, auto: dict[str, str] | None = None) -> dict[str, Cell]:
    """Run every strategy on a profile of the mock server.

    Args:
        profile: The profile.
        auto: Gets the strategy that is chosen by default.

    Returns:
        Strategy → its result.
    """
    with MockServer(profile=profile) as server:
        cells = {name: asyncio.run(_cell(server, name)) for name in STRATEGIES}
        if auto is not None:
            auto[profile] = asyncio.run(_chosen(server))
        return cells


def _settings(server: MockServer, name: str | None) -> ScoringSettings:
    eos = None if server.lm.prefix_id == server.lm.tokenizer.bos_id else "</s>"
    return ScoringSettings(model="mock", scoring=name, eos_string=eos, chat=name == "chat_first_token")


async def _prepared(ask: Http, settings: ScoringSettings) -> ScoringSettings:
    """Return the settings with what a run finds out about BOS."""
    return settings if settings.chat else (await find_bos(ask, settings)).applied_to(settings)


async def _chosen(server: MockServer) -> str:
    async with Http(server.base_url) as ask:
        settings = await _prepared(ask, _settings(server, None))
        try:
            return make_scorer(await probe_server(ask, settings), settings).name
        except CapabilityError:
            return "-"


async def _cell(server: MockServer, name: str) -> Cell:
    async with Http(server.base_url) as ask:
        settings = await _prepared(ask, _settings(server, name))
        capabilities = await probe_server(ask, settings)
        assert capabilities.requests <= 4
        try:
            scorer = make_scorer(capabilities, settings)
        except CapabilityError as error:
            return Cell(refusal=str(error))
        slots = _chat_slots() if settings.chat else [pair(*texts) for texts in PAIRS]
        if not settings.chat and scorer.refuses("loglikelihood_rolling") is None:
            slots += [document(text) for text in TEXTS]
        found = await answers_of(scorer, slots, ask)
    right, wrong, refused = 0, [], []
    for slot, item in zip(slots, found, strict=True):
        if not isinstance(item, Answer):
            refused.append((slot.instance.args, str(item)))
            continue
        true = _truth(server, slot)
        value, greedy = item.response if isinstance(item.response, tuple) else (item.response, None)
        if abs(value - true[0]) < 1e-6 and greedy in (true[1], None):
            right += 1
        else:
            wrong.append((slot.instance.args, item.response, true))
    return Cell("", right, tuple(wrong), tuple(refused))


def _chat_slots() -> list[Slot]:
    return [Slot(Instance("loglikelihood", {}, (MESSAGES, letter), 0)) for letter in ("The", "B", "I")]


def _truth(server: MockServer, slot: Slot) -> tuple[float, bool | None]:
    first, *rest = slot.instance.args
    if slot.instance.request_type == "loglikelihood_rolling":
        return server.lm.rolling(first), None
    if isinstance(first, list):
        prompt = render_messages([(message["role"], message["content"]) for message in first])
        # The server writes the turns, so their marks are special tokens even if those in a text are not parsed.
        return server.lm.score_ids(server.lm.tokenizer.encode(prompt), server.lm.encode(rest[0]))
    return server.lm.logprob(first, rest[0])


def markdown(cells: dict[str, dict[str, Cell]], auto: dict[str, str]) -> str:
    """Write the table of the documentation.

    Args:
        cells: Profile → strategy → result.
        auto: Profile → the strategy that is chosen by default.

    Returns:
        A Markdown table.
    """
    head = ["server", *(f"`{name}`" for name in STRATEGIES), "chosen"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for profile, row in cells.items():
        seen = profile if PROFILES[profile].observed else f"{profile} (from its documentation)"
        chosen = auto[profile] if auto[profile] == "-" else f"`{auto[profile]}`"
        lines.append(f"| {' | '.join([seen, *(row[name].mark for name in STRATEGIES), chosen])} |")
    return "\n".join(lines)
