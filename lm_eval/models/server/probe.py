"""The probe: a few requests that find out what a server does, before any value counts.

At most four requests are sent, without GETs: an echo of a text with characters of several bytes; one or two to find a
tokenizer; and, depending on the first answers, a batch of prompts, a forced token, or a list of ``top_logprobs``.
An answer that would refuse the server, or that contradicts another one, is asked for once more, so that one slip of a
server does not end a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from lm_eval.errors import APIError, EndpointUnreachable, MalformedResponse, RequestRejected, ServerError
from lm_eval.models.logprobs.blocks import choices_of, first_top_tokens, read_block
from lm_eval.models.logprobs.spelling import spells
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.echo_check import check_echo
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.server.tokenizer import Tokens, find_tokenizer, same_text
from lm_eval.models.work import Ask, Call, Reply

__all__ = ["PROBE_TEXT", "probe_server", "read_description"]

PROBE_TEXT = "The capital of France is Paris, naïve café 日本語 🙂 and so on"
"""Characters of one to four bytes, and an end of plain letters."""

_TOPS, _FEW_TOPS = 20, 5
_MAX_REQUESTS = 4
_ECHO_FINDINGS: dict[str, object] = {
    item.name: item.default
    for item in fields(Capabilities)
    if item.name
    in ("echo", "seen", "logprobs", "offsets", "texts", "top_logprobs", "own_entries", "bos", "usage_gap", "bos_text",
        "first_scored", "prompt_logprobs", "completion_logprobs")
}  # fmt: skip
_KINDS = {"llamacpp": "llama.cpp", "vllm": "vLLM", "sglang": "SGLang"}


async def probe_server(ask: Ask, settings: ScoringSettings) -> Capabilities:
    """Find out what a server can do for log-likelihoods.

    Args:
        ask: Sends calls. An error that says nothing about a capability, such as a refused key, ends the probe.
        settings: The model and the settings of scoring.

    Returns:
        The findings.

    Raises:
        APIError: The endpoint cannot be used at all.
    """
    probe = _Probe(ask, settings)
    await probe.read_description()
    if settings.chat:
        await probe.try_chat()
        return probe.known
    listed = await probe.try_echo()
    tokens = await probe.try_tokenizer()
    if probe.contradicts(tokens, listed):
        listed = await probe.echo_once()
    if tokens is not None:
        await probe.find_bos_id(tokens, listed)
        tokens = tokens if probe.known.tokenizer is not None else None
    if probe.known.echo and settings.scoring not in ("first_token", "forced_token"):
        await probe.try_batch(tokens)
        if probe.tokens_wrong:
            # The answer of /tokenize may have been a slip, and with it the id of the BOS token.
            tokens = await probe.try_tokenizer()
            if tokens is not None:
                await probe.find_bos_id(tokens, listed)
            await probe.try_batch(tokens if probe.known.tokenizer is not None else None)
    elif tokens is None or (probe.known.echo and settings.scoring == "first_token"):
        if probe.known.requests < _MAX_REQUESTS:
            await probe.try_top_logprobs()
        if probe.known.echo and probe.known.requests < _MAX_REQUESTS:
            await probe.try_batch(tokens)
    elif probe.known.requests < _MAX_REQUESTS or probe.known.tokenizer_kind != "extras":
        await probe.try_forced_token(tokens)
    return probe.known


async def read_description(ask: Ask, settings: ScoringSettings) -> Capabilities:
    """Read what a server says of itself and find its tokenizer; nothing is scored or generated.

    Args:
        ask: Sends calls.
        settings: The model and the settings of scoring.

    Returns:
        Model names, window and tokenizer, where the server has them; all else is as if it had not been tried.

    Raises:
        APIError: The server cannot be reached.
    """
    probe = _Probe(ask, settings)
    await probe.read_description()
    tokens = await probe.try_tokenizer()
    if tokens is not None and tokens.pieces is not None:
        await probe.find_bos_id(tokens, 0)
    return probe.known


class _Probe:
    """The requests of the probe, and the findings so far."""

    def __init__(self, ask: Ask, settings: ScoringSettings) -> None:
        self.ask, self.settings = ask, settings
        self.known = Capabilities()
        self._refused = False
        self.tokens_wrong = False

    def learn(self, **found: Any) -> None:
        """Set fields of the findings."""
        self.known = replace(self.known, **found)

    def note(self, what: str, error: APIError | None = None) -> None:
        """Add a sentence to the findings; an error is shown on one line."""
        sentence = what if error is None else f"{what}: {' '.join(str(error).split())}"
        self.learn(notes=(*self.known.notes, sentence))

    async def post(self, call: Call) -> Reply:
        """Send and count a call."""
        self.learn(requests=self.known.requests + 1)
        return await self.ask(call)

    async def complete(self, tokens: int = 40, *, echo: bool = False, **content: object) -> Reply:
        """Ask for one generated token after a prompt."""
        body = self.settings.body(**content, echo=echo)
        return await self.post(Call(self.settings.completions_path, body, tokens=tokens))

    async def get(self, path: str) -> Mapping[str, Any]:
        """GET a JSON object that a server may not have; empty when it has none."""
        try:
            body: object = (await self.ask(Call(path, {}))).body
        except EndpointUnreachable:
            raise
        except APIError:
            return {}
        return body if isinstance(body, Mapping) else {}

    async def read_description(self) -> None:
        """Read what the server says of itself: model names, window, special tokens."""
        data = (await self.get("/models")).get("data")
        entries = [entry for entry in data if isinstance(entry, Mapping)] if isinstance(data, list) else []
        names = tuple(str(entry.get("id")) for entry in entries)
        model = self.settings.model
        if names:
            self.learn(models=names[:100], model_known=model in names)
        entry = next((entry for entry in entries if entry.get("id") == model), entries[0] if len(entries) == 1 else {})
        owner = str(entry.get("owned_by") or "")
        self.learn(server=_KINDS.get(owner, owner))
        self._learn_window(entry.get("max_model_len"), "/models max_model_len")
        self._learn_window(_field(entry.get("meta"), "n_ctx"), "/models meta.n_ctx")
        self._learn_window(entry.get("context_length"), "/models context_length")
        if owner in ("llamacpp", "") or self.known.max_length is None:
            props = await self.get("//props")
            self._learn_window(_field(props.get("default_generation_settings"), "n_ctx"), "/props n_ctx")
            self._learn_eos(props)
        if owner in ("vllm", "sglang"):
            self._learn_eos(await self.get("//tokenizer_info"))

    def _learn_window(self, value: object, source: str) -> None:
        if self.known.max_length is None and isinstance(value, int) and value > 0:
            self.learn(max_length=value, max_length_source=source)

    def _learn_eos(self, source: Mapping[str, Any]) -> None:
        eos = source.get("eos_token")
        if isinstance(eos, str) and eos:
            self.learn(eos_text=eos)

    async def try_echo(self) -> int:
        """Ask for an echo, twice if the first answer is none; return how many tokens of the prompt it lists."""
        listed = await self.echo_once()
        needed = self.settings.scoring not in ("first_token", "forced_token")
        if needed and self.known.echo_obstacle is not None and not self._refused:
            listed = await self.echo_once()
        return listed

    async def echo_once(self) -> int:
        """Ask for an echo; return how many tokens of the prompt it lists, and forget what an earlier echo showed."""
        self.learn(**_ECHO_FINDINGS)
        try:
            reply = await self.complete(prompt=PROBE_TEXT, temperature=0, max_tokens=1, logprobs=1, echo=True)
            choice = choices_of(reply)[0]
            block, tops = read_block(choice, reply.endpoint), first_top_tokens(choice)
        except (RequestRejected, ServerError, MalformedResponse) as error:
            self._refused = not isinstance(error, MalformedResponse)
            self.learn(seen=f"a request with echo and logprobs was answered with: {' '.join(str(error).split())}")
            return 0
        content = isinstance(choice.get("logprobs"), Mapping) and "content" in choice["logprobs"]
        self.learn(
            logprobs="content" if content else "legacy" if block.tokens else "none",
            completion_logprobs=bool(tops),
            prompt_logprobs=isinstance(choice.get("prompt_logprobs"), list),
        )
        if not block.text.startswith(PROBE_TEXT):
            self.learn(seen=f"echo was ignored: the answer's text is {block.text[:40]!r}, without the prompt")
            return 0
        if not block.tokens:
            self.learn(seen="the prompt was echoed, but without log-probabilities")
            return 0
        prompt_tokens = reply.usage.prompt if reply.usage is not None else 0
        self.known, listed = check_echo(self.known, block, PROBE_TEXT, prompt_tokens)
        return listed

    def contradicts(self, tokens: Tokens | None, listed: int) -> bool:
        """Return whether the echo may be wrong: its tokens are, or ``usage`` counts others than the tokenizer does."""
        known = self.known
        if not known.echo:
            return False
        if known.texts == "wrong":
            return True
        hidden = len(tokens.ids) - listed if tokens is not None else 0
        # One more than is listed is a hidden BOS token, or the generated token. llama-cpp-python does hide one.
        return hidden != known.usage_gap or (known.usage_gap == 1 and known.tokenizer_kind != "extras")

    async def try_tokenizer(self) -> Tokens | None:
        """Look for a tokenizer; return the tokens of the text, None when there is no tokenizer."""
        tokenizer, tokens = await find_tokenizer(self.post, self.settings.model, PROBE_TEXT, self.settings.special)
        if tokenizer is not None and tokens is not None:
            self.learn(tokenizer=tokenizer)
            self._learn_window(tokens.max_length, "/tokenize max_model_len")
        return tokens

    async def find_bos_id(self, tokens: Tokens, listed: int) -> None:
        """Find out whether the tokenizer adds a BOS token, by the bytes of its tokens or by how many the echo lists.

        Where prompts go out without BOS, the tokenizer is asked once more, because BOS is the prefix token even then.
        """
        settings, tokenizer = self.settings, self.known.tokenizer
        if tokenizer is not None and (settings.ids_only or not settings.special):
            other = (await tokenizer.encode(self.post, PROBE_TEXT, not settings.special)).ids
            shorter, longer = sorted((tokens.ids, other), key=len)
            if longer[1:] == shorter:
                self.learn(bos_id=longer[0])
        if settings.ids_only:
            return
        known, count = self.known, len(tokens.ids)
        if tokens.pieces is not None and same_text(b"".join(tokens.pieces[1:]), PROBE_TEXT):
            self.learn(bos_id=tokens.ids[0], bos_text=tokens.pieces[0].decode("utf-8", "replace"))
        elif known.bos == "shown":
            self.learn(bos_id=tokens.ids[0])
        elif known.echo and count == listed + 1:
            self.learn(bos_id=tokens.ids[0], bos="hidden", tokenizer_gap=1)
        elif known.echo and count != listed:
            self.note(f"the tokenizer counts {count} tokens where the echo lists {listed}: it is not used")
            self.learn(tokenizer=None)

    async def try_batch(self, tokens: Tokens | None) -> None:
        """Send two prompts in one request, as token ids where there is a tokenizer."""
        texts = [PROBE_TEXT, PROBE_TEXT + "."]
        ids = [tokens.ids, tokens.ids[:-1]] if tokens is not None else None
        prompt: Sequence[object] = texts if ids is None else ids
        try:
            reply = await self.complete(80, prompt=prompt, temperature=0, max_tokens=1, logprobs=1, echo=True)
            blocks = [read_block(choice) for choice in choices_of(reply, 2)]
        except APIError as error:
            self.learn(batch=False, token_ids=None if ids is None else False)
            self.note(f"two prompts in a request{'' if ids is None else ' as token ids'}", error)
            return
        if ids is None:
            echoed = all(block.text.startswith(text) for block, text in zip(blocks, texts, strict=True))
            self.learn(batch=echoed and all(block.tokens for block in blocks))
            return
        right = all(0 <= len(block.tokens) - len(sent) <= 1 for block, sent in zip(blocks, ids, strict=True))
        self.learn(batch=right, token_ids=right)
        self.tokens_wrong = right and not self._spells(blocks[0].tokens[: len(ids[0])])

    def _spells(self, tokens: Sequence[str]) -> bool:
        """Return whether the echo of token ids spells the text, after the BOS token that the echo of the text shows."""
        known = self.known
        rest = tokens[0 if known.bos == "absent" else 1 :]
        shown = known.bos != "shown" or tokens[0] == known.bos_text
        return not known.shows_texts or (shown and spells(rest, PROBE_TEXT))

    async def try_forced_token(self, tokens: Tokens) -> None:
        """Force an unlikely token with ``logit_bias`` and check that it comes with its value before the bias."""
        forced, tops_wanted = tokens.ids[-1], self.settings.num_logprobs or _TOPS
        body = self.settings.body(prompt=tokens.ids[:-3], temperature=0, max_tokens=1, logprobs=tops_wanted)
        try:
            payload = {**body, "logit_bias": {str(forced): 100}}
            reply = await self.post(Call(self.settings.completions_path, payload, tokens=40))
            choice = choices_of(reply)[0]
        except APIError as error:
            self.learn(forced=False)
            self.note("a token forced by logit_bias", error)
            return
        block, tops = read_block(choice), first_top_tokens(choice)
        raw = False
        if block.ids is not None and block.ids[:1] == [forced]:
            value, top = block.logprobs[0], block.tops[0]
            raw = value is not None and top is not None and value < top
        self.learn(
            forced=raw,
            plain_id=forced if raw else None,
            token_ids=bool(block.tokens),
            completion_logprobs=bool(tops),
            max_logprobs=min(len(tops), tops_wanted),
        )
        if not raw:
            self.note("a token forced by logit_bias came without its own, unbiased log-probability")

    async def try_top_logprobs(self) -> None:
        """Ask for the likeliest next tokens: many, then few if the server refuses."""
        for count in self._counts():
            try:
                reply = await self.complete(prompt=PROBE_TEXT, temperature=0, max_tokens=1, logprobs=count)
                tops = first_top_tokens(choices_of(reply)[0])
            except (RequestRejected, ServerError):
                continue
            self.learn(completion_logprobs=bool(tops), max_logprobs=min(len(tops), count))
            return
        self.learn(completion_logprobs=False)

    async def try_chat(self) -> None:
        """Ask for the likeliest first tokens of a chat answer: many, then few if the server refuses."""
        messages = [{"role": "user", "content": "Answer with one letter, A or B."}]
        for count in self._counts():
            body = self.settings.body(
                messages=messages, temperature=0, max_tokens=1, logprobs=True, top_logprobs=count
            )  # fmt: skip
            try:
                reply = await self.post(Call(self.settings.chat_path, body, tokens=40))
                tops = first_top_tokens(choices_of(reply)[0])
            except (RequestRejected, ServerError) as error:
                self.note(f"{count} top_logprobs in a chat answer", error)
                continue
            self.learn(chat_logprobs=bool(tops), max_logprobs=min(len(tops), count))
            if tops:
                return
        self.learn(chat_logprobs=bool(self.known.chat_logprobs))

    def _counts(self) -> tuple[int, ...]:
        """Return the numbers of ``top_logprobs`` to try, at most as many as there are requests left."""
        if self.settings.num_logprobs is not None:
            return (self.settings.num_logprobs,)
        if self.known.requests < _MAX_REQUESTS - 1:
            return (_TOPS, _FEW_TOPS)
        # Servers with a tokenizer list more than the few that hosted APIs allow.
        return (_TOPS,) if self.known.tokenizer is not None else (_FEW_TOPS,)


def _field(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, Mapping) else None
