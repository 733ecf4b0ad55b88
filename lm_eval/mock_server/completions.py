"""``/v1/completions``: prompts of every form, echo, log-probabilities, sampling."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from lm_eval.mock_server.constraints import constrained_answer
from lm_eval.mock_server.json_text import JsonObject, RawJSON
from lm_eval.mock_server.logprob_shapes import ScoredTokens
from lm_eval.mock_server.ngram import Context
from lm_eval.mock_server.problems import invalid, no_room_asked, refusal
from lm_eval.mock_server.request_fields import RequestFields
from lm_eval.mock_server.sampling import Generated, SamplingSettings, generate
from lm_eval.mock_server.served_model import ServedModel
from lm_eval.mock_server.token_counts import TokenCounts
from lm_eval.mock_server.token_text import token_texts

__all__ = ["complete"]


@dataclass
class _Prompt:
    """One prompt.

    Attributes:
        text: The text that an echo returns.
        ids: The tokens that the model sees.
        bos_added: The first token is a ``<s>`` that the server added.
    """

    text: str
    ids: list[int]
    bos_added: bool


def complete(served: ServedModel, fields: JsonObject) -> tuple[JsonObject, TokenCounts]:
    """Answer a completions request.

    Args:
        served: The served model.
        fields: The JSON body.

    Returns:
        The answer and its token counts.

    Raises:
        Refused: The imitated server would refuse.
    """
    profile = served.profile
    request = RequestFields(served, fields)
    request.check_generation()
    completion = _Completion(request)
    counts = TokenCounts(shown_prompts=1 if profile.usage_of_first_prompt else None)
    choices: list[JsonObject] = []
    for prompt in _read_prompts(request):
        uncounted = prompt.bos_added and not (profile.shows_bos or profile.counts_bos)
        counts.add_prompt(len(prompt.ids) - uncounted, served.cache.look_up(prompt.ids))
        for number in range(request.choices()):
            choice, generated = completion.choice(prompt, number)
            choices.append({"index": len(choices), **choice})
            counts.completion += max(generated, int(profile.zero_counts_one))
    return served.answer("text_completion", "cmpl", fields.get("model"), choices, counts), counts


def _read_prompts(request: RequestFields) -> list[_Prompt]:
    """Read ``prompt``: a text, token ids, or a list of either."""
    profile, value = request.profile, request.fields.get("prompt")
    if value is None and not profile.refuses_no_prompt:
        value = ""
    if isinstance(value, str):
        return [_read_prompt(request, value)]
    if not isinstance(value, list) or not value:
        raise invalid(profile, "prompt must be a string, a list of strings or token ids.", "prompt")
    if profile.prompt_lists == "no":
        raise refusal(profile, 400, "prompt must be a string.", param="prompt")
    prompts = [value] if all(isinstance(item, int) for item in value) else value
    if profile.prompt_lists == "single" and len(prompts) > 1:
        raise refusal(profile, 500, "", kind="internal_server_error")
    return [_read_prompt(request, prompt) for prompt in prompts]


def _read_prompt(request: RequestFields, value: object) -> _Prompt:
    served, profile, tokenizer = request.served, request.profile, request.served.tokenizer
    if isinstance(value, str):
        wanted = not profile.chooses_bos or request.flag("add_special_tokens", True)
        ids = served.encode(value, add_bos=profile.adds_bos and wanted)
        # The server adds no <s> to a text that starts with this name.
        bos_added = ids[:1] == [tokenizer.bos_id] and not (profile.parses_special and value.startswith("<s>"))
        text = value
    elif isinstance(value, list) and all(isinstance(token, int) and not isinstance(token, bool) for token in value):
        if not profile.prompt_ids:
            raise invalid(profile, "Input should be a valid string", "prompt")
        if any(not 0 <= token < tokenizer.vocab_size for token in value):
            raise invalid(profile, f"Token id {max(value)} is out of vocabulary", "prompt")
        ids, bos_added = list(value), False
        text = "".join(token_texts(tokenizer, ids, "carry", show_special=profile.shows_special))
    else:
        raise invalid(profile, "prompt must be a string, a list of strings or token ids.", "prompt")
    scoring = request.flag("echo") and request.fields.get("logprobs") is not None
    if len(ids) == bos_added and (
        profile.refuses_empty == "always" or (profile.refuses_empty == "scoring" and scoring)
    ):
        raise invalid(profile, "The prompt is empty.", "prompt")
    kept = request.integer("truncate_prompt_tokens", minimum=1)
    if kept and len(ids) > kept:
        return _Prompt(text, ids[-kept:], False)
    return _Prompt(text, ids, bos_added)


class _Completion:
    """The settings of one request, from which choices are built."""

    def __init__(self, request: RequestFields) -> None:
        profile = request.profile
        self.served, self.request, self.profile = request.served, request, profile
        self.echo = request.flag("echo")
        self.top = self._top_logprobs()
        self.max_tokens = self._max_tokens()
        self.prompt_top = request.integer("prompt_logprobs", minimum=0) if profile.prompt_logprobs else None
        self.as_ids = profile.return_token_ids and request.flag("return_tokens_as_token_ids")
        self.with_ids = profile.return_token_ids and request.flag("return_token_ids")
        if self.echo and profile.echo == "refused":
            raise invalid(profile, "echo is not supported", "echo")
        if self.echo and profile.echo == "without-logprobs" and self.top is not None:
            raise invalid(profile, "Setting 'echo' and 'logprobs' at the same time is not supported.", "echo")
        self.echo = self.echo and profile.echo != "ignored"
        if (
            self.max_tokens == 0
            and profile.zero_max_tokens == "echo-only"
            and not (self.echo and self.prompt_top is None)
        ):
            raise invalid(profile, "max_tokens must be at least 1, got 0.", "max_tokens")

    def _top_logprobs(self) -> int | None:
        """Read how many alternatives to list per token; None for no log-probabilities."""
        profile, value = self.profile, self.request.fields.get("logprobs")
        if value is True or value is False:
            value = int(value) or None
        if value is None or profile.completion_logprobs in ("absent", "null"):
            return None
        if not isinstance(value, int) or value < 0:
            raise invalid(profile, f"logprobs must be a non-negative integer, not {value!r}", "logprobs")
        if profile.completion_logprobs == "refused":
            message = "logprobs is not supported for models created with logits_all=False"
            raise refusal(profile, 500, message, kind="internal_server_error")
        if profile.max_logprobs is not None and value > profile.max_logprobs:
            message = f"Requested sample logprobs of {value}, which is greater than max allowed: {profile.max_logprobs}"
            raise invalid(profile, message, "logprobs")
        if profile.completion_logprobs == "content" and value == 0:
            return None
        return value

    def _max_tokens(self) -> int | None:
        """Read ``max_tokens``; None for as many tokens as fit."""
        profile = self.profile
        value = self.request.integer("max_tokens", profile.default_max_tokens)
        if value is None:
            return None
        if profile.zero_max_tokens == "unlimited" and value <= 0:
            return None
        if value == 0 and profile.zero_max_tokens == "error":
            raise no_room_asked(profile)
        if value <= 0 and profile.zero_max_tokens == "one":
            return 1 if value == 0 else None
        if value < 0:
            raise invalid(profile, f"max_tokens must be at least 0, got {value}.", "max_tokens")
        return value

    def choice(self, prompt: _Prompt, number: int) -> tuple[JsonObject, int]:
        """Generate one choice.

        Args:
            prompt: The prompt.
            number: The number of the choice among those of the prompt.

        Returns:
            The choice without its index, and the number of generated tokens.
        """
        served, profile = self.served, self.profile
        max_tokens = served.max_new_tokens(len(prompt.ids), self.max_tokens)
        sampling = self._sampling(prompt, max_tokens, number)
        result = generate(served.model, served.tokenizer, served.model.context(prompt.ids), sampling)
        choice: JsonObject = {"text": result.text}
        if self.echo and not (self.with_ids and profile.token_ids_hide_echo):
            choice["text"] = prompt.text + result.text
        if profile.completion_logprobs != "absent":
            choice["logprobs"] = None if self.top is None else self._logprobs(prompt, result, self.top)
        choice["finish_reason"] = result.finish_reason
        if profile.prompt_logprobs:
            choice["stop_reason"] = result.stop_reason
            choice["prompt_logprobs"] = self._prompt_logprobs(prompt)
        if profile.return_token_ids:
            choice["token_ids"] = result.ids if self.with_ids else None
            choice["prompt_token_ids"] = prompt.ids if self.with_ids else None
        return choice, len(result.ids)

    def _sampling(self, prompt: _Prompt, max_tokens: int, number: int) -> SamplingSettings:
        end = self.served.tokenizer.eos_id
        sampling = self.request.sampling(max_tokens=max_tokens, stop_ids=frozenset({end}), choice=number)
        scoring = self.echo and self.top is not None
        scripted = None if scoring else self.served.scripted(prompt.text)
        free = scoring or not self.served.profile.constrains_completions
        allowed = None if free else constrained_answer(self.served, self.request.fields, prompt.ids, scripted)
        answer = scripted if allowed is None else allowed
        if answer is None:
            return sampling
        return dataclasses.replace(sampling, forced=self.served.forced_ids(answer, end))

    def _logprobs(self, prompt: _Prompt, result: Generated, top: int) -> RawJSON | JsonObject | None:
        profile, served = self.profile, self.served
        texts = token_texts(served.tokenizer, result.ids, profile.token_style, show_special=False)
        generated = ScoredTokens(list(result.ids), list(result.contexts), texts)
        if profile.completion_logprobs == "content":
            entries = served.writer.content(generated, top)
            return {"content": entries} if entries else None
        tokens = generated
        if self.echo:
            tokens = self._scored_prompt(prompt)
            tokens.extend(generated)
            if profile.misaligned:
                tokens = _misalign(served, tokens)
        return served.writer.legacy(tokens, top, as_ids=self.as_ids)

    def _scored_prompt(self, prompt: _Prompt, *, with_hidden: bool = False) -> ScoredTokens:
        """Score the tokens of a prompt, by default without a hidden ``<s>``."""
        profile, served = self.profile, self.served
        contexts: list[Context | None] = [*served.model.walk(prompt.ids)[:-1]]
        hidden = int(prompt.bos_added and not profile.shows_bos and not with_hidden)
        if not (hidden and profile.scores_first):
            contexts[hidden : hidden + 1] = [None] * len(contexts[hidden : hidden + 1])
        ids = prompt.ids[hidden:]
        texts = token_texts(served.tokenizer, ids, profile.token_style, show_special=profile.shows_special)
        return ScoredTokens(ids, contexts[hidden:], texts)

    def _prompt_logprobs(self, prompt: _Prompt) -> RawJSON | None:
        top = self.prompt_top
        if top is None and self.echo and self.top is not None and self.profile.echo_fills_prompt_logprobs:
            top = self.top
        if top is None:
            return None
        return self.served.writer.prompt(self._scored_prompt(prompt, with_hidden=True), top)


def _misalign(served: ServedModel, tokens: ScoredTokens) -> ScoredTokens:
    """Pair each token with the logits after it, as llama-cpp-python does for models without ``<s>``."""
    after = [served.model.context(tokens.ids[: index + 1]) for index in range(len(tokens.ids))]
    contexts: list[Context | None] = [None, *after[1:]]
    return ScoredTokens(tokens.ids[:-1], contexts[:-1], tokens.texts[:-1])
