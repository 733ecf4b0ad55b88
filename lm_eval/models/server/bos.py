"""Whether a BOS token precedes prompts: what the server does, what the user wants, and how it is carried out.

The reference harness's ``local-completions`` sends token ids without special tokens, so a run has no BOS token unless
the user asks for one. Servers such as vLLM add one to a text unless the request says ``add_special_tokens: false``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from lm_eval.errors import APIError, ConfigError, EndpointUnreachable, MalformedResponse, RequestRejected, ServerError
from lm_eval.models.logprobs.blocks import choices_of, read_block
from lm_eval.models.logprobs.seams import prompt_tokens_of
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.server.tokenizer import find_tokenizer
from lm_eval.models.work import Ask, Call, Reply

__all__ = ["ADDED", "NOT_ADDED", "SERVERS", "BosUse", "find_bos", "sentence_calls"]

eval_logger = logging.getLogger("lm_eval")

ADDED, NOT_ADDED, SERVERS = "added", "not added", "server's"
"""The values of ``BosUse.state``."""

_SENTENCE = "The capital of France is Paris, and the capital of Italy is Rome."
_CLEAR_LOSS = 1.0
"""A model that loses more nats per token of a plain sentence without BOS than this clearly needs BOS."""


@dataclass(frozen=True, slots=True)
class BosUse:
    """Whether a BOS token precedes prompts, and how that is carried out.

    Attributes:
        state: ``added``, ``not added``, or ``server's``, where the server decides and does not say.
        field: ``add_special_tokens`` of requests with text; None sends no such field.
        by_ids: Whether only token ids carry out what the user wants, because the server ignores the field.
        text: The text of the BOS token; None when unknown.
        prefix_gap: How many more prompt tokens ``usage`` counts than the echo lists when the server adds a BOS token,
            which gives a value to the first token of a text; None when requests cannot have that.
        loss: How many nats per token a plain sentence loses without BOS; None when unknown.
        requests: The number of requests that found this out, without GETs.
    """

    state: str = SERVERS
    field: bool | None = None
    by_ids: bool = False
    text: str | None = None
    prefix_gap: int | None = None
    loss: float | None = None
    requests: int = 0

    def applied_to(self, settings: ScoringSettings) -> ScoringSettings:
        """Return settings of scoring that carry this out.

        Args:
            settings: The settings as the user gave them.

        Returns:
            The settings for the probe and for all requests.
        """
        special = self.state == ADDED if self.by_ids else self.field
        found = replace(settings, bos_text=self.text, prefix_gap=self.prefix_gap)
        return replace(found, add_bos_token=special, ids_only=self.by_ids)

    @property
    def advice(self) -> str | None:
        """What to tell the user when the model clearly needs a BOS token and gets none."""
        if self.state != NOT_ADDED or self.loss is None or self.loss < _CLEAR_LOSS:
            return None
        return (
            f"The model needs a BOS token: without one a plain sentence loses {self.loss:.1f} nats per token, and "
            "scores are poor. Give add_bos_token=true in --model_args. (The default is as in the reference harness's "
            "local-completions, which adds none.)"
        )


@dataclass(frozen=True, slots=True)
class _Seen:
    """What an answer shows about a BOS token before the sentence.

    Attributes:
        counted: The number of prompt tokens in ``usage``; 0 when unknown.
        first: The text of the first token of the echo; None when there was no echo with log-probabilities.
        values: The log-probabilities of the prompt's tokens in the echo; empty when there was none.
    """

    counted: int
    first: str | None = None
    values: tuple[float | None, ...] = ()

    @property
    def facts(self) -> tuple[object, ...]:
        """What differs between an answer with BOS and one without."""
        return self.counted, len(self.values), self.values[:1] == (None,)

    @property
    def shown(self) -> str | None:
        """The text of the BOS token, where the echo lists it as a token; else None."""
        shown = self.first is not None and self.values[0] is None and not _SENTENCE.startswith(self.first)
        return self.first if shown else None

    @property
    def adds(self) -> bool | None:
        """Whether a BOS token was added; None when the answer does not show it."""
        if self.first is None:
            return None
        if self.shown is not None or self.counted == len(self.values) + 1:
            return True
        return False if self.values[0] is None and self.counted == len(self.values) else None

    @property
    def gap(self) -> int | None:
        """How many more tokens are counted than listed; None when the first token of the sentence has no value."""
        if not self.values or (self.shown is None and self.values[0] is None):
            return None
        return max(self.counted - len(self.values), 0) if self.counted else 0

    def mean(self, count: int) -> float:
        """Return the mean log-probability of the last tokens of the prompt, in nats."""
        values = [value for value in self.values[-count:] if value is not None]
        return sum(values) / max(len(values), 1)


async def find_bos(ask: Ask, settings: ScoringSettings) -> BosUse:
    """Find out whether a server lets requests choose BOS, and decide what a run does.

    A plain sentence is sent with ``add_special_tokens`` true and false. By default (``add_bos_token`` is None) the run
    has no BOS token where that can be chosen, except for Gemma, which the reference harness's own backends run with
    one; where the server decides, its way stands. What the user asks for is carried out by token ids if need be.

    Args:
        ask: Sends calls.
        settings: The model and the settings of scoring.

    Returns:
        What to do.

    Raises:
        ConfigError: What the user asks for cannot be carried out on this server.
        APIError: The endpoint cannot be used at all.
    """
    requests = 0

    async def counted(call: Call) -> Reply:
        nonlocal requests
        requests += bool(call.payload)
        return await ask(call)

    return replace(await _decide(counted, settings), requests=requests)


async def _decide(ask: Ask, settings: ScoringSettings) -> BosUse:
    given = settings.add_bos_token
    with_bos = await _see(ask, settings, True)
    without = await _see(ask, settings, False) if with_bos is not None else None
    if with_bos is not None and without is not None and with_bos.facts != without.facts:
        wanted = given if given is not None else await _is_gemma(ask, settings)
        count = len(without.values) - 1
        loss = with_bos.mean(count) - without.mean(count) if with_bos.values and count > 0 else None
        state = ADDED if wanted else NOT_ADDED
        return BosUse(state, wanted, text=with_bos.shown, prefix_gap=with_bos.gap, loss=loss)
    # The server ignores or refuses the field, or the model has no BOS token.
    seen = with_bos or await _see(ask, settings, None) or _Seen(0)
    adds = seen.adds
    if given is None:
        return BosUse(NOT_ADDED if adds is False else SERVERS)
    if adds is given:
        return BosUse(ADDED if given else NOT_ADDED)
    return await _by_ids(ask, settings, given, seen.counted)


def sentence_calls(settings: ScoringSettings) -> list[Call]:
    """Return the calls that show whether requests can choose BOS.

    Args:
        settings: The model and the settings of scoring.

    Returns:
        An echo of the sentence with BOS, and one without.
    """
    return [_sentence_call(settings, special, echo=True) for special in (True, False)]


def _sentence_call(settings: ScoringSettings, special: bool | None, *, echo: bool) -> Call:
    asked = {"logprobs": 1} if echo else {}
    chosen = replace(settings, add_bos_token=special)
    body = {**chosen.body(echo=echo, prompt=_SENTENCE, temperature=0, max_tokens=1), **asked}
    return Call(settings.completions_path, body, tokens=40)


async def _see(ask: Ask, settings: ScoringSettings, special: bool | None) -> _Seen | None:
    """Send the sentence and look at the answer: with an echo, else without; None when both are refused."""
    for echo in (True, False):
        try:
            reply = await ask(_sentence_call(settings, special, echo=echo))
            block = read_block(choices_of(reply)[0], reply.endpoint)
        except (RequestRejected, ServerError, MalformedResponse):
            continue
        counted = reply.usage.prompt if reply.usage is not None else 0
        start, sentence, _ = block.text.partition(_SENTENCE)
        count = prompt_tokens_of(block, start + sentence, None) if echo and sentence else None
        if not count:
            return _Seen(counted)
        return _Seen(counted, block.tokens[0], tuple(block.logprobs[:count]))
    return None


async def _is_gemma(ask: Ask, settings: ScoringSettings) -> bool:
    """Return whether the model's name, or the path it was loaded from, says that it is a Gemma."""
    try:
        body: object = (await ask(Call("/models", {}))).body
    except EndpointUnreachable:
        raise
    except APIError:
        body = None
    data = body.get("data") if isinstance(body, Mapping) else None
    entries = [entry for entry in data if isinstance(entry, Mapping)] if isinstance(data, list) else []
    roots = [entry.get("root") for entry in entries if entry.get("id") == settings.model or len(entries) == 1]
    return any("gemma" in str(name).lower() for name in (settings.model, *roots))


