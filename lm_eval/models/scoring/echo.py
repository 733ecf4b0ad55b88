"""The echoed prompt: its log-probabilities come with the tokens, and the continuation's are cut out of them."""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Sequence

from lm_eval.errors import (
    APIError,
    CheckFailed,
    ContextLengthExceeded,
    MalformedResponse,
    RequestRejected,
    ServerError,
)
from lm_eval.models.logprobs.blocks import Block, choices_of, echoed_block
from lm_eval.models.logprobs.checks import Score, total
from lm_eval.models.logprobs.seams import common_prefix, prompt_tokens_of
from lm_eval.models.scoring.base import GroupUnit, Outcome, Pair, Scorer, TalliedAsk, answer
from lm_eval.models.scoring.prefix import NO_PREFIX, prefix_known, prefix_text
from lm_eval.models.scoring.token_ids import TokenIds, too_long
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.work import Answer, Ask, Call, Reply, Slot, Unit

__all__ = ["EchoScorer"]

_CONTEXTS = 256


class EchoScorer(Scorer):
    """Base of the strategies that send text and read its echo.

    What text cannot do goes through ``TokenIds`` where the server allows it: a prompt cut on the left, a prefix token
    given by its id, and the windows of a document that does not fit one.
    """

    def __init__(self, capabilities: Capabilities, settings: ScoringSettings) -> None:
        """See the base class."""
        super().__init__(capabilities, settings)
        possible = TokenIds.obstacle(capabilities, settings) is None
        self._by_ids = TokenIds(capabilities, settings) if possible else None
        self.most = settings.batch_size if capabilities.batch is not False else 1
        self._contexts: OrderedDict[str, Sequence[object]] = OrderedDict()

    @classmethod
    def obstacle(cls, capabilities: Capabilities, settings: ScoringSettings) -> str | None:
        """See the base class."""
        if not capabilities.echo:
            return capabilities.seen or "the server does not echo prompts with log-probabilities"
        return None if capabilities.top_logprobs else "the server lists no top_logprobs, so is_greedy cannot be told"

    def refuses(self, request_type: str) -> str | None:
        """See the base class."""
        whole = request_type == "loglikelihood_rolling"
        return NO_PREFIX if whole and not prefix_known(self.capabilities, self.settings) else None

    @abstractmethod
    def find_seam(self, block: Block, count: int, pair: Pair) -> int | None:
        """Find the continuation's first token in an echoed block.

        Args:
            block: The echoed block.
            count: How many of its tokens are the prompt's.
            pair: What was sent.

        Returns:
            The index, or None when this answer does not tell; the context is then counted by the server.
        """

    def together(self, group: Sequence[Slot], slot: Slot) -> bool:
        """Tell whether a slot joins a group: up to ``batch_size`` prompts go in one request."""
        return len(group) < self.most and group[0].repeat == slot.repeat

    async def score_group(self, ask: Ask, slots: Sequence[Slot]) -> Outcome:
        """Score a batch with one request; each pair whose answer fails a check fails alone."""
        done: list[Answer | Unit] = []
        tally = TalliedAsk(ask)
        batch: list[Pair] = []
        for slot in slots:
            try:
                pair = Pair.of(slot)
                if not pair.continuation:
                    done.append(answer(slot, Score(0.0, True)))
                elif (sent := self.conditioned(pair)) is not None:
                    batch.append(sent)
                else:
                    done.append(answer(slot, await self.in_ids(NO_PREFIX).score(tally, pair), tally.take()))
            except APIError as error:
                done.append(self.failed(tally, slots, slot, error))
        if not batch:
            return done
        try:
            blocks, reply = await self.echo(tally, [pair.context + pair.continuation for pair in batch], batch[0].slot)
        except (RequestRejected, ServerError, MalformedResponse) as error:
            if len(batch) > 1:
                return [*done, *(GroupUnit([pair.slot], self.score_group) for pair in batch)]
            return [*done, await self.overlong(tally, slots, batch[0], error)]
        for pair, block in zip(batch, blocks, strict=True):
            try:
                score = await self.read(tally, pair, block, reply, alone=len(batch) == 1)
                done.append(answer(pair.slot, score, tally.take()))
            except ContextLengthExceeded as error:
                done.append(await self.overlong(tally, slots, pair, error))
            except APIError as error:
                done.append(self.failed(tally, slots, pair.slot, error))
        return done

    async def score(self, ask: Ask, pair: Pair) -> Score:
        """Score one pair by itself."""
        try:
            return await self.score_whole(ask, pair)
        except ContextLengthExceeded:
            if not self.settings.truncate or self._by_ids is None:
                raise
            return await self._by_ids.score(ask, pair)

    async def score_whole(self, ask: Ask, pair: Pair) -> Score:
        """Score one pair without cutting anything."""
        sent = self.conditioned(pair)
        if sent is None:
            return await self.in_ids(NO_PREFIX).score(ask, pair)
        blocks, reply = await self.echo(ask, [sent.context + sent.continuation], pair.slot)
        return await self.read(ask, sent, blocks[0], reply, alone=True)

    def conditioned(self, pair: Pair) -> Pair | None:
        """Give a pair without a context the prefix token's text; None when only its id would do."""
        if pair.context:
            return pair
        prefix = prefix_text(self.capabilities, self.settings)
        return Pair(pair.slot, prefix, pair.continuation) if prefix is not None else None

    def in_ids(self, otherwise: str) -> TokenIds:
        """Return the strategy by token ids.

        Args:
            otherwise: What to say when the server does not allow it.

        Returns:
            The strategy.

        Raises:
            CheckFailed: The server does not allow it.
        """
        if self._by_ids is None:
            raise CheckFailed(otherwise)
        return self._by_ids

    async def overlong(self, tally: TalliedAsk, slots: Sequence[Slot], pair: Pair, error: APIError) -> Answer | Unit:
        """Cut a prompt that does not fit, when that was asked for and is possible; else pass its error on."""
        if not isinstance(error, ContextLengthExceeded) or not self.settings.truncate:
            return self.failed(tally, slots, pair.slot, error)
        try:
            scorer = self.in_ids("truncate=true needs a server that has /tokenize and takes token ids as a prompt")
            return answer(pair.slot, await scorer.score(tally, Pair.of(pair.slot)), tally.take())
        except APIError as failure:
            return self.failed(tally, slots, pair.slot, failure)

    async def echo(self, ask: Ask, prompts: list[str], slot: Slot) -> tuple[list[Block], Reply]:
        """Ask for the echo of some prompts.

        Args:
            ask: Sends calls.
            prompts: The prompts.
            slot: Whose repeat it is.

        Returns:
            A block a prompt, and the whole reply.
        """
        prompt = prompts[0] if len(prompts) == 1 else prompts
        body = self.settings.body(prompt=prompt, temperature=0, max_tokens=1, logprobs=1, echo=True)
        tokens = sum(map(len, prompts)) // 4 + 2 * len(prompts)
        reply = await ask(Call(self.settings.completions_path, body, slot.repeat, tokens))
        choices = choices_of(reply.body, len(prompts), reply.endpoint)
        return [echoed_block(choice, reply.endpoint) for choice in choices], reply

    async def read(self, ask: Ask, pair: Pair, block: Block, reply: Reply, *, alone: bool) -> Score:
        """Check an echoed block and cut the continuation out of it.

        Args:
            ask: Sends calls, should the context have to be counted.
            pair: What was sent.
            block: What came back.
            reply: The whole reply.
            alone: Whether the request held this prompt only, so that its usage is this prompt's.

        Returns:
            The score.

        Raises:
            CheckFailed: The block is not the echo of what was sent.
        """
        count = self.count(pair.context + pair.continuation, block, reply, alone=alone)
        limit = self.prompt_limit
        if limit is not None and count > limit:
            raise too_long(count, limit, "use fewer shots, or cut on the left with truncate=true")
        if not pair.context:
            seam: int | None = 1 if self.capabilities.bos == "shown" else 0
        else:
            seam = self.find_seam(block, count, pair)
        if seam is None:
            seam = await self.seam_by_context(ask, block, count, pair)
        return total(block, seam, count, reply.endpoint)

    def count(self, prompt: str, block: Block, reply: Reply, *, alone: bool) -> int:
        """Count the prompt's tokens in an echoed block, after checking that it is one."""
        text = block.text
        if not block.tokens:
            raise MalformedResponse("The answer has no log-probabilities", endpoint=reply.endpoint, body=text)
        if not text.startswith(prompt):
            text = text.removeprefix(self.capabilities.bos_text or "")
        if not text.startswith(prompt):
            what = f"The answer is no echo of what was sent: it starts with {block.text[:40]!r}"
            # The probe has seen this server echo, so it may be a slip.
            raise CheckFailed(what, endpoint=reply.endpoint, retryable=True)
        usage = reply.usage if alone else None
        listed = usage.prompt - self.capabilities.usage_gap if usage is not None and usage.prompt else None
        count = prompt_tokens_of(block, prompt, listed)
        if count is None:
            what = f"The echo lists {len(block.tokens)} tokens where the server counts {listed} in the prompt"
            raise CheckFailed(what, endpoint=reply.endpoint, retryable=True)
        return count

    async def seam_by_context(self, ask: Ask, block: Block, count: int, pair: Pair) -> int:
        """Find the continuation's first token as the first that the context alone does not have.

        The server's tokenizer counts where there is one; else the context is echoed once for all its continuations.
        """
        tokenizer = self.capabilities.tokenizer
        if tokenizer is None:
            shared = self._contexts.get(pair.context)
            if shared is None:
                blocks, reply = await self.echo(ask, [pair.context], pair.slot)
                stop = self.count(pair.context, blocks[0], reply, alone=True)
                shared = self._remember(pair.context, blocks[0].tokens[:stop])
            return common_prefix(shared, block.tokens[:count])
        special = self.settings.special
        whole = (await tokenizer.encode(ask, pair.context + pair.continuation, special)).ids
        hidden = self.capabilities.tokenizer_gap
        if len(whole) - hidden != count:
            raise CheckFailed(f"The echo lists {count} tokens, the server's tokenizer counts {len(whole) - hidden}")
        shared = self._contexts.get(pair.context)
        if shared is None:
            shared = self._remember(pair.context, (await tokenizer.encode(ask, pair.context, special)).ids)
        return common_prefix(shared, whole) - hidden

    def _remember(self, context: str, tokens: Sequence[object]) -> Sequence[object]:
        self._contexts[context] = tokens
        if len(self._contexts) > _CONTEXTS:
            self._contexts.popitem(last=False)
        return tokens

    async def score_document(self, ask: Ask, slots: Sequence[Slot]) -> Outcome:
        """Score a text by one echo where it surely fits a window, else by windows of tokens."""
        slot = slots[0]
        text = slot.instance.args[0]
        limit = self.prompt_limit
        # A token is at least one byte long, beside the BOS token.
        fits = limit is None or len(text.encode("utf-8", "surrogatepass")) < limit
        if text and not fits and self._by_ids is not None:
            return await self._by_ids.score_document(ask, slots)
        tally = TalliedAsk(ask)
        try:
            score = await self.score_whole(tally, Pair(slot, "", text)) if text else Score(0.0, True)
        except ContextLengthExceeded as error:
            if self._by_ids is not None:
                return await self._by_ids.score_document(ask, slots)
            raise too_long(
                None, limit, f"windows of a long text need /tokenize and token ids as prompts; the server says: {error}"
            ) from error
        return [answer(slot, score, tally.take())]
