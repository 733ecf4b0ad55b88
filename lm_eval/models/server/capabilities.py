"""What the probe saw a server do: its findings, as data."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from lm_eval.models.server.tokenizer import RemoteTokenizer

__all__ = ["Capabilities"]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The findings of the probe. None means that something was not tried, or that the server does not say.

    Attributes:
        server: The server's kind, by its own description; for messages only.
        models: The model names that the server lists, at most 100.
        model_known: Whether the model's name is among them.
        echo: Whether the server echoes a prompt with log-probabilities of its tokens.
        seen: The server's answer to a request for an echo, in one sentence.
        logprobs: The format of log-probabilities: ``legacy``, ``content`` or ``none``.
        offsets: Whether ``text_offset`` points at the tokens: ``exact``, ``shifted`` (it counts a BOS token that the
            text does not contain), ``wrong`` or ``none``.
        texts: Whether the tokens' texts make up the prompt: ``exact``, ``spaceless`` (equal without white space),
            ``tail`` (equal at the end only), ``wrong`` or ``none``.
        top_logprobs: Whether the likeliest token is listed for each prompt token.
        own_entries: Where a prompt token is itself among those listed at its place: ``all``, ``greedy`` (only where it
            is the likeliest) or ``none``.
        bos: The BOS token of a text that is sent as the run's prompts are: ``shown`` (listed as a token), ``hidden``
            (added and not listed) or ``absent``.
        prompt_bos: Whether a BOS token precedes the prompts of the run: ``added``, ``not added`` or ``server's``.
        usage_gap: How many more prompt tokens ``usage`` counts than the echo lists.
        tokenizer_gap: How many more tokens the tokenizer counts than the echo lists.
        bos_text: The text of the BOS token.
        bos_id: The id of the BOS token.
        first_scored: Whether the first token of a text has a log-probability.
        eos_text: The text of the end-of-text token.
        tokenizer: The server's tokenizer.
        token_ids: Whether a prompt may be token ids.
        batch: Whether a request may hold several prompts.
        prompt_logprobs: Whether the server answers with vLLM's ``prompt_logprobs``.
        forced: Whether a token that ``logit_bias`` forces comes with its log-probability before the bias.
        plain_id: A token that was forced with success; forced instead of a token that comes without values.
        completion_logprobs: Whether a generated token comes with ``top_logprobs``.
        chat_logprobs: Whether a generated token of a chat answer comes with ``top_logprobs``.
        max_logprobs: How many ``top_logprobs`` the server lists, as far as tried.
        max_length: The model's window in tokens, as the server says.
        max_length_source: Where the server says it.
        requests: The number of requests the probe sent, without GETs.
        notes: More findings, one sentence each.
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
    own_entries: str = "none"
    bos: str = "absent"
    prompt_bos: str = "server's"
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

    @property
    def echo_obstacle(self) -> str | None:
        """Why an echo of the server cannot be scored, in one clause; None when it can."""
        if not self.echo:
            return self.seen or "the server does not echo prompts with log-probabilities"
        return None if self.top_logprobs else "the server lists no top_logprobs, so is_greedy is unknown"

    @property
    def tokenizer_kind(self) -> str | None:
        """The kind of the server's tokenizer; None when there is none."""
        return self.tokenizer.kind if self.tokenizer is not None else None

    @property
    def shows_texts(self) -> bool:
        """Whether the texts of the server's tokens can be compared with the text of a prompt."""
        return self.texts in ("exact", "spaceless", "tail")

    def window(self, max_length: int | None) -> int | None:
        """Return the model's window in tokens.

        Args:
            max_length: The window that the user gave.

        Returns:
            The smaller of the user's and the server's; None when neither is known.
        """
        limits = [limit for limit in (max_length, self.max_length) if limit is not None]
        return min(limits) if limits else None

    def to_dict(self) -> dict[str, object]:
        """Return the findings for the results file."""
        findings = asdict(self)
        findings["tokenizer"] = self.tokenizer_kind
        return {key: list(value) if isinstance(value, tuple) else value for key, value in findings.items()}
