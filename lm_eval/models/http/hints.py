"""Known wordings of servers that reject a request, and the flag that avoids each rejection."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["Hint", "hint_for", "refused_field"]


@dataclass(frozen=True, slots=True)
class Hint:
    """What a wording of a server means.

    Attributes:
        pattern: Matches the server's words.
        what: What happened, in plain words.
        advice: What the user can try.
        certain: Whether these words mean that the request itself is wrong, whatever the status. Some gateways answer
            such a request with HTTP 500, and a retry would get the same answer.
    """

    pattern: re.Pattern[str]
    what: str
    advice: str
    certain: bool = True


_UNKNOWN = (
    r"unsupported (?:request )?(?:parameter|argument|field|value|option)"
    r"|(?:not|n['\u2019]t) support(?:ed|s)?(?: the)?(?: following)? (?:parameter|argument|field|option)s?"
    r"|(?:parameter|argument|field|option|propert(?:y|ie))s?\b[^.{]{0,60}?(?:(?:is|are|was) )?"
    r"(?:not (?:yet )?(?:supported|allowed|permitted)|unsupported)"
    r"|unsupportedparams|unrecognized (?:request )?(?:parameter|argument|field|key)"
    r"|unknown (?:request )?(?:parameter|argument|field|name)"
    r"|unexpected (?:keyword argument|keys? in the request)|extra inputs are not permitted"
    r"|extra_forbidden|extra fields not permitted"
)
"""Wordings for a field that the server does not take; the name of the field is near."""


def _field(name: str) -> str:
    """Build a pattern: a refused field of this name, in either order, near each other."""
    name = rf"(?<![a-z_]){name}(?![a-z_])"
    return (
        rf"(?:{_UNKNOWN}).{{0,120}}?{name}|{name}.{{0,80}}?(?:{_UNKNOWN}"
        r"|(?:is|are) (?:not (?:supported|allowed)|unsupported)|does not support)"
    )


_WITHOUT_TEMPERATURE = "leave the temperature out with --gen_kwargs temperature=none"
_TABLE: tuple[tuple[str, str, str], ...] = (
    (
        r"temperature.{0,40}top_p.{0,60}(?:both|together|same time)|(?:both|not).{0,40}temperature.{0,20}top_p",
        "The server takes temperature or top_p, not both",
        "leave one out: --gen_kwargs temperature=none",
    ),
    (
        r"system (?:role|message|prompt|instruction)s?\b.{0,40}(?:not|n['\u2019]t|un)[ -]?(?:be )?(?:support|allow)"
        r"|(?:not|n['\u2019]t) support.{0,20}system (?:role|message|prompt|instruction)"
        r"|(?:roles?|developer instruction).{0,40}system.{0,20}not (?:support|allow|enabled)"
        r"|only user,? (?:assistant )?and (?:assistant|model)(?: and tool)? roles are supported",
        "The chat template of the model takes no system message",
        "leave out --system_instruction; a task's description is a system message, too: without --apply_chat_template "
        "everything is one user message",
    ),
    (
        r"roles must alternate|after the optional system message.{0,40}alternat",
        "The chat template of the model wants user and assistant messages in turn",
        "leave out --system_instruction, or --apply_chat_template: everything is then one user message",
    ),
    (
        r"(?:default )?chat template.{0,40}(?:no longer allowed|not (?:set|defined|found|provided))"
        r"|(?:does not|doesn['\u2019]t|no) have a chat template|without a chat template|no chat template",
        "The model has no chat template",
        "use --model local-completions",
    ),
    (
        r"not a chat model|use (?:the )?v1/completions",
        "The model answers /v1/completions only",
        "use --model local-completions, or openai-completions at OpenAI",
    ),
    (
        r"only (?:supported|available) in (?:the )?v1/responses|use (?:the )?v1/responses",
        "The model answers /v1/responses only",
        "use --model openai-responses, or local-responses with base_url",
    ),
    (
        r"(?:is a chat model|only (?:supports|available).{0,20}chat).{0,60}completions?"
        r"|use (?:the )?v1/chat/completions",
        "The model answers /v1/chat/completions only",
        "use --model local-chat-completions, or openai-chat-completions at OpenAI",
    ),
    (_field("seed"), "The server takes no seed", "leave it out with seed=none in --model_args"),
    (
        rf"{_field('max_tokens')}|use ['\"`]?max_completion_tokens",
        "The server calls the limit max_completion_tokens",
        "use --model openai-chat-completions, which sends max_completion_tokens",
    ),
    (
        _field("stop"),
        "The model takes no stop sequences",
        'leave them out of the request with extra_body={"stop": null} in --model_args; answers are still cut at them',
    ),
    (
        rf"{_field('temperature')}|temperature.{{0,60}}only the default",
        "The model takes no other temperature than its default",
        _WITHOUT_TEMPERATURE,
    ),
    (_field("top_p"), "The model takes no top_p", "leave it out with --gen_kwargs top_p=none"),
    (
        r"temperature.{0,60}(?:strictly positive|must be (?:greater|larger|bigger|positive)|> 0|cannot be 0)",
        "The server takes no temperature of 0",
        "--gen_kwargs temperature=0.01 is nearly greedy, and --gen_kwargs temperature=none leaves it out",
    ),
    (
        r"stop\b.{0,40}(?:at most|maximum|too many|up to|no more than)"
        r"|(?:at most|maximum|too many).{0,30}stop sequences",
        "The server takes fewer stop sequences",
        "name fewer with --gen_kwargs until=…",
    ),
    (
        r"thinking_token_budget.{0,40}reasoning_config",
        "vLLM limits thoughts only with a reasoning parser",
        "start it with --reasoning-parser, or leave thinking_budget out of --model_args",
    ),
    (
        _field("(?:reasoning_effort|reasoning|enable_thinking|thinking(?:_budget|_token_budget|_budget_tokens)?)"),
        "The model does not take this setting of its thinking",
        "leave reasoning_effort, enable_thinking or thinking_budget out of --model_args",
    ),
    (
        _field("chat_template_kwargs"),
        "The server takes no chat_template_kwargs",
        "leave enable_thinking and chat_template_kwargs out of --model_args; reasoning_effort may be what it takes",
    ),
    (
        _field("(?:top_)?logprobs"),
        "The server gives no log-probabilities",
        "lm_eval probe shows which tasks can run on it",
    ),
    (
        r"top_logprobs.{0,60}(?:at most|maximum|less than|<=)|maximum.{0,40}logprobs",
        "The server lists fewer log-probabilities",
        "ask for fewer with num_logprobs=N in --model_args",
    ),
    (
        r"(?:max_(?:completion_|new_|output_)?tokens|max_new_tokens).{0,80}"
        r"(?:too large|at most|less than or equal|maximum|exceed|<=|larger than)"
        r"|supports at most \d+ completion tokens",
        "The server generates fewer tokens than asked for",
        "lower the limit: --gen_kwargs max_gen_toks=N",
    ),
    (
        r"max_(?:completion_|new_|output_)?tokens.{0,80}(?:at least|minimum|>=|greater than)",
        "The server wants a higher limit of tokens",
        "raise it: --gen_kwargs max_gen_toks=N",
    ),
    (
        r"only (?:stream|support(?:s)? stream)|stream(?:ing)? (?:must|mode is required|is required)"
        r"|(?:must|please).{0,20}(?:set|use) stream",
        "The server only streams its answers",
        "set stream=true in model_args",
    ),
    (
        r"image (?:input|url|content|_url).{0,40}(?:not|n['\u2019]t) support|(?:not|n['\u2019]t) support.{0,20}image"
        r"|not a multimodal model|multimodal.{0,30}not support",
        "The model takes no images",
        "leave tasks with images out",
    ),
    (
        r"(?:audio|video).{0,40}(?:not|n['\u2019]t) support|(?:not|n['\u2019]t) support.{0,20}(?:audio|video)"
        r"|at most 0 (?:audio|video)",
        "The model takes no recordings or no videos",
        "leave tasks with them out",
    ),
    (
        r"(?:request entity|payload|request body|file|audio|video|image).{0,20}too large|client_max_body_size",
        "The request is larger than the server takes",
        "raise the limit of the server; max_media_mb=N in --model_args tells before a request is sent",
    ),
    (
        r"(?:prompt|input).{0,40}(?:must be|should be|expected).{0,15}(?:a )?(?:valid )?str(?:ing)?\b",
        "The server takes one text per request",
        "leave batch_size out of --model_args",
    ),
)
_CONTENT = ("model", "messages", "prompt", "input")
"""What a request asks, and whom: words of many refusals of other fields."""
_MAX_CHARACTERS = 1000
"""Longer texts are cut before the search: some servers send the prompt back, which may hold any words."""


@lru_cache(maxsize=1)
def _hints() -> tuple[Hint, ...]:
    """Compile all patterns; a run without errors needs none, and they would take a twentieth of its start."""
    certain = tuple(Hint(re.compile(rf"(?is){pattern}"), what, advice) for pattern, what, advice in _TABLE)
    any_field = Hint(
        re.compile(rf"(?is){_UNKNOWN}"),
        "The server does not take one of the fields of the request",
        "leave it out: --gen_kwargs NAME=none for a setting, seed=none in --model_args for the seed",
    )
    filtered = Hint(
        re.compile(r"(?i)content[ _]?(?:management )?(?:filter|policy)|ResponsibleAIPolicyViolation|moderation"),
        "A content filter refused the prompt",
        "the documents that it refuses have no score",
        certain=False,
    )
    unpaid = Hint(
        re.compile(r"(?i)insufficient (?:balance|credit|funds)|requires? (?:more )?credits|payment required"),
        "The account has no credit left",
        "check the plan and billing",
        certain=False,
    )
    return (*certain, any_field, filtered, unpaid)


def hint_for(message: str) -> Hint | None:
    """Find what a server's words mean.

    Args:
        message: The message of an error body; its first 1000 characters are searched.

    Returns:
        The first hint that fits, or None.
    """
    start = message[:_MAX_CHARACTERS]
    return next((hint for hint in _hints() if hint.pattern.search(start)), None)


@lru_cache(maxsize=256)
def _refusal_of(name: str) -> re.Pattern[str]:
    other = "|use ['\"`]?max_completion_tokens" if name == "max_tokens" else ""
    return re.compile(rf"(?is){_field(re.escape(name))}{other}")


def refused_field(message: str, names: Iterable[str]) -> str | None:
    """Find the field that a server's words refuse.

    Args:
        message: The message of an error body; its first 1000 characters are searched.
        names: The fields of the request.

    Returns:
        The first of the names that the words refuse, or None.
    """
    start = message[:_MAX_CHARACTERS]
    fields = (name for name in names if name not in _CONTENT)
    return next((name for name in fields if _refusal_of(name).search(start)), None)
