"""Models that think before they answer: how a request asks for it, how a reply shows it, and what a run must heed."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal
from urllib.parse import urlsplit

from lm_eval.api.instance import Usage
from lm_eval.errors import ConfigError, MalformedResponse
from lm_eval.models.arguments import ModelArguments
from lm_eval.models.http.choices import choices_in_order, reasoning_of, text_of
from lm_eval.models.work import Call, Reply

__all__ = ["Thinking", "overlaid", "template_settings", "thinking_fields"]

eval_logger = logging.getLogger("lm_eval")

_ROOM = 2048
"""Tokens that a thought and its answer rarely exceed on easy questions. A limit below it cuts many thoughts."""
_ANSWER_ROOM = 256
_ADVISED = 16384
_BUDGET_FACTOR, _BUDGET_TAGS = 1.1, 16
"""Servers end a thought at its next sentence or with a message, so its tokens exceed the budget by a little."""
_START = re.compile(r"^\s*(?:<think(?:ing)?>|<reasoning>|\[THINK\]|<\|channel\|>analysis)")
_END = re.compile(r"</think(?:ing)?>|</reasoning>|\[/THINK\]")
_Dialect = Literal["openai", "flat", "typed", "nested", "google", "template"]
_DIALECTS: tuple[tuple[str, _Dialect], ...] = (
    ("api.openai.com", "openai"),
    ("openai.azure.com", "openai"),
    ("api.groq.com", "openai"),
    ("api.x.ai", "openai"),
    ("dashscope.aliyuncs.com", "flat"),
    ("dashscope-intl.aliyuncs.com", "flat"),
    ("api.siliconflow.cn", "flat"),
    ("api.siliconflow.com", "flat"),
    ("api.anthropic.com", "typed"),
    ("api.deepseek.com", "typed"),
    ("open.bigmodel.cn", "typed"),
    ("api.z.ai", "typed"),
    ("api.moonshot.ai", "typed"),
    ("api.moonshot.cn", "typed"),
    ("volces.com", "typed"),
    ("openrouter.ai", "nested"),
    ("generativelanguage.googleapis.com", "google"),
)
"""End of a host's name to the way in which that service is told to think; other hosts run a chat template."""
_JOINED = ("chat_template_kwargs", "extra_body")
_BUDGETS = ("thinking_token_budget", "thinking_budget_tokens")
"""The budget's names in vLLM and in llama.cpp; each ignores the other's."""


def template_settings(args: ModelArguments) -> dict[str, object]:
    """Return the variables that the model's arguments give to a chat template.

    Args:
        args: The arguments.

    Returns:
        ``chat_template_kwargs`` with the switches that templates know: ``enable_thinking`` (Qwen, GLM) and ``thinking``
        (DeepSeek, Granite), ``thinking_budget``, ``reasoning_effort``. What the user wrote himself comes first.
    """
    found: dict[str, object] = {}
    if args.enable_thinking is not None:
        found |= {"enable_thinking": args.enable_thinking, "thinking": args.enable_thinking}
    if args.thinking_budget is not None:
        found["thinking_budget"] = args.thinking_budget
    if args.reasoning_effort is not None:
        found["reasoning_effort"] = args.reasoning_effort
    given = args.extra_body.get("chat_template_kwargs")
    return {**found, **args.chat_template_kwargs, **(given if isinstance(given, Mapping) else {})}


def _dialect(urls: Sequence[str]) -> _Dialect:
    hosts = [(urlsplit(url).hostname or "").lower() for url in urls]
    template: _Dialect = "template"
    found = {
        next((name for end, name in _DIALECTS if host == end or host.endswith(f".{end}")), template) for host in hosts
    }
    if len(found) > 1:
        raise ConfigError("The endpoints are told to think in different ways; run them one by one.")
    return found.pop() if found else template


