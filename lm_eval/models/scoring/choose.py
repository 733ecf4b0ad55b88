"""The strategies by name, in the order of preference, and the choice among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lm_eval.errors import CapabilityError, ConfigError, did_you_mean
from lm_eval.models.scoring.base import Scorer
from lm_eval.models.scoring.chat_first_token import ChatFirstToken
from lm_eval.models.scoring.echo import EchoContext, EchoOffsets, EchoTokens
from lm_eval.models.scoring.first_token import FirstToken
from lm_eval.models.scoring.forced_token import ForcedToken
from lm_eval.models.scoring.prompt_logprobs import PromptLogprobs
from lm_eval.models.scoring.token_ids import TokenIds
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.server.tokenizer import RemoteTokenizer

__all__ = ["ALIASES", "STRATEGIES", "assumed_scorer", "make_scorer", "obstacles"]

_CLASSES: tuple[type[Scorer], ...] = (
    EchoOffsets,
    EchoTokens,
    EchoContext,
    TokenIds,
    PromptLogprobs,
    ForcedToken,
    FirstToken,
    ChatFirstToken,
)
STRATEGIES: dict[str, type[Scorer]] = {strategy.name: strategy for strategy in _CLASSES}
"""Every strategy by its name for ``scoring=``, in the order of preference."""

ALIASES = {"echo": ("echo_offsets", "echo_tokens", "echo_context")}
"""A name for several strategies: the first one that can be used is taken."""

_FIX = (
    "Serve the model with vLLM, SGLang or llama.cpp's llama-server; docs/scoring.md has the start flags of each server"
)
_CHAT_FIX = (
    "use --model local-completions with the server's /v1/completions, or, for one-letter multiple choice only, "
    "scoring=chat_first_token in model_args"
)

_Obstacles = Mapping[str, str | None]


def obstacles(capabilities: Capabilities, settings: ScoringSettings) -> dict[str, str | None]:
    """Return for each strategy why it cannot be used.

    Args:
        capabilities: The findings of the probe.
        settings: The settings of the run.

    Returns:
        Name to reason; None for a strategy that can be used.
    """
    found: dict[str, str | None] = {}
    for name, strategy in STRATEGIES.items():
        if settings.chat and strategy is not ChatFirstToken:
            found[name] = "a chat endpoint takes no prompt"
        else:
            found[name] = strategy.obstacle(capabilities, settings)
    return found


def make_scorer(capabilities: Capabilities, settings: ScoringSettings) -> Scorer:
    """Build the strategy that the user named, or the preferred one among those the server allows.

    Args:
        capabilities: The findings of the probe.
        settings: The settings of the run.

    Returns:
        The strategy.

    Raises:
        CapabilityError: The server allows none, or not the named one; says what was seen and what to do.
        ConfigError: ``scoring`` is not the name of a strategy.
    """
    reasons = obstacles(capabilities, settings)
    if settings.scoring is not None:
        return _build(_usable_by_name(settings.scoring, reasons, settings), reasons, capabilities, settings)
    if settings.chat:
        raise CapabilityError(f"A chat endpoint gives no log-likelihoods, as it does not echo; {_CHAT_FIX}.")
    for name, strategy in STRATEGIES.items():
        if reasons[name] is not None or strategy.one_token:
            continue
        # With a tokenizer the values of first_token are exact, and it sends one request where forced_token sends many.
        first = strategy is ForcedToken and reasons[FirstToken.name] is None and capabilities.tokenizer is not None
        return _build(FirstToken.name if first else name, reasons, capabilities, settings)
    advice = _advice(reasons, capabilities)
    raise CapabilityError(f"This server gives no log-likelihoods: {reasons[EchoOffsets.name]}. {advice}")


def _usable_by_name(given: str, reasons: _Obstacles, settings: ScoringSettings) -> str:
    names = ALIASES.get(given, (given,))
    if names[0] not in STRATEGIES:
        known = [*ALIASES, *STRATEGIES]
        raise ConfigError(f"scoring={given!r} is unknown.{did_you_mean(given, known)} It is one of {', '.join(known)}.")
    for name in names:
        if reasons[name] is None:
            return name
    usable = [name for name, reason in reasons.items() if reason is None]
    fix = _CHAT_FIX if settings.chat else _FIX
    if usable:
        fix = f"This server can do scoring={usable[0]}: leave scoring out, or name it"
    raise CapabilityError(f"scoring={given} cannot be used here: {reasons[names[0]]}. {fix[0].upper()}{fix[1:]}.")


def _build(name: str, reasons: _Obstacles, capabilities: Capabilities, settings: ScoringSettings) -> Scorer:
    strategy = STRATEGIES[name]
    if strategy is not FirstToken:
        return strategy(capabilities, settings)
    fallback = next((other for other in _CLASSES if not other.one_token and reasons[other.name] is None), None)
    return FirstToken(capabilities, settings, fallback(capabilities, settings) if fallback is not None else None)


def _advice(reasons: _Obstacles, capabilities: Capabilities) -> str:
    if "logits_all" in capabilities.seen:
        return "Start llama-cpp-python with --logits_all true."
    if reasons[FirstToken.name] is None:
        return f"{_FIX}; or score one-token choices only, by text, with scoring=first_token in model_args."
    return f"{_FIX}."


def assumed_scorer(capabilities: Capabilities, settings: ScoringSettings) -> tuple[Scorer, bool]:
    """Build the strategy that a run will most likely use, without a probe.

    A server with llama.cpp's tokenizer is assumed not to echo; one with llama-cpp-python's to echo without offsets; all
    others to echo with offsets, as vLLM does.

    Args:
        capabilities: What the server says of itself.
        settings: The settings of the run.

    Returns:
        The strategy, and whether it is an assumption; it is none when the user named it.

    Raises:
        CapabilityError: It is certain that no strategy can be used: a chat API without ``scoring=chat_first_token``.
        ConfigError: ``scoring`` is not the name of a strategy.
    """
    tokenizer = capabilities.tokenizer
    kind = tokenizer.kind if tokenizer is not None else ""
    named = settings.scoring if settings.scoring not in ALIASES else None
    if tokenizer is None and named in (TokenIds.name, PromptLogprobs.name, ForcedToken.name):
        tokenizer = RemoteTokenizer("vllm", settings.model)
    assumed = replace(
        capabilities,
        echo=kind != "llamacpp" or settings.scoring not in (None, FirstToken.name, ForcedToken.name),
        offsets="wrong" if kind == "extras" and named is None else "exact",
        texts="exact",
        top_logprobs=True,
        first_scored=settings.eos_string is None,
        tokenizer=tokenizer,
        token_ids=tokenizer is not None,
        prompt_logprobs=named == PromptLogprobs.name,
        forced=True,
        completion_logprobs=True,
        chat_logprobs=True,
        max_logprobs=20,
    )
    return make_scorer(assumed, settings), named is None
