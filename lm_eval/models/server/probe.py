"""Learns what a server really does, with a few requests, before anything is scored on faith.

At most four requests are sent beside GETs: an echo of a text with characters of several bytes; one or two to find a
tokenizer; and, by what the first ones showed, a batch of token ids, a forced token, or a list of alternatives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lm_eval.errors import APIError, EndpointUnreachable, RequestRejected, ServerError
from lm_eval.models.http.usage import usage_of
from lm_eval.models.logprobs.blocks import choices_of, echoed_block, generated_tops
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.echo_check import check_echo
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.server.tokenizer import Tokens, find_tokenizer
from lm_eval.models.work import Ask, Call, Reply

__all__ = ["PROBE_TEXT", "probe_server", "read_description"]

PROBE_TEXT = "The capital of France is Paris, naïve café 日本語 🙂 and so on"
"""Characters of one to four bytes, and a plain end."""

_ALTERNATIVES, _FEW = 20, 5
_MOST_REQUESTS = 4


@dataclass(slots=True)
class _Findings:
    """What is known so far, and the count of requests."""

    ask: Ask
    settings: ScoringSettings
    known: Capabilities = field(default_factory=Capabilities)

    def learn(self, **found: Any) -> None:
        self.known = replace(self.known, **found)

    def note(self, sentence: str) -> None:
        self.learn(notes=(*self.known.notes, sentence))

    async def post(self, call: Call) -> Reply:
        if call.payload:
            self.learn(requests=self.known.requests + 1)
        return await self.ask(call)

    async def get(self, path: str) -> Any:
        """GET something a server may not have."""
        try:
            return (await self.ask(Call(path, {}))).body
        except EndpointUnreachable:
            raise
        except APIError:
            return None


async def probe_server(ask: Ask, settings: ScoringSettings) -> Capabilities:
    """Learn what a server can do for log-likelihoods.

    Args:
        ask: Sends calls. An error that is no answer to the question asked, such as a refused key, ends the probe.
        settings: The model and how it is to be scored.

    Returns:
        The findings.

    Raises:
        APIError: The endpoint cannot be used at all.
    """
    findings = _Findings(ask, settings)
    await _read_descriptions(findings)
    if settings.chat:
        await _try_chat(findings)
        return findings.known
    listed = await _try_echo(findings)
    tokenizer, tokens = await find_tokenizer(findings.post, settings.model, PROBE_TEXT, settings.special)
    if tokenizer is not None and tokens is not None:
        findings.learn(tokenizer=tokenizer)
        if findings.known.max_length is None and tokens.max_length is not None:
            findings.learn(max_length=tokens.max_length, max_length_source="/tokenize max_model_len")
        _learn_bos_id(findings, tokens, listed)
        tokens = tokens if findings.known.tokenizer is not None else None
    if findings.known.echo and settings.scoring not in ("first_token", "forced_token"):
        await _try_batch(findings, tokens)
    elif tokens is None or (findings.known.echo and settings.scoring == "first_token"):
        await _try_alternatives(findings)
        if findings.known.echo and findings.known.requests < _MOST_REQUESTS:
            await _try_batch(findings, tokens)
    else:
        await _try_forced(findings, tokens)
    return findings.known


async def read_description(ask: Ask, settings: ScoringSettings) -> Capabilities:
    """Read what a server says of itself, and find its tokenizer; nothing is scored or generated.

    Args:
        ask: Sends calls.
        settings: The model and how it is to be scored.

    Returns:
        Model names, window and tokenizer, where the server has them; all else is as if it had not been tried.

    Raises:
        APIError: The server cannot be reached.
    """
    findings = _Findings(ask, settings)
    await _read_descriptions(findings)
    tokenizer, tokens = await find_tokenizer(ask, settings.model, PROBE_TEXT, settings.special)
    if tokenizer is not None and tokens is not None:
        findings.learn(tokenizer=tokenizer)
        _learn_window(findings, tokens.max_length, "/tokenize max_model_len")
        if tokens.pieces is not None:
            _learn_bos_id(findings, tokens, 0)
    return findings.known


async def _read_descriptions(findings: _Findings) -> None:
    """Read what the server says of itself: model names, window, special tokens."""
    listed = await findings.get("/models")
    data = listed.get("data") if isinstance(listed, Mapping) else None
    entries = [entry for entry in data if isinstance(entry, Mapping)] if isinstance(data, list) else []
    names = tuple(str(entry.get("id")) for entry in entries)
    model = findings.settings.model
    if names:
        findings.learn(models=names[:100], model_known=model in names)
    entry = next((entry for entry in entries if entry.get("id") == model), entries[0] if len(entries) == 1 else {})
    owner = str(entry.get("owned_by") or "")
    findings.learn(server={"llamacpp": "llama.cpp", "vllm": "vLLM", "sglang": "SGLang"}.get(owner, owner))
    meta = entry.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    _learn_window(findings, entry.get("max_model_len"), "/models max_model_len")
    _learn_window(findings, meta.get("n_ctx"), "/models meta.n_ctx")
    _learn_window(findings, entry.get("context_length"), "/models context_length")
    if owner in ("llamacpp", "") or findings.known.max_length is None:
        props = await findings.get("//props")
        if isinstance(props, Mapping):
            generation = props.get("default_generation_settings")
            n_ctx = generation.get("n_ctx") if isinstance(generation, Mapping) else None
            _learn_window(findings, n_ctx, "/props n_ctx")
            _learn_special(findings, props)
    if owner in ("vllm", "sglang"):
        info = await findings.get("//tokenizer_info")
        if isinstance(info, Mapping):
            _learn_special(findings, info)


def _learn_window(findings: _Findings, value: Any, source: str) -> None:
    if findings.known.max_length is None and isinstance(value, int) and value > 0:
        findings.learn(max_length=value, max_length_source=source)


def _learn_special(findings: _Findings, source: Mapping[str, Any]) -> None:
    eos = source.get("eos_token")
    if isinstance(eos, str) and eos:
        findings.learn(eos_text=eos)


async def _try_echo(findings: _Findings) -> int:
    """Ask for an echo; return how many tokens of the prompt it lists."""
    settings = findings.settings
    body = settings.body(prompt=PROBE_TEXT, temperature=0, max_tokens=1, logprobs=1, echo=True)
    try:
        reply = await findings.post(Call(settings.completions_path, body, tokens=40))
    except (RequestRejected, ServerError) as error:
        findings.learn(seen=f"a request with echo and logprobs was answered with: {' '.join(str(error).split())}")
        return 0
    choice = choices_of(reply.body, 1, reply.endpoint)[0]
    block = echoed_block(choice, reply.endpoint)
    content = isinstance(choice.get("logprobs"), Mapping) and "content" in choice["logprobs"]
    findings.learn(
        logprobs="content" if content else "legacy" if block.tokens else "none",
        completion_logprobs=bool(generated_tops(choice)),
        prompt_logprobs=isinstance(choice.get("prompt_logprobs"), list),
    )
    if not block.text.startswith(PROBE_TEXT):
        findings.learn(seen=f"echo was ignored: the answer's text is {block.text[:40]!r}, without the prompt")
        return 0
    if not block.tokens:
        findings.learn(seen="the prompt was echoed, but without log-probabilities")
        return 0
    usage = usage_of(reply.body)
    listed, found = check_echo(block, PROBE_TEXT, usage.prompt if usage is not None else 0)
    findings.learn(**found)
    return listed


def _learn_bos_id(findings: _Findings, tokens: Tokens, listed: int) -> None:
    """Tell whether the tokenizer put a BOS token first, by the tokens' bytes or by what the echo lists."""
    known = findings.known
    if tokens.pieces is not None and b"".join(tokens.pieces[1:]).strip() == PROBE_TEXT.encode():
        findings.learn(bos_id=tokens.ids[0], bos_text=tokens.pieces[0].decode("utf-8", "replace"))
    elif known.bos == "shown":
        findings.learn(bos_id=tokens.ids[0])
    elif known.echo and len(tokens.ids) == listed + 1:
        findings.learn(bos_id=tokens.ids[0], bos="hidden", tokenizer_gap=1)
    elif known.echo and len(tokens.ids) != listed:
        findings.note(f"the tokenizer counts {len(tokens.ids)} tokens where the echo lists {listed}: it is not used")
        findings.learn(tokenizer=None)


