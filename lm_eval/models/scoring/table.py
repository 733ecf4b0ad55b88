"""The findings of the probe, and what they allow, as a table for people."""

from __future__ import annotations

from lm_eval.models.scoring.choose import STRATEGIES, obstacles
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.text import outgoing

__all__ = ["capability_table"]


def capability_table(capabilities: Capabilities, settings: ScoringSettings | None = None) -> str:
    """Show what a server can do, which strategies it allows and which tasks can run on it.

    Args:
        capabilities: The findings of the probe.
        settings: The settings of the probe; None stands for a completions endpoint.

    Returns:
        Lines of text: findings, strategies, output types, notes.
    """
    reasons = obstacles(capabilities, settings or ScoringSettings(model=""))
    findings = _findings(capabilities)
    strategies = {}
    for name, strategy in STRATEGIES.items():
        by_name = " (only when named)" if strategy.by_name_only else ""
        reason = reasons[name]
        strategies[name] = f"yes: {strategy.summary}{by_name}" if reason is None else f"no: {reason}"
    usable = [strategy for name, strategy in STRATEGIES.items() if reasons[name] is None]
    complete = any(not strategy.one_token for strategy in usable)
    short = f"one-token choices only, with scoring={usable[0].name}" if usable else "no"
    answer = "yes" if complete else "no"
    types = {
        "generate_until": "yes",
        "multiple_choice": "yes" if complete else short,
        "loglikelihood": answer,
        "loglikelihood_rolling": answer,
    }
    width = max(map(len, (*findings, *strategies, *types)))
    sections = (findings, {"scoring=": "usable", **strategies}, {"output_type": "can run", **types})
    rows = ((f"{name:<{width}}  {outgoing(value)}" for name, value in section.items()) for section in sections)
    tables = map("\n".join, rows)
    return "\n".join(["\n\n".join(tables), *(f"note: {outgoing(note)}" for note in capabilities.notes)])


def _findings(capabilities: Capabilities) -> dict[str, str]:
    def tried(value: bool | None) -> str:
        return "not tried" if value is None else "yes" if value else "no"

    known, window = capabilities.model_known, capabilities.max_length
    return {
        "server": capabilities.server or "unknown",
        "model": "not listed" if known is None else "known" if known else f"not among {', '.join(capabilities.models)}",
        "context length": f"{window} ({capabilities.max_length_source})" if window else "unknown",
        "echo with logprobs": "yes" if capabilities.echo else f"no: {capabilities.seen or 'not tried'}",
        "text offsets": capabilities.offsets,
        "token texts": capabilities.texts,
        "BOS token": capabilities.bos + (f" ({capabilities.bos_text})" if capabilities.bos_text else ""),
        "BOS before prompts": capabilities.prompt_bos,
        "first token scored": "yes" if capabilities.first_scored else "no",
        "tokenizer": capabilities.tokenizer.kind if capabilities.tokenizer else "none",
        "token ids as prompt": tried(capabilities.token_ids),
        "several prompts": tried(capabilities.batch),
        "prompt_logprobs": tried(capabilities.prompt_logprobs),
        "forced token": tried(capabilities.forced),
        "max top_logprobs": str(capabilities.max_logprobs or "not tried"),
        "requests used": str(capabilities.requests),
    }
