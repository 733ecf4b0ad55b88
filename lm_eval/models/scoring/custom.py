"""A model class that builds its own scoring requests and reads their log-likelihoods; the values are checked too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lm_eval.errors import CheckFailed, LMEvalError
from lm_eval.models.http.replies import unreadable
from lm_eval.models.logprobs.checks import LogLikelihood, check_parsed
from lm_eval.models.logprobs.seams import common_prefix
from lm_eval.models.protocol import APIModel
from lm_eval.models.scoring.base import CERTAIN, CountingAsk, UnitResult, answer
from lm_eval.models.scoring.batch import BatchScorer
from lm_eval.models.scoring.pairs import TextPair
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.server.tokenizer import RemoteTokenizer, find_tokenizer
from lm_eval.models.work import Ask, Call, Reply, Slot

__all__ = ["CustomScorer"]

_TOKEN_PARAMETERS = {"tokens", "ctxlens"}
_NO_IDS = "parse_logprobs got no tokens and ctxlens, as the server has no /tokenize: override tok_encode"


class CustomScorer(BatchScorer):
    """Sends what ``_create_payload(…, generate=False)`` builds and reads the answer with ``parse_logprobs``."""

    name = "parse_logprobs"
    summary = "the model class's own payload and reading"
    by_name_only = True

    def __init__(
        self, model: APIModel, settings: ScoringSettings, tokens: bool, tokenizer: RemoteTokenizer | None
    ) -> None:
        """Store the parts.

        Args:
            model: Builds payloads and reads answers.
            settings: The settings of the run.
            tokens: Whether ``parse_logprobs`` gets token ids.
            tokenizer: The server's tokenizer, for the token ids; None takes the model's ``tok_encode``.
        """
        super().__init__(Capabilities(), settings)
        self._model, self._tokens, self._tokenizer = model, tokens, tokenizer

    @classmethod
    async def make(cls, model: APIModel, settings: ScoringSettings, ask: Ask, *, encodes: bool) -> CustomScorer:
        """Build the strategy; look for the server's tokenizer if ``parse_logprobs`` wants token ids.

        Args:
            model: Builds payloads and reads answers.
            settings: The settings of the run.
            ask: Sends calls.
            encodes: Whether the model class overrides ``tok_encode``.

        Returns:
            The strategy.
        """
        tokens = bool(_TOKEN_PARAMETERS & model.logprob_parameters)
        tokenizer = None
        if tokens and not encodes:
            tokenizer, _ = await find_tokenizer(ask, settings.model, "Hello")
            tokens = tokenizer is not None
        return cls(model, settings, tokens, tokenizer)

    @classmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """Return None: the model class decides what it can read."""
        return None

    def refuses(self, request_type: str) -> str | None:
        """Return None: the model class decides what an empty context means."""
        return None

    @property
    def batch_size(self) -> int:
        """The maximum number of prompts in one request, as the model says at the moment."""
        return self._model.batch_size

    def batch_failed(self) -> None:
        """Tell the model, which stops sending several prompts in one request after a few failures."""
        self._model.batch_failed()

    async def score_document(self, ask: Ask, slots: Sequence[Slot]) -> UnitResult:
        """Score a complete text with one request, as the continuation of an empty context."""
        counting = CountingAsk(ask)
        pair = TextPair(slots[0], "", slots[0].instance.args[0])
        score = await self.score(counting, pair) if pair.continuation else CERTAIN
        return [answer(slots[0], score, counting.take())]

    async def score_batch(self, ask: Ask, batch: Sequence[TextPair]) -> Sequence[LogLikelihood]:
        """Send one request for a batch and let the model read the log-likelihoods."""
        model = self._model
        contexts = [pair.context or self.settings.eos_string or "" for pair in batch]
        continuations = [pair.continuation for pair in batch]
        texts = [context + continuation for context, continuation in zip(contexts, continuations, strict=True)]
        tokens, lengths = await self._encode(ask, contexts, texts)
        estimate = sum(map(len, tokens)) if tokens else sum(len(text) // 4 + 2 for text in texts)
        repeat = batch[0].slot.repeat
        values: Sequence[Any] | None = None
        if model.own_calls is not None:
            received = await model.own_calls.score(ask, texts, lengths, repeat)
            reply, values = Reply(received.body), received.answers
        else:
            reply = await ask(Call(model.path, model.scoring_payload(texts), repeat, estimate))
        try:
            if values is None:
                values = model.parse_logprobs(
                    outputs=reply.body, tokens=tokens, ctxlens=lengths, contexts=contexts, continuations=continuations
                )
            count = len(values)
        except LMEvalError:
            raise
        except Exception as error:
            # The model's code met something that is not the JSON it expects.
            wanted = not self._tokens and bool(_TOKEN_PARAMETERS & model.logprob_parameters)
            raise unreadable(error, reply.endpoint, reply.body, _NO_IDS if wanted else "") from error
        if count != len(batch):
            what = f"{len(batch)} prompts were sent and parse_logprobs found {count} log-likelihoods"
            raise CheckFailed(what, endpoint=reply.endpoint)
        return [check_parsed(value, reply.endpoint) for value in values]

    async def _encode(
        self, ask: Ask, contexts: Sequence[str], texts: Sequence[str]
    ) -> tuple[list[list[int]] | None, list[int] | None]:
        """Tokenize prompts and count the tokens of each that are the context's alone; None where there are no ids."""
        if not self._tokens:
            return None, None
        tokens = [await self._ids(ask, text) for text in texts]
        limit, longest = self.max_prompt_tokens, max(map(len, tokens))
        if limit is not None and longest > limit:
            raise self.too_long(longest, "use fewer shots")
        # A token that spans the seam belongs to the continuation.
        before = {context: await self._ids(ask, context) for context in dict.fromkeys(contexts)}
        return tokens, [common_prefix(before[context], ids) for context, ids in zip(contexts, tokens, strict=True)]

    async def _ids(self, ask: Ask, text: str) -> list[int]:
        if self._tokenizer is None:
            return list(self._model.tok_encode(text))
        return (await self._tokenizer.encode(ask, text, self.settings.special)).ids
