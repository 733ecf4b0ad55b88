"""Strategies that send text and read the log-probabilities of its echo; they differ in how they find the seam."""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Iterator, Sequence

from lm_eval.errors import APIError, CheckFailed, ContextLengthExceeded, MalformedResponse
from lm_eval.models.logprobs.blocks import Block, choices_of, read_block
from lm_eval.models.logprobs.checks import LogLikelihood, sum_logprobs
from lm_eval.models.logprobs.seams import common_prefix, prompt_tokens_of, seam_by_offsets, seam_by_texts
from lm_eval.models.logprobs.spelling import seam_fits, spells_end
from lm_eval.models.scoring.base import CERTAIN, CountingAsk, GroupUnit, Scorer, UnitResult, answer
from lm_eval.models.scoring.batch import BatchScorer
from lm_eval.models.scoring.pairs import TextPair, scorable_pairs
from lm_eval.models.scoring.planned import PlannedRequests, Sizes, request_for
from lm_eval.models.scoring.prefix import NO_PREFIX
from lm_eval.models.scoring.token_ids import TokenIds
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.work import Answer, Ask, Call, Reply, Slot, Unit

__all__ = ["EchoContext", "EchoOffsets", "EchoTokens"]

_MAX_CONTEXTS = 256


class EchoScorer(BatchScorer):
    """Base of the strategies that send context and continuation as text and get them back with log-probabilities.

    What text cannot express goes through ``TokenIds`` where the server allows it: a prompt cut on the left, a prefix
    token that is known by its id only, and the windows of a text that is longer than the model's window.
    """

    def __init__(self, capabilities: Capabilities, settings: ScoringSettings) -> None:
        """Store what is known of the server, and prepare ``TokenIds`` where it can be used."""
        super().__init__(capabilities, settings)
        possible = TokenIds.obstacle(capabilities, settings) is None
        self._token_ids = TokenIds(capabilities, settings) if possible else None
        self._batch_size = settings.batch_size if capabilities.batch is not False else 1
        # The tokens of contexts, kept for their other continuations.
        self._contexts: OrderedDict[str, Sequence[object]] = OrderedDict()

    @classmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """Return why an echo of the server cannot be scored; None when it can."""
        if capabilities.echo_obstacle is None and settings.ids_only:
            return "the server ignores add_special_tokens, so only token ids carry out add_bos_token"
        return capabilities.echo_obstacle

    @property
    def batch_size(self) -> int:
        """The maximum number of prompts in one request; 1 where the server takes only one."""
        return self._batch_size

    @abstractmethod
    def _find_seam(self, block: Block, count: int, pair: TextPair) -> int | None:
        """Return the index of the continuation's first token among the ``count`` prompt tokens of an echo.

        None when the echo leaves it uncertain; the tokens of the context are then compared.
        """

    def prompt_of(self, pair: TextPair) -> TextPair | None:
        """Replace an empty context with the text of the prefix token; None when only its id would do."""
        if pair.context:
            return pair
        prefix = self.prefix.text
        return TextPair(pair.slot, prefix, pair.continuation) if prefix is not None else None

    async def score_batch(self, ask: Ask, batch: Sequence[TextPair]) -> Sequence[LogLikelihood | APIError]:
        """Ask for the echo of a batch and read each pair's part of it."""
        prompts = [pair.context + pair.continuation for pair in batch]
        blocks, reply = await self._echo(ask, prompts, batch[0].slot.repeat, prefixed=not batch[0].context)
        scores: list[LogLikelihood | APIError] = []
        for pair, block in zip(batch, blocks, strict=True):
            try:
                scores.append(await self._read(ask, pair, block, reply, alone=len(batch) == 1))
            except APIError as error:
                scores.append(error)
        return scores

    async def handle(self, ask: CountingAsk, slots: Sequence[Slot], pair: TextPair, error: APIError) -> Answer | Unit:
        """Cut a prompt that does not fit, with ``truncate=true`` and where token ids can be sent; else report it."""
        if not isinstance(error, ContextLengthExceeded) or not self.settings.truncate:
            return self.failed(ask, slots, pair.slot, error)
        try:
            if self._token_ids is None:
                raise CheckFailed("truncate=true needs a server that has /tokenize and takes token ids as a prompt")
            return answer(pair.slot, await self._token_ids.score(ask, TextPair.of(pair.slot)), ask.take())
        except APIError as failure:
            return self.failed(ask, slots, pair.slot, failure)

    async def score(self, ask: Ask, pair: TextPair) -> LogLikelihood:
        """Score one pair with a request for it alone."""
        try:
            return await self._score_uncut(ask, pair)
        except ContextLengthExceeded:
            if not self.settings.truncate or self._token_ids is None:
                raise
            return await self._token_ids.score(ask, pair)

    async def score_document(self, ask: Ask, slots: Sequence[Slot]) -> UnitResult:
        """Score a text by one echo where it is sure to fit the window, else by windows of token ids."""
        slot = slots[0]
        text, limit = slot.instance.args[0], self.max_prompt_tokens
        # A token has at least one byte, and one place is needed for the BOS token.
        fits = limit is None or len(text.encode("utf-8", "surrogatepass")) < limit
        if text and not fits and self._token_ids is not None:
            return await self._token_ids.score_document(ask, slots)
        counting = CountingAsk(ask)
        try:
            score = await self._score_uncut(counting, TextPair(slot, "", text)) if text else CERTAIN
        except ContextLengthExceeded as error:
            if self._token_ids is not None:
                return await self._token_ids.score_document(ask, slots)
            advice = f"windows of a long text need /tokenize and token ids as prompts; the server says: {error}"
            raise self.too_long(None, advice) from error
        return [answer(slot, score, counting.take())]

    async def _score_uncut(self, ask: Ask, pair: TextPair) -> LogLikelihood:
        prompt = self.prompt_of(pair)
        if prompt is not None:
            return await super().score(ask, prompt)
        if self._token_ids is None:
            raise CheckFailed(NO_PREFIX)
        return await self._token_ids.score(ask, pair)

    async def _echo(
        self, ask: Ask, prompts: list[str], repeat: int, *, prefixed: bool = False
    ) -> tuple[list[Block], Reply]:
        """Ask for the echo of prompts; with ``prefixed``, BOS precedes them where requests can choose that."""
        prompt = prompts[0] if len(prompts) == 1 else prompts
        body = self.settings.body(prompt=prompt, temperature=0, max_tokens=1, logprobs=1, echo=True)
        if prefixed and self.settings.prefix_gap is not None:
            body["add_special_tokens"] = True
        tokens = sum(map(len, prompts)) // 4 + 2 * len(prompts)
        reply = await ask(Call(self.settings.completions_path, body, repeat, tokens))
        return [read_block(choice, reply.endpoint) for choice in choices_of(reply, len(prompts))], reply

    async def _read(self, ask: Ask, pair: TextPair, block: Block, reply: Reply, *, alone: bool) -> LogLikelihood:
        """Check that a block is the echo of a pair, find the seam in it, and sum the tokens after the seam.

        With ``alone``, the request held this prompt only, so that the usage of the reply is this prompt's.
        """
        prompt = pair.context + pair.continuation
        count = self._count_prompt_tokens(prompt, block, reply, alone=alone, prefixed=not pair.context)
        limit = self.max_prompt_tokens
        if limit is not None and count > limit:
            raise self.too_long(count, "use fewer shots, or cut on the left with truncate=true")
        if not pair.context:
            seam: int | None = 1 if self.settings.bos_text or self.capabilities.bos == "shown" else 0
        else:
            seam = self._find_seam(block, count, pair)
        if seam is None:
            seam = await self._seam_by_context(ask, block, count, pair)
        return sum_logprobs(block, seam, count, reply.endpoint, self.capabilities.own_entries)

    def _count_prompt_tokens(
        self, prompt: str, block: Block, reply: Reply, *, alone: bool, prefixed: bool = False
    ) -> int:
        """Check that a block is the echo of a prompt and count the prompt's tokens in it.

        With ``prefixed``, the prompt was sent as ``_echo`` sends one without context.
        """
        text, known = block.text, self.capabilities
        gap, shown = known.usage_gap, known.bos == "shown"
        if prefixed and self.settings.prefix_gap is not None:
            gap, shown = self.settings.prefix_gap, self.settings.bos_text is not None
        if not block.tokens:
            raise MalformedResponse("The answer has no log-probabilities", endpoint=reply.endpoint, body=text)
        if not text.startswith(prompt):
            text = text.removeprefix(known.bos_text or self.settings.bos_text or "")
        if not text.startswith(prompt):
            what = f"The answer is no echo of what was sent: it starts with {block.text[:40]!r}"
            # The probe has seen the server echo, so another try may succeed.
            raise CheckFailed(what, endpoint=reply.endpoint, retryable=True)
        usage = reply.usage if alone else None
        listed = usage.prompt - gap if usage is not None and usage.prompt else None
        block.text = text
        count = prompt_tokens_of(block, prompt, listed, generates=known.completion_logprobs)
        what = ""
        if count is None:
            what = f"The echo lists {len(block.tokens)} tokens where the server counts {listed} in the prompt"
        elif known.shows_texts and not spells_end(block.tokens[shown:count], prompt):
            what = f"The echo's tokens do not end as the prompt does: {block.tokens[max(count - 4, 0) : count]}"
        elif shown and block.logprobs[0] is not None:
            what = "The first token has a log-probability that the server did not give it in the probe"
        if count is None or what:
            raise CheckFailed(what, endpoint=reply.endpoint, retryable=True)
        return count

    async def _seam_by_context(self, ask: Ask, block: Block, count: int, pair: TextPair) -> int:
        """Find the continuation's first token as the first one that differs from the tokens of the context alone.

        The tokens of the context come from the server's tokenizer; without one, from an echo of the context, which is
        asked for once for all its continuations.
        """
        tokenizer, special = self.capabilities.tokenizer, self.settings.special
        if tokenizer is None:
            context = self._contexts.get(pair.context)
            if context is None:
                (echoed,), reply = await self._echo(ask, [pair.context], pair.slot.repeat)
                stop = self._count_prompt_tokens(pair.context, echoed, reply, alone=True)
                context = self._remember(pair.context, echoed.tokens[:stop])
            return self._checked(common_prefix(context, block.tokens[:count]), block, count, pair)
        ids = (await tokenizer.encode(ask, pair.context + pair.continuation, special)).ids
        hidden = self.capabilities.tokenizer_gap
        if len(ids) - hidden != count:
            raise CheckFailed(f"The echo lists {count} tokens, the server's tokenizer counts {len(ids) - hidden}")
        context = self._contexts.get(pair.context)
        if context is None:
            context = self._remember(pair.context, (await tokenizer.encode(ask, pair.context, special)).ids)
        return self._checked(common_prefix(context, ids) - hidden, block, count, pair)

    def _checked(self, seam: int, block: Block, count: int, pair: TextPair) -> int:
        """Return a seam; an error where the texts of the tokens show that the continuation does not start there."""
        if self.capabilities.shows_texts and not seam_fits(block.tokens[:count], seam, pair.continuation):
            self._contexts.pop(pair.context, None)
            what = f"The tokens of the context and those of the prompt do not fit together at token {seam} of {count}"
            raise CheckFailed(what, retryable=True)
        return seam

    def _remember(self, context: str, tokens: Sequence[object]) -> Sequence[object]:
        self._contexts[context] = tokens
        if len(self._contexts) > _MAX_CONTEXTS:
            self._contexts.popitem(last=False)
        return tokens