async def _try_batch(findings: _Findings, tokens: Tokens | None) -> None:
    """Send two prompts at once, as token ids where there is a tokenizer."""
    settings = findings.settings
    prompts: list[Any] = [PROBE_TEXT, PROBE_TEXT + "."]
    if tokens is not None:
        prompts = [tokens.ids, tokens.ids[:-1]]
    body = settings.body(prompt=prompts, temperature=0, max_tokens=1, logprobs=1, echo=True)
    try:
        reply = await findings.post(Call(settings.completions_path, body, tokens=80))
        blocks = [echoed_block(choice) for choice in choices_of(reply.body, 2, reply.endpoint)]
    except APIError as error:
        findings.learn(batch=False, token_ids=False if tokens is not None else None)
        findings.note(f"two prompts in a request{' as token ids' if tokens else ''}: {' '.join(str(error).split())}")
        return
    if tokens is None:
        whole = all(block.text.startswith(prompt) for block, prompt in zip(blocks, prompts, strict=True))
        findings.learn(batch=whole and all(block.tokens for block in blocks))
        return
    counted = all(0 <= len(block.tokens) - len(ids) <= 1 for block, ids in zip(blocks, prompts, strict=True))
    findings.learn(batch=counted, token_ids=counted)


async def _try_forced(findings: _Findings, tokens: Tokens) -> None:
    """Force the text's last token where it is unlikely, and look whether its own value comes back."""
    settings = findings.settings
    forced, most = tokens.ids[-1], settings.num_logprobs or _ALTERNATIVES
    body = settings.body(prompt=tokens.ids[:-3], temperature=0, max_tokens=1, logprobs=most)
    try:
        payload = {**body, "logit_bias": {str(forced): 100}}
        reply = await findings.post(Call(settings.completions_path, payload, tokens=40))
        choice = choices_of(reply.body, 1, reply.endpoint)[0]
    except APIError as error:
        findings.learn(forced=False)
        findings.note(f"a token forced by logit_bias: {' '.join(str(error).split())}")
        return
    block, tops = echoed_block(choice), generated_tops(choice)
    raw = (
        block.ids is not None and block.ids[:1] == [forced]
        and block.logprobs[0] is not None and block.tops[0] is not None and block.logprobs[0] < block.tops[0]
    )  # fmt: skip
    findings.learn(
        forced=raw,
        plain_id=forced if raw else None,
        token_ids=bool(block.tokens),
        completion_logprobs=bool(tops),
        max_logprobs=min(len(tops), most),
    )
    if not raw:
        findings.note("a token forced by logit_bias came without its own, unbiased log-probability")


