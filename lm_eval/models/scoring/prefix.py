"""The prefix token that takes the place of an empty context: BOS where the model has one, else end-of-text."""

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
    """Return the text to put before a text so that its first token gets a value.

    Args:
        capabilities: The findings of the probe.
        settings: The settings of the run.

    Returns:
        The text; empty where the server adds a BOS token; None when only token ids can do it, or nothing.
    """
    if settings.custom_prefix_token_id not in (None, capabilities.bos_id):
        return None
    if capabilities.first_scored:
        return ""
    if capabilities.bos == "hidden":
        return settings.eos_string
    return settings.eos_string or capabilities.eos_text


def prefix_known(capabilities: Capabilities, settings: ScoringSettings) -> bool:
    """Return whether the prefix token can be sent, as text or by its id.

    Args:
        capabilities: The findings of the probe.
        settings: The settings of the run.

    Returns:
        Whether complete texts, and continuations of an empty context, can be scored.
    """
    if prefix_text(capabilities, settings) is not None:
        return True
    if capabilities.tokenizer is None or not capabilities.token_ids:
        return False
    bos = capabilities.bos_id if settings.special else None
    candidates = (settings.custom_prefix_token_id, bos, settings.eos_string, capabilities.eos_text)
    return any(candidate is not None for candidate in candidates)


async def prefix_id(ask: Ask, capabilities: Capabilities, settings: ScoringSettings, tokenizer: RemoteTokenizer) -> int:
    """Return the id of the prefix token: the user's, else BOS, else end-of-text.

    Args:
        ask: Sends calls.
        capabilities: The findings of the probe.
        settings: The settings of the run.
        tokenizer: The server's tokenizer.

    Returns:
        The token id.

    Raises:
        CheckFailed: The prefix token is not known.
    """
    chosen = settings.custom_prefix_token_id
    if chosen is None and settings.special:
        chosen = capabilities.bos_id
    if chosen is not None:
        return chosen
    text = settings.eos_string or capabilities.eos_text
    if not text:
        raise CheckFailed(NO_PREFIX)
    ids = await bare_ids(ask, capabilities, tokenizer, text)
    if len(ids) != 1:
        raise CheckFailed(f"The end-of-text token {text!r} is {len(ids)} tokens to the server; check eos_string")
    return ids[0]


async def bare_ids(ask: Ask, capabilities: Capabilities, tokenizer: RemoteTokenizer, text: str) -> list[int]:
    """Tokenize a text without a BOS token.

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
    # Ask with BOS and remove it: some tokenizers split the start of a text differently when asked to add none.
    ids = (await tokenizer.encode(ask, text)).ids
    return ids[1:] if ids[:1] == [capabilities.bos_id] else ids