class EchoOffsets(EchoScorer):
    """The server's character offsets show where the continuation starts."""

    name = "echo_offsets"
    summary = "echo, cut at the server's text offsets"

    @classmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """Return why the offsets cannot be used; None when they can."""
        reason = super().obstacle(capabilities, settings)
        if reason is not None or capabilities.offsets in ("exact", "shifted"):
            return reason
        if capabilities.offsets == "none":
            return "the echo has no text_offset"
        return "the echo's text_offset does not point at the tokens' texts"

    def _find_seam(self, block: Block, count: int, pair: TextPair) -> int | None:
        """Find the seam by offsets."""
        return seam_by_offsets(block, count, pair.context, pair.continuation)


class EchoTokens(EchoScorer):
    """The texts of the tokens, read from the end, show where the continuation starts."""

    name = "echo_tokens"
    summary = "echo, cut by the texts of the tokens"

    @classmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """Return why the texts of tokens cannot be used; None when they can."""
        reason = super().obstacle(capabilities, settings)
        if reason is None and capabilities.texts not in ("exact", "spaceless", "tail"):
            reason = "the texts of the echoed tokens do not make up the prompt"
        return reason

    def _find_seam(self, block: Block, count: int, pair: TextPair) -> int | None:
        """Find the seam by the texts of the tokens."""
        return seam_by_texts(block.tokens[:count], pair.context, pair.continuation)


