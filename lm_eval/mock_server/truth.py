"""The exact values that a client should get, computed without HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from lm_eval.mock_server.served_model import ServedModel

__all__ = ["LanguageModel"]


class LanguageModel:
    """Scores texts with the served language model, without requests.

    The rules are those of log-likelihood requests. Context and continuation are tokenized as one text. A token that
    straddles the seam belongs to the continuation. A first token without context is conditioned on the prefix token:
    ``<s>`` if the model has it, else ``</s>``.
    """

    def __init__(self, served: ServedModel, adds_bos: bool | None = None) -> None:
        """Use a served model.

        Args:
            served: The served model.
            adds_bos: Whether ``<s>`` precedes a context; by default where the server adds it and clients cannot choose.
        """
        self._served = served
        profile = served.profile
        self.adds_bos = profile.adds_bos and not profile.chooses_bos if adds_bos is None else adds_bos
        self.tokenizer, self.model = served.tokenizer, served.model

    @property
    def prefix_id(self) -> int:
        """The token that an empty context is replaced with."""
        return self.tokenizer.bos_id if self._served.profile.adds_bos else self.tokenizer.eos_id

    def encode(self, text: str) -> list[int]:
        """Turn a text into tokens as the server does, without an added ``<s>``.

        Args:
            text: Any text.

        Returns:
            Token ids.
        """
        return self._served.encode(text, add_bos=False)

    def logprob(self, context: str, continuation: str) -> tuple[float, bool]:
        """Compute a log-likelihood.

        Args:
            context: The text before the continuation; white space at its end moves to the continuation.
            continuation: The text to score.

        Returns:
            ln p(continuation | context) in nats, and whether every token of the continuation is the most probable one.
        """
        stripped = context.rstrip()
        continuation = context[len(stripped) :] + continuation
        ids = self.encode(stripped + continuation)
        seam, end, start = len(stripped.encode()), 0, len(ids)
        for index, token in enumerate(ids):
            end += len(self.tokenizer.token_bytes[token])
            if end > seam:
                start = index
                break
        return self.score_ids(ids[:start], ids[start:])

    def score_ids(self, context: Sequence[int], continuation: Sequence[int]) -> tuple[float, bool]:
        """Compute a log-likelihood of tokens.

        Args:
            context: Token ids without ``<s>``.
            continuation: Token ids.

        Returns:
            The same as ``logprob``.
        """
        prefixed = (self.adds_bos or not context) and [*context[:1]] != [self.tokenizer.bos_id]
        ids = [*([self.prefix_id] if prefixed else []), *context, *continuation]
        contexts = self.model.walk(ids)[len(ids) - len(continuation) : -1]
        total = sum(node.logprob(token) for node, token in zip(contexts, continuation, strict=True))
        greedy = all(node.best() == token for node, token in zip(contexts, continuation, strict=True))
        return total, greedy

    def rolling(self, text: str, max_length: int | None = None) -> float:
        """Compute the rolling log-likelihood of a text.

        Args:
            text: The text.
            max_length: The maximum window in tokens; None for one window. Longer texts are cut into windows of
                ``max_length - 1`` predictions. The first window is conditioned on the prefix token, later ones on the
                token before them, and the last one on as many tokens as fit.

        Returns:
            The sum over all tokens, in nats.
        """
        ids = self.encode(text)
        width = len(ids) if max_length is None else max_length - 1
        total, start = 0.0, 0
        while start < len(ids):
            end = min(start + max(width, 1), len(ids))
            first_seen = 0 if start == 0 else max(0, end - width - 1)
            seen = [self.prefix_id, *ids[:start]] if first_seen == 0 and start == 0 else ids[first_seen:start]
            contexts = self.model.walk([*seen, *ids[start:end]])[len(seen) : -1]
            total += sum(node.logprob(token) for node, token in zip(contexts, ids[start:end], strict=True))
            start = end
        return total

    def greedy(self, prompt: str, max_tokens: int = 16) -> str:
        """Continue a prompt with the most probable tokens.

        Args:
            prompt: The prompt.
            max_tokens: The maximum number of tokens to add.

        Returns:
            The answer of ``/v1/completions`` at temperature 0.
        """
        from lm_eval.mock_server.sampling import SamplingSettings, generate

        ids = self._served.encode(prompt, add_bos=self.adds_bos)
        settings = SamplingSettings(max_tokens, stop_ids=frozenset({self.tokenizer.eos_id}))
        return generate(self.model, self.tokenizer, self.model.context(ids), settings).text