async def _try_alternatives(findings: _Findings) -> None:
    """Ask for the likeliest next tokens, many and then few."""
    settings = findings.settings
    for most in _steps(findings):
        body = settings.body(prompt=PROBE_TEXT, temperature=0, max_tokens=1, logprobs=most)
        try:
            reply = await findings.post(Call(settings.completions_path, body, tokens=40))
            tops = generated_tops(choices_of(reply.body, 1, reply.endpoint)[0])
        except (RequestRejected, ServerError):
            continue
        findings.learn(completion_logprobs=bool(tops), max_logprobs=min(len(tops), most))
        return
    findings.learn(completion_logprobs=False)


def _steps(findings: _Findings) -> tuple[int, ...]:
    """How many alternatives to try for, with no more tries than requests are left."""
    if findings.settings.num_logprobs is not None:
        return (findings.settings.num_logprobs,)
    if findings.known.requests < _MOST_REQUESTS - 1:
        return (_ALTERNATIVES, _FEW)
    # Servers with a tokenizer of their own list more than the few that hosted APIs allow.
    return (_ALTERNATIVES,) if findings.known.tokenizer is not None else (_FEW,)


async def _try_chat(findings: _Findings) -> None:
    settings = findings.settings
    messages = [{"role": "user", "content": "Answer with one letter, A or B."}]
    for most in _steps(findings):
        body = settings.body(messages=messages, temperature=0, max_tokens=1, logprobs=True, top_logprobs=most)
        try:
            reply = await findings.post(Call(settings.chat_path, body, tokens=40))
            tops = generated_tops(choices_of(reply.body, 1, reply.endpoint)[0])
        except (RequestRejected, ServerError) as error:
            findings.note(f"{most} top_logprobs in a chat answer: {' '.join(str(error).split())}")
            continue
        findings.learn(chat_logprobs=bool(tops), max_logprobs=min(len(tops), most))
        return
    findings.learn(chat_logprobs=False)
