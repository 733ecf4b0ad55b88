"""The findings of the probe as a table for people."""

from __future__ import annotations

from lm_eval.models.scoring.choose import STRATEGIES, obstacles
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings

__all__ = ["capability_table"]


def capability_table(capabilities: Capabilities, settings: ScoringSettings | None = None) -> str:
    """Show what a server can do and which tasks can run on it.

    Args:
        capabilities: The findings of the probe.
        settings: The settings it was probed with; None stands for a completions endpoint.

    Returns:
        Lines of text: findings, strategies, output types.
    """
    settings = settings or ScoringSettings(model="")
    reasons = obstacles(capabilities, settings)
    width = max(map(len, (*_findings(capabilities), *STRATEGIES, "loglikelihood_rolling")))
    lines = [f"{name:<{width}}  {value}" for name, value in _findings(capabilities).items()]
    lines += ["", f"{'scoring=':<{width}}  usable"]
    for name, strategy in STRATEGIES.items():
        reason = reasons[name]
        by_name = " (only when named)" if strategy.by_name_only else ""
        lines.append(f"{name:<{width}}  {'yes: ' + strategy.summary + by_name if reason is None else 'no: ' + reason}")
    whole = [name for name in STRATEGIES if reasons[name] is None and not STRATEGIES[name].by_name_only]
    whole = [name for name in whole if name != "first_token"]
    some = [name for name in ("first_token", "chat_first_token") if reasons[name] is None]
    short = f"one-token choices only, with scoring={some[0]}" if some else "no"
    lines += ["", f"{'output_type':<{width}}  can run"]
    lines.append(f"{'generate_until':<{width}}  yes")
    lines.append(f"{'multiple_choice':<{width}}  {'yes' if whole else short}")
    lines.append(f"{'loglikelihood':<{width}}  {'yes' if whole else 'no'}")
    lines.append(f"{'loglikelihood_rolling':<{width}}  {'yes' if whole else 'no'}")
    lines += [f"note: {note}" for note in capabilities.notes]
    return "\n".join(lines)


def _findings(capabilities: Capabilities) -> dict[str, str]:
    def tried(value: bool | None) -> str:
        return "not tried" if value is None else "yes" if value else "no"

    known, window = capabilities.model_known, capabilities.max_length
    return {
        "server": capabilities.server or "not told",
        "model": "not listed" if known is None else "known" if known else f"not among {', '.join(capabilities.models)}",
        "context length": f"{window} ({capabilities.max_length_source})" if window else "not told",
        "echo with logprobs": "yes" if capabilities.echo else f"no: {capabilities.seen or 'not tried'}",
        "text offsets": capabilities.offsets,
        "token texts": capabilities.texts,
        "BOS token": capabilities.bos + (f" ({capabilities.bos_text})" if capabilities.bos_text else ""),
        "first token scored": "yes" if capabilities.first_scored else "no",
        "tokenizer": capabilities.tokenizer.kind if capabilities.tokenizer else "none",
        "token ids as prompt": tried(capabilities.token_ids),
        "several prompts": tried(capabilities.batch),
        "prompt_logprobs": tried(capabilities.prompt_logprobs),
        "forced token": tried(capabilities.forced),
        "most top_logprobs": str(capabilities.max_logprobs or "not tried"),
        "requests used": str(capabilities.requests),
    }