class EchoContext(EchoScorer):
    """The server tokenizes the context alone, once for all its continuations; the next token starts a continuation."""

    name = "echo_context"
    summary = "echo, cut after the tokens of the context alone"

    def _find_seam(self, block: Block, count: int, pair: TextPair) -> int | None:
        """Return None: the tokens of the context are always compared."""
        return None

    def joins(self, group: Sequence[Slot], slot: Slot) -> bool:
        """Return whether a slot joins a group: the continuations of one context."""
        return Scorer.joins(self, group, slot)

    async def score_group(self, ask: Ask, slots: Sequence[Slot]) -> UnitResult:
        """Score the continuations of one context, up to ``batch_size`` per request."""
        finished: list[Answer | Unit] = []
        for start in range(0, len(slots), self.batch_size):
            batch = slots[start : start + self.batch_size]
            try:
                finished.extend(await super().score_group(ask, batch))
            except MalformedResponse:
                if len(slots) == 1:
                    raise
                # Only this slot is tried again, in a unit for itself.
                finished.extend(GroupUnit([slot], self.score_group) for slot in batch)
        return finished

    def planned_group(self, slots: Sequence[Slot], sizes: Sizes) -> Iterator[PlannedRequests]:
        """Plan the requests of ``score_group``, and an echo of the context where the server has no tokenizer."""
        pairs = scorable_pairs(slots)
        if pairs and self.capabilities.tokenizer is None:
            yield request_for(pairs[:1], context_only=True)
        for start in range(0, len(pairs), self.batch_size):
            yield request_for(pairs[start : start + self.batch_size])
