"""What an empty context is replaced by: the prefix token, BOS where there is one, else the end-of-text token."""

from __future__ import annotations

from lm_eval.errors import CheckFailed
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.server.tokenizer import RemoteTokenizer
from lm_eval.models.work import Ask

__all__ = ["NO_PREFIX", "bare_ids", "prefix_id", "prefix_known", "prefix_text"]

NO_PREFIX = (
    "The server gives the first token of a text no log-probability and its prefix token is not known; name the "
    "model's BOS or end-of-text token with custom_prefix_token_id=ID, or eos_string=TEXT, in model_args"
)


def prefix_text(capabilities: Capabilities, settings: ScoringSettings) -> str | None:
    """Find the text that is put in front of a text whose first token would not be scored.

    Args:
        capabilities: The findings of the probe.
        settings: The run's settings.

    Returns:
        The text; empty when the server's own BOS token does it; None when only token ids, or nothing, can do it.
    """
    if settings.custom_prefix_token_id not in (None, capabilities.bos_id):
        return None
    if capabilities.first_scored:
        return ""
    if capabilities.bos == "hidden":
        return settings.eos_string
    return settings.eos_string or capabilities.eos_text


def prefix_known(capabilities: Capabilities, settings: ScoringSettings) -> bool:
    """Tell whether a text can be conditioned on a prefix token, by its text or its id.

    Args:
        capabilities: The findings of the probe.
        settings: The run's settings.

    Returns:
        Whether whole texts and empty contexts can be scored.
    """
    if prefix_text(capabilities, settings) is not None:
        return True
    if capabilities.tokenizer is None or not capabilities.token_ids:
        return False
    bos = capabilities.bos_id if settings.special else None
    named = (settings.custom_prefix_token_id, bos, settings.eos_string, capabilities.eos_text)
    return any(name is not None for name in named)


async def prefix_id(ask: Ask, capabilities: Capabilities, settings: ScoringSettings, tokenizer: RemoteTokenizer) -> int:
    """Find the prefix token.

    Args:
        ask: Sends calls.
        capabilities: The findings of the probe.
        settings: The run's settings.
        tokenizer: The server's tokenizer.

    Returns:
        Its id.

    Raises:
        CheckFailed: It is not known.
    """
    named = settings.custom_prefix_token_id
    if named is None and settings.special:
        named = capabilities.bos_id
    if named is not None:
        return named
    text = settings.eos_string or capabilities.eos_text
    if not text:
        raise CheckFailed(NO_PREFIX)
    ids = await bare_ids(ask, capabilities, tokenizer, text)
    if len(ids) != 1:
        raise CheckFailed(f"The end-of-text token {text!r} is {len(ids)} tokens to the server; check eos_string")
    return ids[0]


async def bare_ids(ask: Ask, capabilities: Capabilities, tokenizer: RemoteTokenizer, text: str) -> list[int]:
    """Tokenize a text without the BOS token a prompt would get.

    Args:
        ask: Sends calls.
        capabilities: The findings of the probe.
        tokenizer: The server's tokenizer.
        text: The text.

    Returns:
        Token ids.
    """
    if capabilities.bos_id is None:
        return (await tokenizer.encode(ask, text, special=False)).ids
    # With its BOS and then without it: some tokenizers treat the start of a text differently when asked for none.
    ids = (await tokenizer.encode(ask, text)).ids
    return ids[1:] if ids[:1] == [capabilities.bos_id] else ids
