"""The prefix token that takes the place of an empty context: BOS where the model has one, else end-of-text."""

from __future__ import annotations

from dataclasses import dataclass

from lm_eval.errors import CheckFailed, WrongTokens
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.work import Ask

__all__ = ["NO_PREFIX", "Prefix"]

NO_PREFIX = (
    "The server gives the first token of a text no log-probability and its prefix token is not known; name the "
    "model's BOS or end-of-text token with custom_prefix_token_id=ID, or eos_string=TEXT, in model_args"
)


@dataclass(frozen=True, slots=True)
class Prefix:
    """Finds the prefix token of a model.

    Attributes:
        capabilities: The findings of the probe.
        settings: The settings of the run.
    """

    capabilities: Capabilities
    settings: ScoringSettings

    @property
    def text(self) -> str | None:
        """The text to put before a text so that its first token gets a value.

        Empty where the server adds a BOS token, or adds one when asked; None when only token ids can do it, or nothing.
        """
        found, settings = self.capabilities, self.settings
        if settings.custom_prefix_token_id not in (None, found.bos_id):
            return None
        if found.first_scored or settings.prefix_gap is not None:
            return ""
        if found.bos_id is not None and found.token_ids:
            return None
        return settings.eos_string or (None if found.bos == "hidden" else found.eos_text)

    @property
    def known(self) -> bool:
        """Whether the prefix token can be sent, as text or by its id, so that complete texts can be scored."""
        if self.text is not None:
            return True
        found, settings = self.capabilities, self.settings
        if found.tokenizer is None or not found.token_ids:
            return False
        candidates = (settings.custom_prefix_token_id, found.bos_id, settings.eos_string, found.eos_text)
        return any(candidate is not None for candidate in candidates)

    async def id(self, ask: Ask) -> int:
        """Return the id of the prefix token: the user's, else BOS, else end-of-text.

        Args:
            ask: Sends calls to the server's tokenizer.

        Raises:
            CheckFailed: The prefix token is not known.
        """
        chosen = self.settings.custom_prefix_token_id
        if chosen is None:
            chosen = self.capabilities.bos_id
        if chosen is not None:
            return chosen
        text = self.settings.eos_string or self.capabilities.eos_text
        if not text:
            raise CheckFailed(NO_PREFIX)
        ids = await self.ids_after(ask, text)
        if len(ids) != 1:
            raise CheckFailed(f"The end-of-text token {text!r} is {len(ids)} tokens to the server; check eos_string")
        return ids[0]

    async def ids_after(self, ask: Ask, text: str) -> list[int]:
        """Tokenize a text as it follows the prefix token: without a BOS token.

        Args:
            ask: Sends calls to the server's tokenizer.
            text: The text.
        """
        tokenizer = self.capabilities.tokenizer
        assert tokenizer is not None, "the strategies that use token ids need a tokenizer"
        if self.capabilities.bos_id is None or not self.settings.special:
            return (await tokenizer.encode(ask, text, special=False)).ids
        # Ask with BOS and remove it: some tokenizers split the start of a text differently when asked to add none.
        ids, bos = (await tokenizer.encode(ask, text)).ids, self.capabilities.bos_id
        rest = ids[1:] if ids[:1] == [bos] else ids
        if bos in rest and (self.capabilities.bos_text or " ") not in text:
            raise WrongTokens("The tokenizer's answer has a BOS token inside the text")
        return rest
