"""``/v1/chat/completions``: messages in, one message out."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from lm_eval.mock_server.engine import Engine
from lm_eval.mock_server.json_text import RawJSON
from lm_eval.mock_server.logprob_shapes import ScoredTokens
from lm_eval.mock_server.messages import END_OF_TURN, message_texts, render_messages
from lm_eval.mock_server.problems import Refused, invalid, no_room_asked, refusal
from lm_eval.mock_server.profiles import Profile
from lm_eval.mock_server.requests import Body
from lm_eval.mock_server.sampling import Generated, Settings, generate
from lm_eval.mock_server.token_text import token_texts
from lm_eval.mock_server.usage import Usage

__all__ = ["chat"]

_THINK, _END_THINK = "<think>", "</think>"
_REASONING_FAMILIES = ("o1", "o3", "o4", "gpt-5")


def chat(engine: Engine, fields: dict[str, Any]) -> tuple[dict[str, Any], Usage]:
    """Answer a chat request.

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
    if profile.errors == "openai":
        _refuse_as_reasoning_model(profile, fields)
    task = _Task(engine, body)
    usage = Usage()
    usage.add_prompt(len(task.ids), engine.cache.look_up(task.ids))
    choices = [task.choice(number, usage) for number in range(body.choices())]
    answer = {
        "id": engine.next_id("chatcmpl"),
        "object": "chat.completion",
        "created": int(time.time()),
        "model": fields.get("model") or engine.model_name,
        "choices": choices,
        "usage": usage.as_json(profile),
    }
    if profile.prompt_logprobs:
        answer["prompt_logprobs"] = task.prompt_logprobs()
    return answer, usage


class _Task:
    """The prompt and settings of one request, and how a choice is made with them."""

    def __init__(self, engine: Engine, body: Body) -> None:
        profile, tokenizer = engine.profile, engine.tokenizer
        self.engine, self.body, self.profile = engine, body, profile
        contents = message_texts(profile, body.fields.get("messages"))
        self.continued = _continued_text(profile, body, contents)
        rendered = render_messages(contents, continued=self.continued is not None)
        self.ids = engine.encode(rendered) if profile.parses_special else tokenizer.encode(rendered)
        self.top = _top_logprobs(profile, body)
        self.prompt_top = body.integer("prompt_logprobs", least=0) if profile.prompt_logprobs else None
        self.room = engine.room(len(self.ids), _max_tokens(profile, body))
        self.end_id = tokenizer.special_ids[END_OF_TURN]
        self.forced = self._forced_ids("\n\n".join(text for _, text in contents))

    def _forced_ids(self, prompt: str) -> list[int]:
        """Tokens the answer starts with: a reasoning text, then a scripted answer."""
        engine, special = self.engine, self.engine.tokenizer.special_ids
        forced: list[int] = []
        if engine.reasoning:
            thought = engine.tokenizer.encode(f"\n{engine.reasoning}\n", parse_special=False)
            forced += [special[_THINK], *thought, special[_END_THINK], *engine.tokenizer.encode("\n\n")]
        scripted = engine.scripted(prompt)
        if scripted is not None:
            forced += engine.forced_ids(scripted, self.end_id)
        return forced

    def choice(self, number: int, usage: Usage) -> dict[str, Any]:
        """Make one choice.

        Args:
            number: Its index.
            usage: Where its tokens are counted.

        Returns:
            The choice.
        """
        engine, profile, tokenizer = self.engine, self.profile, self.engine.tokenizer
        settings: Settings = self.body.settings(
            max_tokens=self.room,
            vocab_size=tokenizer.vocab_size,
            stop_ids=frozenset({tokenizer.eos_id, self.end_id}),
            fallback_seed=f"{engine.seed}",
            choice=number,
        )
        settings = dataclasses.replace(settings, forced=self.forced)
        result = generate(engine.model, tokenizer, engine.model.context(self.ids), settings)
        usage.add_completion(len(result.ids))
        choice: dict[str, Any] = {"index": number, "message": self._message(result, usage)}
        choice["finish_reason"] = result.finish_reason
        if self.top is not None:
            texts = token_texts(tokenizer, result.ids, profile.token_style, show_special=False)
            tokens = ScoredTokens(list(result.ids), list(result.contexts), texts)
            choice["logprobs"] = {"content": engine.writer.content(tokens, self.top)}
            if profile.errors in ("openai", "llamacpp-python"):
                choice["logprobs"]["refusal"] = None
        elif profile.errors != "llamacpp":
            choice["logprobs"] = None
        if profile.native == "vllm":
            choice["stop_reason"] = result.stop_reason
        return choice

    def _message(self, result: Generated, usage: Usage) -> dict[str, Any]:
        profile = self.profile
        gives_back = profile.continues_assistant or (profile.native == "vllm" and self.body.flag("echo"))
        opening = (self.continued or "") if gives_back else ""
        message: dict[str, Any] = {"role": "assistant", "content": opening + result.text}
        if profile.native == "vllm":
            message |= {"refusal": None, "reasoning": None, "tool_calls": []}
        if profile.errors == "openai":
            message |= {"refusal": None, "annotations": []}
        if self.engine.reasoning:
            thought, content = self._split_reasoning(result, usage)
            message |= self._with_reasoning(thought, content)
        return message

    def _split_reasoning(self, result: Generated, usage: Usage) -> tuple[str, str | None]:
        """Split an answer where the reasoning ends; no content when it was cut before that."""
        tokenizer = self.engine.tokenizer
        end = tokenizer.special_ids[_END_THINK]
        cut = result.ids.index(end) if end in result.ids else len(result.ids)
        usage.reasoning_tokens = (usage.reasoning_tokens or 0) + cut
        thought = tokenizer.decode(result.ids[:cut], skip_special=True)
        if cut == len(result.ids):
            return result.text, None
        return thought, result.text[len(thought) :].removeprefix("\n\n")

    def _with_reasoning(self, thought: str, content: str | None) -> dict[str, Any]:
        """Put reasoning where the server played puts it."""
        profile = self.profile
        if profile.errors == "openai":
            return {"content": content or ""}
        if not profile.reasoning_field or self.body.fields.get("reasoning_format") == "none":
            rest = "" if content is None else f"{_END_THINK}\n\n{content}"
            return {"content": f"{_THINK}{thought}{rest}"}
        found: dict[str, Any] = {"content": "" if content is None and profile.errors == "llamacpp" else content}
        if self.body.flag("include_reasoning", True):
            found[profile.reasoning_field] = thought
        return found

    def prompt_logprobs(self) -> RawJSON | None:
        """Write ``prompt_logprobs``, when asked for.

        Returns:
            One object a prompt token.
        """
        if self.prompt_top is None:
            return None
        tokenizer = self.engine.tokenizer
        contexts = [None, *self.engine.model.walk(self.ids)[1:-1]]
        tokens = ScoredTokens(self.ids, contexts, token_texts(tokenizer, self.ids))
        return self.engine.writer.prompt(tokens, self.prompt_top)