def thinking_fields(args: ModelArguments, path: str, urls: Sequence[str]) -> dict[str, object]:
    """Build the fields of a request that say whether and how long the model thinks.

    Args:
        args: The arguments ``reasoning_effort``, ``enable_thinking``, ``thinking_budget`` and ``chat_template_kwargs``.
        path: What follows the base URL. Prompts that are text (``/completions``) have no such fields.
        urls: The base URLs; services are known by their host.

    Returns:
        The fields; none if no argument is given.

    Raises:
        ConfigError: The service has no field for an argument.
    """
    effort, enable, budget = args.reasoning_effort, args.enable_thinking, args.thinking_budget
    if path.endswith("/completions") and not path.endswith("/chat/completions"):
        return {}
    if effort is None and enable is None and budget is None and not args.chat_template_kwargs:
        return {}
    dialect, fields = _dialect(urls), dict[str, object]()
    if effort is not None and dialect != "nested":
        fields |= {"reasoning": {"effort": effort}} if path == "/responses" else {"reasoning_effort": effort}
    if dialect == "openai":
        _refuse(urls, enable_thinking=enable, thinking_budget=budget)
    elif dialect == "flat":
        fields |= {} if enable is None else {"enable_thinking": enable}
        fields |= {} if budget is None else {"thinking_budget": budget}
    elif dialect == "typed":
        if enable is not None or budget is not None:
            how = "disabled" if enable is False else "enabled"
            fields["thinking"] = {"type": how, **({} if budget is None else {"budget_tokens": budget})}
    elif dialect == "nested":
        given = {"effort": effort, "max_tokens": budget, "enabled": enable}
        reasoning = {name: value for name, value in given.items() if value is not None}
        fields |= {"reasoning": reasoning} if reasoning else {}
    elif dialect == "google":
        budget = 0 if enable is False else budget
        if budget is not None:
            fields["extra_body"] = {"google": {"thinking_config": {"thinking_budget": budget}}}
    elif budget is not None:
        fields |= dict.fromkeys(_BUDGETS, budget)
    # `reasoning_effort` stands beside the template's variables, where these servers read it.
    variables = {**args.chat_template_kwargs}
    if dialect == "template":
        variables = {name: value for name, value in template_settings(args).items() if name != "reasoning_effort"}
        variables |= args.chat_template_kwargs
    return {**fields, **({"chat_template_kwargs": variables} if variables else {})}


def _refuse(urls: Sequence[str], **given: object) -> None:
    for name, value in given.items():
        if value is not None:
            host = urlsplit(urls[0]).hostname
            raise ConfigError(f"{host} has no field for {name}; it takes reasoning_effort=none, low, medium or high.")


