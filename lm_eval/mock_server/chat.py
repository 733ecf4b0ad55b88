"""``/v1/chat/completions``: messages in, one message out."""

from __future__ import annotations

from lm_eval.errors import Refused
from lm_eval.mock_server.constraints import allowed_texts, constrained_answer
from lm_eval.mock_server.json_text import JsonObject, RawJSON
from lm_eval.mock_server.judge_question import asks_for_verdict
from lm_eval.mock_server.logprob_shapes import ScoredTokens
from lm_eval.mock_server.messages import END_OF_TURN, message_texts, render_messages
from lm_eval.mock_server.problems import invalid, no_room_asked, refusal
from lm_eval.mock_server.profiles import Profile
from lm_eval.mock_server.request_fields import RequestFields
from lm_eval.mock_server.sampling import Generated, generate
from lm_eval.mock_server.served_model import ServedModel
from lm_eval.mock_server.token_counts import TokenCounts
from lm_eval.mock_server.token_text import token_texts
from lm_eval.mock_server.tools import read_tools

__all__ = ["chat"]

_THINK, _END_THINK = "<think>", "</think>"
_REASONING_MODELS = ("o1", "o3", "o4", "gpt-5")


def chat(served: ServedModel, fields: JsonObject) -> tuple[JsonObject, TokenCounts]:
    """Answer a chat request.

    Args:
        served: The served model.
        fields: The JSON body.

    Returns:
        The answer and its token counts.

    Raises:
        Refused: The imitated server would refuse.
    """
    request = RequestFields(served, fields)
    request.check_generation()
    if served.profile.limits_reasoning_models:
        _check_reasoning_model(served.profile, fields)
    prompt = _ChatPrompt(request)
    counts = TokenCounts()
    counts.add_prompt(len(prompt.ids), served.cache.look_up(prompt.ids))
    choices = [prompt.choice(number, counts) for number in range(request.choices())]
    answer = served.answer("chat.completion", "chatcmpl", fields.get("model"), choices, counts)
    if served.profile.prompt_logprobs:
        answer["prompt_logprobs"] = prompt.prompt_logprobs()
    return answer, counts


class _ChatPrompt:
    """The prompt and settings of one request, from which choices are built."""

    def __init__(self, request: RequestFields) -> None:
        served, profile, tokenizer = request.served, request.profile, request.served.tokenizer
        self.served, self.request, self.profile = served, request, profile
        contents = message_texts(profile, request.fields.get("messages"))
        self.continued, self.opening = _continued_text(request, contents)
        self.tools = read_tools(profile, request.fields)
        rendered = render_messages(self.tools.described(contents), continued=self.continued is not None)
        self.ids = served.encode(rendered) if profile.parses_special else tokenizer.encode(rendered)
        self.top = _top_logprobs(request)
        self.prompt_top = request.integer("prompt_logprobs", minimum=0) if profile.prompt_logprobs else None
        self.max_tokens = served.max_new_tokens(len(self.ids), _asked_tokens(request))
        self.end_id = tokenizer.special_ids[END_OF_TURN]
        self.thinks = bool(served.settings.reasoning) and not _thinking_is_off(request)
        self.forced = self._forced_ids(contents)

    def _forced_ids(self, contents: list[tuple[str, str]]) -> list[int]:
        """List the tokens that the answer starts with: a reasoning text, then a scripted answer."""
        served, special, encode = self.served, self.served.tokenizer.special_ids, self.served.tokenizer.encode
        forced: list[int] = []
        if self.thinks:
            thought = encode(f"\n{served.settings.reasoning}\n", parse_special=False)[: self._thinking_budget()]
            if served.settings.reasoning_in == "no-end":
                return [special[_THINK], *thought, self.end_id]
            forced += [special[_THINK], *thought, special[_END_THINK], *encode("\n\n")]
        prompt, fields = "\n\n".join(text for _, text in contents), self.request.fields
        scripted = self.tools.forced_text() or served.scripted(prompt)
        if scripted is None and served.settings.judge:
            allowed = None if asks_for_verdict(fields) else allowed_texts(served.profile, fields)
            scripted = served.verdict(fields, contents, allowed[0] if allowed else ())
        asks = scripted is not None and asks_for_verdict(fields)
        answer = None if asks else constrained_answer(served, fields, self.ids, scripted)
        if answer is not None or scripted is not None:
            forced += served.forced_ids(scripted or "" if answer is None else answer, self.end_id)
        return forced

    def _thinking_budget(self) -> int | None:
        """Read the maximum number of tokens of the reasoning; None for no limit."""
        name = self.profile.thinking_budget_field
        return self.request.integer(name) if name else None

    def choice(self, number: int, counts: TokenCounts) -> JsonObject:
        """Generate one choice.

        Args:
            number: The index of the choice.
            counts: Counts the generated tokens.

        Returns:
            The choice.
        """
        served, profile, tokenizer = self.served, self.profile, self.served.tokenizer
        stop_ids = frozenset({tokenizer.eos_id, self.end_id})
        sampling = self.request.sampling(
            max_tokens=self.max_tokens, stop_ids=stop_ids, choice=number, forced=self.forced
        )
        result = generate(served.model, tokenizer, served.model.context(self.ids), sampling)
        counts.completion += len(result.ids)
        message, called = self.tools.applied(self._message(result, counts), f"{counts.completion}{number}")
        choice: JsonObject = {"index": number, "message": message}
        choice["finish_reason"] = "tool_calls" if called else result.finish_reason
        if self.top is not None:
            texts = token_texts(tokenizer, result.ids, profile.token_style, show_special=False)
            tokens = ScoredTokens(list(result.ids), list(result.contexts), texts)
            logprobs: JsonObject = {"content": served.writer.content(tokens, self.top)}
            if profile.refusal_in_logprobs:
                logprobs["refusal"] = None
            choice["logprobs"] = logprobs
        elif profile.null_chat_logprobs:
            choice["logprobs"] = None
        if profile.stop_reason:
            choice["stop_reason"] = result.stop_reason
        return choice

    def _message(self, result: Generated, counts: TokenCounts) -> JsonObject:
        profile = self.profile
        message: JsonObject = {"role": "assistant", "content": self.opening + result.text}
        for name in profile.empty_message_fields:
            message[name] = [] if name.endswith("s") else None
        if self.served.settings.reasoning_in == "whole" and profile.reasoning_field:
            message |= {"content": None if profile.null_content else "", profile.reasoning_field: result.text}
        elif self.thinks:
            message |= self._reasoning_and_content(result, counts)
        return message

    def _reasoning_and_content(self, result: Generated, counts: TokenCounts) -> JsonObject:
        """Split an answer at the end of its reasoning, and put both parts where the imitated server puts them."""
        profile, tokenizer, place = self.profile, self.served.tokenizer, self.served.settings.reasoning_in
        end = tokenizer.special_ids[_END_THINK]
        length = result.ids.index(end) if end in result.ids else len(result.ids)
        as_text = place in ("tags", "end-tag")
        if not as_text:  # a server that leaves the thought in the text does not count it
            counts.reasoning = (counts.reasoning or 0) + length
        if length == len(result.ids):  # cut before the reasoning ended
            thought, content = result.text, None
        else:
            thought = tokenizer.decode(result.ids[:length], skip_special=True)
            content = result.text[len(thought) :].removeprefix("\n\n")
        shown_content = "" if content is None and not profile.null_content else content
        if profile.hides_reasoning and not as_text:
            return {"content": shown_content}
        if as_text or not profile.reasoning_field or self.request.fields.get("reasoning_format") == "none":
            rest = "" if content is None else f"{_END_THINK}\n\n{content}"
            return {"content": f"{'' if place == 'end-tag' else _THINK}{thought}{rest}"}
        parts: JsonObject = {"content": shown_content}
        if self.request.flag("include_reasoning", True):
            parts[profile.reasoning_field] = thought
        return parts

    def prompt_logprobs(self) -> RawJSON | None:
        """Write ``prompt_logprobs``.

        Returns:
            One object per prompt token, or None if the request does not ask for them.
        """
        if self.prompt_top is None:
            return None
        contexts = [None, *self.served.model.walk(self.ids)[1:-1]]
        tokens = ScoredTokens(self.ids, contexts, token_texts(self.served.tokenizer, self.ids))
        return self.served.writer.prompt(tokens, self.prompt_top)