def _continued_text(profile: Profile, body: Body, contents: list[tuple[str, str]]) -> str | None:
    """Find the final assistant message that the answer goes on with, if it does."""
    ends_with_assistant = bool(contents) and contents[-1][0] == "assistant"
    asked = profile.native == "vllm" and body.flag("continue_final_message")
    return contents[-1][1] if ends_with_assistant and (profile.continues_assistant or asked) else None


def _max_tokens(profile: Profile, body: Body) -> int | None:
    for name in profile.chat_limit_fields:
        value = body.integer(name)
        if value is None:
            continue
        if value > 0:
            return value
        match profile.zero_max_tokens:
            case "one":
                return 1
            case "unlimited":
                return None
            case "error":
                raise no_room_asked(profile)
        raise invalid(profile, f"{name} must be at least 1, got {value}.", name)
    return None


def _top_logprobs(profile: Profile, body: Body) -> int | None:
    wanted = body.flag("logprobs")
    top = body.integer("top_logprobs", least=0)
    if not profile.chat_logprobs:
        return None
    if top and not wanted:
        raise invalid(profile, "top_logprobs needs logprobs to be true.", "top_logprobs")
    if top is not None and profile.max_top_logprobs is not None and top > profile.max_top_logprobs:
        raise invalid(profile, f"top_logprobs must be at most {profile.max_top_logprobs}, got {top}.", "top_logprobs")
    return (top or 0) if wanted else None


def _refuse_as_reasoning_model(profile: Profile, fields: dict[str, Any]) -> None:
    """Refuse what OpenAI's reasoning models refuse, going by the model's name."""
    name = str(fields.get("model", "")).rpartition("/")[2].lower()
    if not name.startswith(_REASONING_FAMILIES):
        return
    if fields.get("max_tokens") is not None:
        raise _unsupported(
            profile, "max_tokens", "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
    if fields.get("stop") is not None:
        raise _unsupported(profile, "stop", "'stop' is not supported with this model.")
    if fields.get("temperature") not in (None, 1, 1.0):
        raise _unsupported(profile, "temperature", "'temperature' supports only the default (1) with this model.")


def _unsupported(profile: Profile, param: str, message: str) -> Refused:
    return refusal(profile, 400, f"Unsupported parameter: {message}", param=param, code="unsupported_parameter")
