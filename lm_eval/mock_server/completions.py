"""``/v1/completions``: prompts of every form, echo, log-probabilities, sampling."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import Any

from lm_eval.mock_server.engine import Engine
from lm_eval.mock_server.json_text import RawJSON
from lm_eval.mock_server.logprob_shapes import ScoredTokens
from lm_eval.mock_server.ngram import Context
from lm_eval.mock_server.problems import invalid, no_room_asked, refusal
from lm_eval.mock_server.requests import Body
from lm_eval.mock_server.sampling import Generated, Settings, generate
from lm_eval.mock_server.token_text import token_texts
from lm_eval.mock_server.usage import Usage

__all__ = ["Prompt", "complete"]


@dataclass
class Prompt:
    """One prompt.

    Attributes:
        text: What is echoed.
        ids: The tokens the model sees.
        bos_added: The first of them is a ``<s>`` that the server put there.
    """

    text: str
    ids: list[int]
    bos_added: bool


def complete(engine: Engine, fields: dict[str, Any]) -> tuple[dict[str, Any], Usage]:
    """Answer a completions request.

    Args:
        engine: The served model.
        fields: The JSON body.

    Returns:
        The answer and its token counts.

    Raises:
        Refused: The server played would refuse.
    """
    profile = engine.profile
    body = Body(profile, fields)
    body.check(engine.model_name)
    body.refuse_stream()
    task = _Task(engine, body)
    prompts = read_prompts(engine, body)
    usage = Usage()
    choices: list[dict[str, Any]] = []
    for prompt in prompts:
        cached = engine.cache.look_up(prompt.ids)
        usage.add_prompt(len(prompt.ids) - (prompt.bos_added and not (profile.shows_bos or profile.counts_bos)), cached)
        for number in range(body.choices()):
            choice, generated = task.choice(prompt, number)
            choices.append({"index": len(choices), **choice})
            usage.add_completion(max(generated, int(profile.zero_counts_one)))
    if profile.usage_of_first_prompt:
        usage.shown_prompts = 1
    answer = {
        "id": engine.next_id("cmpl"),
        "object": "text_completion",
        "created": int(time.time()),
        "model": fields.get("model") or engine.model_name,
        "choices": choices,
        "usage": usage.as_json(profile),
    }
    return answer, usage


def read_prompts(engine: Engine, body: Body) -> list[Prompt]:
    """Read ``prompt``: a text, token ids, or a list of either.

    Args:
        engine: The served model.
        body: The request.

    Returns:
        The prompts, in order.

    Raises:
        Refused: The prompt has another form, or one the server played does not take.
    """
    profile, value = engine.profile, body.fields.get("prompt")
    if value is None and profile.errors in ("llamacpp-python", "transformers"):
        value = ""
    if isinstance(value, str):
        items: list[Any] = [value]
    elif isinstance(value, list) and value:
        if profile.prompt_lists == "no":
            raise refusal(profile, 400, "prompt must be a string.", param="prompt")
        items = [value] if all(isinstance(item, int) for item in value) else value
        if profile.prompt_lists == "single" and len(items) > 1:
            raise refusal(profile, 500, "", kind="internal_server_error")
    else:
        raise invalid(profile, "prompt must be a string, a list of strings or token ids.", "prompt")
    return [_prompt(engine, body, item) for item in items]


def _prompt(engine: Engine, body: Body, item: Any) -> Prompt:
    profile, tokenizer = engine.profile, engine.tokenizer
    if isinstance(item, str):
        ids = engine.encode(item, add_bos=profile.adds_bos and body.flag("add_special_tokens", True))
        # Text that names the token itself has no token added to it.
        bos_added = ids[:1] == [tokenizer.bos_id] and not (profile.parses_special and item.startswith("<s>"))
        text = item
    elif isinstance(item, list) and all(isinstance(token, int) and not isinstance(token, bool) for token in item):
        if not profile.prompt_ids:
            raise invalid(profile, "Input should be a valid string", "prompt")
        if any(not 0 <= token < tokenizer.vocab_size for token in item):
            raise invalid(profile, f"Token id {max(item)} is out of vocabulary", "prompt")
        ids, bos_added = list(item), False
        text = "".join(token_texts(tokenizer, ids, "carry", show_special=profile.shows_special))
    else:
        raise invalid(profile, "prompt must be a string, a list of strings or token ids.", "prompt")
    scoring = body.flag("echo") and body.fields.get("logprobs") is not None
    if len(ids) == bos_added and (
        profile.refuses_empty == "always" or (profile.refuses_empty == "scoring" and scoring)
    ):
        raise invalid(profile, "The prompt is empty.", "prompt")
    kept = body.integer("truncate_prompt_tokens", least=1)
    return Prompt(text, ids[-kept:] if kept and len(ids) > kept else ids, bos_added and not (kept and len(ids) > kept))


class _Task:
    """The settings of one request, and how a choice is made with them."""

    def __init__(self, engine: Engine, body: Body) -> None:
        profile = engine.profile
        self.engine, self.body, self.profile = engine, body, profile
        self.echo = body.flag("echo")
        self.top = self._top_logprobs()
        self.max_tokens = self._max_tokens()
        self.prompt_top = body.integer("prompt_logprobs", least=0) if profile.prompt_logprobs else None
        self.as_ids = profile.return_token_ids and body.flag("return_tokens_as_token_ids")
        self.with_ids = profile.return_token_ids and body.flag("return_token_ids")
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
        profile, value = self.profile, self.body.fields.get("logprobs")
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
        profile = self.profile
        value = self.body.integer("max_tokens", profile.default_max_tokens)
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

    def choice(self, prompt: Prompt, number: int) -> tuple[dict[str, Any], int]:
        """Make one choice.

        Args:
            prompt: The prompt.
            number: Which choice of it this is.

        Returns:
            The choice without its index, and the number of generated tokens.
        """
        engine, profile, tokenizer = self.engine, self.profile, self.engine.tokenizer
        room = engine.room(len(prompt.ids), self.max_tokens)
        settings = self._settings(prompt, room, number)
        result = generate(engine.model, tokenizer, engine.model.context(prompt.ids), settings)
        choice: dict[str, Any] = {"text": result.text}
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

    def _settings(self, prompt: Prompt, room: int, number: int) -> Settings:
        engine = self.engine
        end = engine.tokenizer.eos_id
        settings = self.body.settings(
            max_tokens=room,
            vocab_size=engine.tokenizer.vocab_size,
            stop_ids=frozenset({end}),
            fallback_seed=f"{engine.seed}",
            choice=number,
        )
        scoring = self.echo and self.top is not None
        answer = None if scoring else engine.scripted(prompt.text)
        if answer is None:
            return settings
        return dataclasses.replace(settings, forced=engine.forced_ids(answer, end))

    def _logprobs(self, prompt: Prompt, result: Generated, top: int) -> RawJSON | dict[str, Any] | None:
        profile, tokenizer = self.profile, self.engine.tokenizer
        new = ScoredTokens(
            list(result.ids),
            list(result.contexts),
            token_texts(tokenizer, result.ids, profile.token_style, show_special=False),
        )
        if profile.completion_logprobs == "content":
            entries = self.engine.writer.content(new, top)
            return {"content": entries} if entries else None
        tokens = new
        if self.echo:
            tokens = self._scored_prompt(prompt)
            tokens.extend(new)
            if profile.misaligned:
                tokens = _shift(self.engine, tokens)
        return self.engine.writer.legacy(tokens, top, as_ids=self.as_ids)

    def _scored_prompt(self, prompt: Prompt, *, whole: bool = False) -> ScoredTokens:
        """Score a prompt's tokens; a hidden ``<s>`` is left out unless the whole is wanted."""
        profile, tokenizer = self.profile, self.engine.tokenizer
        contexts: list[Context | None] = [*self.engine.model.walk(prompt.ids)[:-1]]
        hidden = int(prompt.bos_added and not profile.shows_bos and not whole)
        if not (hidden and profile.scores_first):
            contexts[hidden : hidden + 1] = [None] * len(contexts[hidden : hidden + 1])
        ids = prompt.ids[hidden:]
        texts = token_texts(tokenizer, ids, profile.token_style, show_special=profile.shows_special)
        return ScoredTokens(ids, contexts[hidden:], texts)

    def _prompt_logprobs(self, prompt: Prompt) -> RawJSON | None:
        top = self.prompt_top
        if top is None and self.echo and self.top is not None and self.profile.echo_fills_prompt_logprobs:
            top = self.top
        if top is None:
            return None
        return self.engine.writer.prompt(self._scored_prompt(prompt, whole=True), top)


def _shift(engine: Engine, tokens: ScoredTokens) -> ScoredTokens:
    """Pair each token with the row of logits after it, as llama-cpp-python does for models without ``<s>``."""
    after = [engine.model.context(tokens.ids[: place + 1]) for place in range(len(tokens.ids))]
    contexts: list[Context | None] = [None, *after[1:]]
    return ScoredTokens(tokens.ids[:-1], contexts[:-1], tokens.texts[:-1])
