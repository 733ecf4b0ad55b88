"""What a server was seen to do: the findings of the probe, as data and as a table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from lm_eval.models.server.tokenizer import RemoteTokenizer

__all__ = ["Capabilities"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Findings of the probe. None means: not tried, or not told.

    Attributes:
        server: Which server it seems to be, for messages only.
        models: The model names the server lists.
        model_known: Whether the model's name is among them.
        echo: Whether an echoed prompt comes with log-probabilities of its tokens.
        seen: In one sentence, what the server answered to a request for an echo.
        logprobs: How log-probabilities are spelled: ``legacy``, ``content`` or ``none``.
        offsets: ``exact``, ``shifted`` (they count a BOS token that the text does not hold), ``wrong`` or ``none``.
        texts: How the tokens' texts relate to the prompt: ``exact``, ``spaceless`` (equal but for white space),
            ``tail`` (equal at the end only), ``wrong`` or ``none``.
        top_logprobs: Whether the likeliest token is listed beside each prompt token.
        bos: ``shown`` (listed as a token), ``hidden`` (there, but not listed) or ``absent``.
        usage_gap: How many prompt tokens ``usage`` counts beside those the echo lists.
        tokenizer_gap: How many tokens the tokenizer counts beside those the echo lists.
        bos_text: The text of the BOS token, where it is known.
        bos_id: Its id, where it is known.
        first_scored: Whether a text sent alone has a log-probability for its very first token.
        eos_text: The text of the end-of-text token, where the server tells.
        tokenizer: The server's tokenizer.
        token_ids: Whether a prompt may be token ids.
        batch: Whether a request may hold several prompts.
        prompt_logprobs: Whether vLLM's ``prompt_logprobs`` come.
        forced: Whether a token forced by ``logit_bias`` comes with its unbiased log-probability.
        plain_id: A token that was forced with success; it stands in for one that comes without values.
        completion_logprobs: Whether a generated token comes with its likeliest alternatives.
        chat_logprobs: The same of a chat answer.
        max_logprobs: How many alternatives the server lists, as far as tried.
        max_length: The model's window in tokens, by the server.
        max_length_source: Where the server says so.
        requests: How many requests the probe sent, beside GETs.
        notes: Further findings, a sentence each.
    """

    server: str = ""
    models: tuple[str, ...] = ()
    model_known: bool | None = None
    echo: bool = False
    seen: str = ""
    logprobs: str = "none"
    offsets: str = "none"
    texts: str = "none"
    top_logprobs: bool = False
    bos: str = "absent"
    usage_gap: int = 0
    tokenizer_gap: int = 0
    bos_text: str | None = None
    bos_id: int | None = None
    first_scored: bool = False
    eos_text: str | None = None
    tokenizer: RemoteTokenizer | None = None
    token_ids: bool | None = None
    batch: bool | None = None
    prompt_logprobs: bool = False
    forced: bool | None = None
    plain_id: int | None = None
    completion_logprobs: bool = False
    chat_logprobs: bool | None = None
    max_logprobs: int | None = None
    max_length: int | None = None
    max_length_source: str = ""
    requests: int = 0
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the findings for the results file."""
        findings = asdict(self)
        findings["tokenizer"] = self.tokenizer.kind if self.tokenizer is not None else None
        return {key: list(value) if isinstance(value, tuple) else value for key, value in findings.items()}
