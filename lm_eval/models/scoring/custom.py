"""A model class that says itself what is sent and how log-probabilities are read; its values are checked as well."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence

from lm_eval.errors import APIError, CheckFailed, MalformedResponse, RequestRejected, ServerError
from lm_eval.models.logprobs.checks import Score, score_of
from lm_eval.models.logprobs.seams import common_prefix
from lm_eval.models.protocol import APIModel
from lm_eval.models.scoring.base import GroupUnit, Outcome, Pair, Scorer, TalliedAsk, answer
from lm_eval.models.scoring.token_ids import too_long
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.server.tokenizer import RemoteTokenizer, find_tokenizer
from lm_eval.models.work import Answer, Ask, Call, Slot, Unit

__all__ = ["CustomScorer"]

_TOKEN_PARAMETERS = {"tokens", "ctxlens"}


class CustomScorer(Scorer):
    """Sends what ``_create_payload(…, generate=False)`` builds and reads it with ``parse_logprobs``."""

    name = "parse_logprobs"
    summary = "the model's own payload and reading"
    by_name_only = True

    def __init__(
        self, model: APIModel, settings: ScoringSettings, tokens: bool, tokenizer: RemoteTokenizer | None
    ) -> None:
        """Keep the parts.

        Args:
            model: Builds payloads and reads answers.
            settings: The run's settings.
            tokens: Whether the model's reading wants token ids.
            tokenizer: Where they come from; None stands for the model's own ``tok_encode``.
        """
        super().__init__(Capabilities(), settings)
        self._model, self._tokens, self._tokenizer = model, tokens, tokenizer

    @classmethod
    async def make(cls, model: APIModel, settings: ScoringSettings, ask: Ask, *, encodes: bool) -> CustomScorer:
        """Find out what the model's reading needs, and whether it can be had.

        Args:
            model: Builds payloads and reads answers.
            settings: The run's settings.
            ask: Sends calls.
            encodes: Whether the model has a tokenizer of its own.

        Returns:
            The strategy.
        """
        tokens = bool(_TOKEN_PARAMETERS & set(inspect.signature(model.parse_logprobs).parameters))
        tokenizer = None
        if tokens and not encodes:
            tokenizer, _ = await find_tokenizer(ask, settings.model, "Hello")
            tokens = tokenizer is not None
        return cls(model, settings, tokens, tokenizer)

    @classmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """See the base class."""
        return None

    def together(self, group: Sequence[Slot], slot: Slot) -> bool:
        """Tell whether a slot joins a group: up to ``batch_size`` prompts go in one request."""
        return len(group) < self._model.batch_size and group[0].repeat == slot.repeat

    async def score_group(self, ask: Ask, slots: Sequence[Slot]) -> Outcome:
        """Score a batch with one request; when it fails, each pair is asked by itself."""
        done: list[Answer | Unit] = []
        tally = TalliedAsk(ask)
        batch: list[Pair] = []
        for slot in slots:
            try:
                pair = Pair.of(slot)
            except APIError as error:
                done.append(self.failed(tally, slots, slot, error))
                continue
            if pair.continuation:
                batch.append(pair)
            else:
                done.append(answer(slot, Score(0.0, True)))
        if not batch:
            return done
        try:
            scores = await self._scores(tally, batch)
        except (RequestRejected, ServerError, MalformedResponse) as error:
            if len(batch) == 1:
                return [*done, self.failed(tally, slots, batch[0].slot, error)]
            self._model.batch_failed()
            return [*done, *(GroupUnit([pair.slot], self.score_group) for pair in batch)]
        # The counts of a batch are for all its prompts; they are kept once.
        done += [answer(pair.slot, score, tally.take()) for pair, score in zip(batch, scores, strict=True)]
        return done

    async def score(self, ask: Ask, pair: Pair) -> Score:
        """Score one pair by itself."""
        return (await self._scores(ask, [pair]))[0]

    async def score_document(self, ask: Ask, slots: Sequence[Slot]) -> Outcome:
        """Score a whole text with one request."""
        tally = TalliedAsk(ask)
        pair = Pair(slots[0], "", slots[0].instance.args[0])
        score = await self.score(tally, pair) if pair.continuation else Score(0.0, True)
        return [answer(slots[0], score, tally.take())]

    async def _scores(self, ask: Ask, pairs: Sequence[Pair]) -> list[Score]:
        model = self._model
        contexts = [pair.context or self.settings.eos_string or "" for pair in pairs]
        continuations = [pair.continuation for pair in pairs]
        texts = [context + continuation for context, continuation in zip(contexts, continuations, strict=True)]
        tokens, lengths = await self._encode(ask, contexts, texts)
        estimate = sum(map(len, tokens)) if tokens else sum(len(text) // 4 + 2 for text in texts)
        reply = await ask(Call(model.path, model.scoring_payload(texts), pairs[0].slot.repeat, estimate))
        try:
            values = model.parse_logprobs(
                outputs=reply.body, tokens=tokens, ctxlens=lengths, contexts=contexts, continuations=continuations
            )
            count = len(values)
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
            # Whatever the model's code stumbles over was not the promised JSON.
            what = f"The answer cannot be read ({type(error).__name__}: {error})"
            raise MalformedResponse(what, endpoint=reply.endpoint, body=json.dumps(reply.body)[:300]) from error
        if count != len(pairs):
            what = f"{len(pairs)} prompts were sent and parse_logprobs found {count} log-likelihoods"
            raise CheckFailed(what, endpoint=reply.endpoint)
        return [score_of(value, reply.endpoint) for value in values]

    async def _encode(
        self, ask: Ask, contexts: Sequence[str], texts: Sequence[str]
    ) -> tuple[list[list[int]] | None, list[int] | None]:
        """Tokenize prompts, and count the tokens that are the context's alone; None where nobody can."""
        if not self._tokens:
            return None, None
        tokens = [await self._ids(ask, text) for text in texts]
        limit = self.prompt_limit
        longest = max(map(len, tokens))
        if limit is not None and longest > limit:
            raise too_long(longest, limit, "use fewer shots")
        # A token over the seam belongs to the continuation.
        before = {context: await self._ids(ask, context) for context in dict.fromkeys(contexts)}
        return tokens, [common_prefix(before[context], ids) for context, ids in zip(contexts, tokens, strict=True)]

    async def _ids(self, ask: Ask, text: str) -> list[int]:
        if self._tokenizer is None:
            return list(self._model.tok_encode(text))
        return (await self._tokenizer.encode(ask, text, self.settings.special)).ids
