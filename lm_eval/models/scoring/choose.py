"""The strategies by name, and which of them a server gets."""

from __future__ import annotations

from lm_eval.errors import CapabilityError, ConfigError, did_you_mean
from lm_eval.models.scoring.base import Scorer
from lm_eval.models.scoring.chat_first_token import ChatFirstToken
from lm_eval.models.scoring.echo_cuts import EchoContext, EchoOffsets, EchoTokens
from lm_eval.models.scoring.first_token import FirstToken
from lm_eval.models.scoring.forced_token import ForcedToken
from lm_eval.models.scoring.prompt_logprobs import PromptLogprobs
from lm_eval.models.scoring.token_ids import TokenIds
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings

__all__ = ["ALIASES", "STRATEGIES", "make_scorer", "obstacles"]

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
"""Every strategy by what ``scoring=`` calls it, the preferred ones first."""

ALIASES = {"echo": ("echo_offsets", "echo_tokens", "echo_context")}
"""Names for several strategies, of which the first possible one is taken."""

_FIX = (
    "Serve the model with vLLM, SGLang or llama.cpp's llama-server; docs/scoring.md has the start flags of each server"
)
_CHAT_FIX = (
    "use --model local-completions with the server's /v1/completions, or, for one-letter multiple choice only, "
    "scoring=chat_first_token in model_args"
)


def obstacles(capabilities: Capabilities, settings: ScoringSettings) -> dict[str, str | None]:
    """Tell for each strategy what keeps it from being used.

    Args:
        capabilities: The findings of the probe.
        settings: The run's settings.

    Returns:
        Name to reason; None for those that can be used.
    """
    found: dict[str, str | None] = {}
    for name, strategy in STRATEGIES.items():
        if settings.chat and strategy is not ChatFirstToken:
            found[name] = "a chat endpoint takes no prompt"
        else:
            found[name] = strategy.obstacle(capabilities, settings)
    return found


def make_scorer(capabilities: Capabilities, settings: ScoringSettings) -> Scorer:
    """Choose the strategy for a server, or the one the user named.

    Args:
        capabilities: The findings of the probe.
        settings: The run's settings.

    Returns:
        The strategy, ready to cut slots into units.

    Raises:
        CapabilityError: The server cannot do it; with what was seen and what to do.
        ConfigError: ``scoring`` names no strategy.
    """
    reasons = obstacles(capabilities, settings)
    named = settings.scoring
    if named is not None:
        return _named(named, reasons, capabilities, settings)
    if settings.chat:
        raise CapabilityError(f"Log-likelihoods cannot be had from a chat endpoint: it does not echo; {_CHAT_FIX}.")
    for name, strategy in STRATEGIES.items():
        if reasons[name] is None and not strategy.by_name_only and name != FirstToken.name:
            return _make(_with_shortcut(name, reasons, capabilities), reasons, capabilities, settings)
    advice = _advice(reasons, capabilities)
    raise CapabilityError(f"Log-likelihoods cannot be had from this server: {reasons['echo_offsets']}. {advice}")


def _named(named: str, reasons: dict[str, str | None], capabilities: Capabilities, settings: ScoringSettings) -> Scorer:
    names = ALIASES.get(named, (named,))
    if names[0] not in STRATEGIES:
        known = [*ALIASES, *STRATEGIES]
        raise ConfigError(f"scoring={named!r} is unknown.{did_you_mean(named, known)} It is one of {', '.join(known)}.")
    for name in names:
        if reasons[name] is None:
            return _make(name, reasons, capabilities, settings)
    usable = [name for name, reason in reasons.items() if reason is None]
    fix = _CHAT_FIX if settings.chat else _FIX
    if usable:
        fix = f"This server can do scoring={usable[0]}: leave scoring out, or name it"
    raise CapabilityError(f"scoring={named} cannot be used here: {reasons[names[0]]}. {_sentence(fix)}")


def _with_shortcut(name: str, reasons: dict[str, str | None], capabilities: Capabilities) -> str:
    """Put one request a context before many, where that is exact: by token ids."""
    exact = name == ForcedToken.name and reasons[FirstToken.name] is None and capabilities.tokenizer is not None
    return FirstToken.name if exact else name


def _make(name: str, reasons: dict[str, str | None], capabilities: Capabilities, settings: ScoringSettings) -> Scorer:
    strategy = STRATEGIES[name]
    if strategy is not FirstToken:
        return strategy(capabilities, settings)
    others = (other for other in STRATEGIES if other not in (FirstToken.name, ChatFirstToken.name))
    other = next((other for other in others if reasons[other] is None), None)
    return FirstToken(capabilities, settings, STRATEGIES[other](capabilities, settings) if other else None)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _advice(reasons: dict[str, str | None], capabilities: Capabilities) -> str:
    if "logits_all" in capabilities.seen:
        return "Start llama-cpp-python with --logits_all true."
    if reasons[FirstToken.name] is None:
        return f"{_FIX}; or score one-token choices only, by text, with scoring=first_token in model_args."
    return f"{_FIX}."