async def _by_ids(ask: Ask, settings: ScoringSettings, wanted: bool, counted: int) -> BosUse:
    """Check that token ids can carry out what the user wants; ``counted`` are the tokens of the sentence as text."""
    state, argument = (ADDED, "true") if wanted else (NOT_ADDED, "false")
    tokenizer, tokens = await find_tokenizer(ask, settings.model, _SENTENCE, wanted)
    reason = "it has no /tokenize that takes add_special_tokens, so token ids cannot carry it out either"
    if tokenizer is not None and tokens is not None and tokenizer.takes_special:
        other = await tokenizer.encode(ask, _SENTENCE, not wanted)
        if other.ids == tokens.ids and (wanted or counted <= len(tokens.ids)):
            if wanted:
                eval_logger.warning("add_bos_token=true: the server's tokenizer adds no BOS token to a text.")
            return BosUse(NOT_ADDED)
        try:
            body = settings.body(prompt=tokens.ids, temperature=0, max_tokens=1)
            choices_of(await ask(Call(settings.completions_path, body, tokens=40)))
            return BosUse(state, by_ids=True)
        except (RequestRejected, ServerError, MalformedResponse) as error:
            reason = f"it does not take token ids as a prompt ({' '.join(str(error).split())})"
    raise ConfigError(
        f"add_bos_token={argument} cannot be carried out: the server does not honour add_special_tokens, and {reason}. "
        "Leave add_bos_token out; the server then decides."
    )
