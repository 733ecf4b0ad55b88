"""How many requests a strategy will send, and how long their prompts are, without sending any."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from lm_eval.errors import APIError
from lm_eval.models.scoring.base import Pair, Scorer
from lm_eval.models.scoring.chat_first_token import ChatFirstToken
from lm_eval.models.scoring.choose import ALIASES, make_scorer
from lm_eval.models.scoring.custom import CustomScorer
from lm_eval.models.scoring.echo import EchoScorer
from lm_eval.models.scoring.echo_cuts import EchoContext
from lm_eval.models.scoring.first_token import FirstToken
from lm_eval.models.scoring.forced_token import ForcedToken
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.server.tokenizer import RemoteTokenizer
from lm_eval.models.work import Slot

__all__ = ["Planned", "Sizes", "assumed_scorer", "planned", "prompt_text"]

_NEED_TOKENS = ("token_ids", "prompt_logprobs", "forced_token")
_LONGEST_ONE_TOKEN = 1.5
_LISTED = 20


class Planned(NamedTuple):
    """Requests that will be sent together.

    Attributes:
        key: Equal for those whose bodies are equal.
        requests: How many.
        characters: Of their prompts together.
    """

    key: int
    requests: int
    characters: float


@dataclass(slots=True)
class Sizes:
    """How long texts are in tokens.

    Attributes:
        rate: Tokens a character.
        known: Continuations that were tokenized: how many tokens each is.
        end_rate: Tokens a character of continuations.
    """

    rate: float = 0.25
    known: Mapping[str, int] = field(default_factory=dict)
    end_rate: float = field(init=False)

    def __post_init__(self) -> None:
        """Measure continuations by those that were tokenized."""
        measured = sum(map(len, self.known))
        self.end_rate = sum(self.known.values()) / measured if measured else self.rate

    def tokens(self, characters: float) -> int:
        """Estimate the tokens of a text.

        Args:
            characters: Its length.
        """
        return max(1, round(characters * self.rate)) if characters else 0

    def continuation(self, text: str) -> int:
        """Return the tokens of a continuation, estimated where it was not tokenized.

        Args:
            text: The continuation.
        """
        if text in self.known:
            return self.known[text]
        likely = max(1, round(len(text) * self.end_rate))
        if len(text.split()) > 1:
            return max(2, likely)
        return 1 if len(text.strip()) <= 1 or len(text) * self.end_rate <= _LONGEST_ONE_TOKEN else likely


def prompt_text(prompt: Any) -> str:
    """Return what of a prompt counts as text: a text itself, or the contents of messages.

    Args:
        prompt: A text, or messages.
    """
    if isinstance(prompt, str):
        return prompt
    if not isinstance(prompt, Sequence):
        return str(prompt)
    contents = (message.get("content") if isinstance(message, Mapping) else str(message) for message in prompt)
    return "".join(content if isinstance(content, str) else _parts(content) for content in contents)


def _parts(content: Any) -> str:
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text") or "") for part in parts if isinstance(part, Mapping))


def assumed_scorer(found: Capabilities, settings: ScoringSettings) -> tuple[Scorer, bool]:
    """Choose the strategy a server most likely gets; only the probe of a run knows.

    A server with llama.cpp's tokenizer does not echo; one with llama-cpp-python's echoes without offsets; others are
    taken to echo with offsets, as vLLM does.

    Args:
        found: What the server says of itself.
        settings: The run's settings.

    Returns:
        The strategy, and whether it is an assumption: it is not when the user named it.

    Raises:
        CapabilityError: No server can do it: a chat API without ``scoring=chat_first_token``.
        ConfigError: ``scoring`` names no strategy.
    """
    kind = found.tokenizer.kind if found.tokenizer is not None else ""
    named = settings.scoring if settings.scoring not in ALIASES else None
    tokenizer = found.tokenizer
    if tokenizer is None and named in _NEED_TOKENS:
        tokenizer = RemoteTokenizer("vllm", settings.model)
    capabilities = replace(
        found,
        echo=kind != "llamacpp" or settings.scoring not in (None, "first_token", "forced_token"),
        offsets="wrong" if kind == "extras" and named is None else "exact",
        texts="exact",
        top_logprobs=True,
        first_scored=settings.eos_string is None,
        tokenizer=tokenizer,
        token_ids=tokenizer is not None,
        prompt_logprobs=named == "prompt_logprobs",
        forced=True,
        completion_logprobs=True,
        chat_logprobs=True,
        max_logprobs=_LISTED,
    )
    return make_scorer(capabilities, settings), named is None


def planned(scorer: Scorer, slots: Iterable[Slot], sizes: Sizes) -> Iterator[Planned]:
    """Go through the requests of a strategy.

    Args:
        scorer: The strategy.
        slots: What is to be scored, in the order it will be.
        sizes: How long texts are.

    Yields:
        Requests; none for what needs none.
    """
    for unit in scorer.units(slots):
        first = unit.slots[0]
        if first.instance.request_type == "loglikelihood_rolling":
            yield from _document(scorer, first, sizes)
        elif isinstance(scorer, ChatFirstToken):
            context = first.instance.args[0]
            yield Planned(hash((str(context), first.repeat)), 1, len(prompt_text(context)))
        else:
            yield from _group(scorer, list(_pairs(unit.slots)), sizes)


def _pairs(slots: Iterable[Slot]) -> Iterator[Pair]:
    for slot in slots:
        try:
            pair = Pair.of(slot)
        except APIError:  # messages, which a completions endpoint is not sent
            continue
        if pair.continuation:
            yield pair


def _document(scorer: Scorer, slot: Slot, sizes: Sizes) -> Iterator[Planned]:
    text = slot.instance.args[0]
    if not text:
        return
    tokens, most = sizes.tokens(len(text)), scorer.prompt_limit
    key = hash((text, slot.repeat))
    by = scorer.otherwise if isinstance(scorer, FirstToken) else scorer
    if isinstance(by, ForcedToken):
        # A request a token; on average half a window stands before it.
        before = min(tokens, most or tokens) / 2
        yield Planned(key, tokens, tokens * before / sizes.rate)
    elif most is None or tokens <= most:
        yield Planned(key, 1, len(text))
    else:
        # The last window takes as much context as fits.
        windows = math.ceil(tokens / max(most - 1, 1))
        yield Planned(key, windows, windows * most / sizes.rate)


def _group(scorer: Scorer, pairs: Sequence[Pair], sizes: Sizes) -> Iterator[Planned]:
    if not pairs:
        return
    if isinstance(scorer, FirstToken):
        short = [pair for pair in pairs if pair.context and sizes.continuation(pair.continuation) == 1]
        if short:
            yield _whole(short[:1], context_only=True)
        if scorer.otherwise is not None:
            for pair in pairs:
                if pair not in short:
                    yield from _group(scorer.otherwise, [pair], sizes)
    elif isinstance(scorer, EchoContext):
        if scorer.capabilities.tokenizer is None:
            yield _whole(pairs[:1], context_only=True)
        for start in range(0, len(pairs), scorer.most):
            yield _whole(pairs[start : start + scorer.most])
    elif isinstance(scorer, EchoScorer | CustomScorer):
        yield _whole(pairs)
    else:
        for pair in pairs:
            yield _forced(pair, sizes) if isinstance(scorer, ForcedToken) else _whole([pair])


def _whole(pairs: Sequence[Pair], *, context_only: bool = False) -> Planned:
    """One request for pairs, or for the context they share."""
    texts = [(pair.context, "" if context_only else pair.continuation) for pair in pairs]
    return Planned(hash((*texts, pairs[0].slot.repeat)), 1, sum(len(a) + len(b) for a, b in texts))


def _forced(pair: Pair, sizes: Sizes) -> Planned:
    """A request a token of the continuation, each with those before it."""
    count = sizes.continuation(pair.continuation)
    key = hash((pair.context, pair.continuation, pair.slot.repeat))
    return Planned(key, count, count * len(pair.context) + (count - 1) * len(pair.continuation) / 2)