def _continued_text(request: RequestFields, contents: list[tuple[str, str]]) -> tuple[str | None, str]:
    """Find the final assistant message that the answer continues, and what of it is returned in front of the answer.

    Args:
        request: The request.
        contents: Its messages: role and text.

    Returns:
        The message, or None; and the text in front of the answer.

    Raises:
        Refused: The imitated server wants to be told that a final assistant message is continued.
    """
    profile = request.profile
    if not contents or contents[-1][0] != "assistant":
        return None, ""
    text, messages = contents[-1][1], request.fields.get("messages")
    marked = isinstance(messages, list) and isinstance(messages[-1], dict) and messages[-1].get("prefix") is True
    if profile.prefix_field == "required" and not marked:
        raise invalid(profile, "A final message of the role assistant needs prefix: true.", "messages")
    if profile.continues_assistant:
        return text, text if profile.continues_assistant == "shown" else ""
    if profile.prefix_field and marked:
        return text, "" if profile.prefix_field == "hidden" else text
    if profile.continuation_fields and request.flag("continue_final_message"):
        return text, text if profile.chat_echo and request.flag("echo") else ""
    return None, ""


def _thinking_is_off(request: RequestFields) -> bool:
    """Say whether a request turns the reasoning off, in a way that the imitated server understands."""
    if request.profile.limits_reasoning_models and request.fields.get("reasoning_effort") == "none":
        return True
    given = request.fields.get("chat_template_kwargs")
    if not request.profile.template_switches_thinking or not isinstance(given, dict):
        return False
    return given.get("enable_thinking") is False or given.get("thinking") is False


def _asked_tokens(request: RequestFields) -> int | None:
    """Read the maximum number of tokens; None for as many as fit."""
    profile = request.profile
    for name in profile.chat_limit_fields:
        value = request.integer(name)
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


def _top_logprobs(request: RequestFields) -> int | None:
    """Read how many alternatives to list per token; None for no log-probabilities."""
    profile = request.profile
    wanted = request.flag("logprobs")
    top = request.integer("top_logprobs", minimum=0)
    if not profile.chat_logprobs:
        return None
    if top and not wanted:
        raise invalid(profile, "top_logprobs needs logprobs to be true.", "top_logprobs")
    if top is not None and profile.max_top_logprobs is not None and top > profile.max_top_logprobs:
        raise invalid(profile, f"top_logprobs must be at most {profile.max_top_logprobs}, got {top}.", "top_logprobs")
    return (top or 0) if wanted else None


def _check_reasoning_model(profile: Profile, fields: JsonObject) -> None:
    """Refuse what OpenAI's reasoning models refuse, if the model's name is one of theirs."""
    name = str(fields.get("model", "")).rpartition("/")[2].lower()
    if not name.startswith(_REASONING_MODELS):
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
