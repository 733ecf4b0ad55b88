"""vLLM's ``prompt_logprobs``: values by token id, without an echo."""

from __future__ import annotations

from lm_eval.errors import CheckFailed
from lm_eval.models.logprobs.blocks import Block, choices_of, read_prompt_logprobs
from lm_eval.models.scoring.token_ids import TokenIds
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.work import Ask, Call

__all__ = ["PromptLogprobs"]


class PromptLogprobs(TokenIds):
    """Sends token ids from the server's tokenizer and reads ``prompt_logprobs``; all else is as in ``TokenIds``."""

    name = "prompt_logprobs"
    summary = "vLLM's prompt_logprobs of token ids"

    @classmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """Return why the server gives no ``prompt_logprobs``; None when it does."""
        if not capabilities.prompt_logprobs:
            return "the server has no prompt_logprobs (vLLM has)"
        return None if capabilities.tokenizer is not None else "the server has no /tokenize"

    async def _measure(self, ask: Ask, ids: list[int], repeat: int) -> tuple[Block, str]:
        """Get the log-probabilities of a prompt's tokens from ``prompt_logprobs``."""
        body = self.settings.body(prompt=ids, temperature=0, max_tokens=1, prompt_logprobs=1)
        reply = await ask(Call(self.settings.completions_path, body, repeat, len(ids) + 1))
        choice = choices_of(reply)[0]
        block = read_prompt_logprobs({**choice, "prompt_token_ids": ids}, reply.endpoint)
        if len(block.tokens) != len(ids):
            raise CheckFailed(f"{len(ids)} token ids were sent, {len(block.tokens)} came back", endpoint=reply.endpoint)
        return block, reply.endpoint