def overlaid(fields: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """Put fields of a request over others; variables of chat templates are joined.

    Args:
        fields: Fields of a request.
        over: Fields that come first.

    Returns:
        All fields.
    """
    joined = {**fields, **over}
    for name in _JOINED:
        below, above = fields.get(name), over.get(name)
        if isinstance(below, Mapping) and isinstance(above, Mapping):
            joined[name] = {**below, **above}
    return joined


class Thinking:
    """What is known about the thoughts of one model.

    Attributes:
        fields: The fields of every request that generates text.
        seen: How replies have shown a thought: ``apart`` from the answer, ``in the text``, or not at all.
    """

    def __init__(self, args: ModelArguments, path: str = "", urls: Sequence[str] = ()) -> None:
        """Read the arguments.

        Args:
            args: The model's arguments.
            path: What follows the base URL.
            urls: The base URLs.

        Raises:
            ConfigError: The service has no field for an argument.
        """
        self._args = args
        self.fields = thinking_fields(args, path, urls)
        self._looked = False
        self.seen: Literal["", "apart", "in the text"] = ""

    @property
    def asked(self) -> bool:
        """Whether the arguments ask the model to think."""
        args = self._args
        effort = args.reasoning_effort not in (None, "none")
        return bool(args.think_end_token or args.enable_thinking or args.thinking_budget or effort)

    @property
    def expected(self) -> bool:
        """Whether a thought precedes the answer, so that a stop string would cut it."""
        return self.asked or bool(self.seen)

    def observe(self, reply: Reply) -> None:
        """Look for a thought in a reply.

        Args:
            reply: The reply to one of the first requests.
        """
        choice: Mapping[str, object] = {}
        with contextlib.suppress(MalformedResponse):
            choice = choices_in_order(reply.body, 1)[0]
        text = text_of(choice) if "message" in choice or "text" in choice else None
        if isinstance(text, str) and (_START.search(text) or _END.search(text)):
            self.seen = "in the text"
        elif not self.seen and (reasoning_of(choice) or _counted(reply.usage)):
            self.seen = "apart"

    def second_look(self, call: Call, reply: Reply) -> Call | None:
        """Build a call that shows a thought which a stop string may have cut.

        A server without a reasoning parser whose template opens the thought shows it by its end tag only.

        Args:
            call: One of the first calls.
            reply: Its reply, after ``observe``.

        Returns:
            The call without stop strings, once; None if no stop string ended the reply, or if the answer is known.
        """
        if self.expected or self._looked or "stop" not in call.payload:
            return None
        with contextlib.suppress(MalformedResponse):
            choice = choices_in_order(reply.body, 1)[0]
            # vLLM and SGLang name the stop string that ended a text.
            if any(isinstance(choice.get(name), str) for name in ("stop_reason", "matched_stop")):
                self._looked = True
                return replace(call, payload={name: value for name, value in call.payload.items() if name != "stop"})
        return None

    def merged(self, body: Mapping[str, object]) -> dict[str, object]:
        """Add the fields to the body of a request; what the body says itself comes first.

        Args:
            body: The body.

        Returns:
            The body with the fields.
        """
        added = overlaid(self.fields, body)
        return {**{name: added[name] for name in body}, **added}

    def report(self, limits: Sequence[int], *, stops: bool, plain: bool) -> None:
        """Tell what a user should know before a run of a model that thinks.

        Args:
            limits: The maximum number of tokens that each task generates.
            stops: Whether any task has stop strings.
            plain: Whether prompts are text that no chat template writes.
        """
        args = self._args
        if plain and template_settings(args):
            eval_logger.warning(
                "reasoning_effort, enable_thinking, thinking_budget and chat_template_kwargs have no effect on prompts "
                "that are text; --apply_chat_template writes them with a chat template."
            )
        if args.enable_thinking is False and self.seen:
            eval_logger.warning(
                "enable_thinking=false, but the model still thinks: its server or chat template knows no such switch."
            )
        if not self.expected or not limits:
            return
        if stops:
            eval_logger.warning(
                "The model thinks before it answers: stop strings are not sent, because they would cut the thought; "
                "answers are cut at them here."
            )
        if self.seen == "in the text" and not args.think_end_token:
            eval_logger.warning(
                "The model writes its thought into the answer, where it is scored: name the tag that ends it, such as "
                "think_end_token=</think> in --model_args, or start the server with its reasoning parser."
            )
        needed = _ROOM if args.thinking_budget is None else args.thinking_budget + _ANSWER_ROOM
        short = sorted(limit for limit in limits if limit < needed)
        if short:
            tasks = f"{len(short)} of {len(limits)} tasks" if len(limits) > 1 else "The task"
            span = f"{short[0]}" if short[0] == short[-1] else f"{short[0]} to {short[-1]}"
            eval_logger.warning(
                "%s allow%s %s tokens, which the thought is a part of: a thought that they cut is no answer. Raise the "
                "limit: --gen_kwargs max_gen_toks=%d",
                tasks,
                "s" if tasks == "The task" else "",
                span,
                max(_ADVISED, needed),
            )

    def check_budget(self, usages: Iterable[Usage | None]) -> None:
        """Tell when thoughts were longer than ``thinking_budget``: the server knows no such limit.

        Args:
            usages: The token counts of replies, as far as the server gives them.
        """
        budget = self._args.thinking_budget
        if budget is None:
            return
        lengths = [usage.reasoning for usage in usages if usage is not None]
        over = [length for length in lengths if length > budget * _BUDGET_FACTOR + _BUDGET_TAGS]
        if over:
            eval_logger.warning(
                "thinking_budget=%d has no effect on this server: %d of %d thoughts are longer, up to %s tokens.",
                budget,
                len(over),
                len(lengths),
                f"{max(over):,}",
            )

    def describe(self) -> dict[str, object]:
        """Return the findings for the results file; empty for a model that does not think."""
        if not self.expected and not self.fields:
            return {}
        return {"asked": self.asked, "seen": self.seen or None, "fields": dict(self.fields)}


def _counted(usage: Usage | None) -> bool:
    return usage is not None and usage.reasoning > 0
