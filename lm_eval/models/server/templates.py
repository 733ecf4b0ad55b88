"""The server's chat template for completions: messages become the text that the server itself would write.

Four ways are known. vLLM and SGLang turn messages into token ids at ``/tokenize``, and ids into text at
``/detokenize``. llama.cpp writes the text at ``/apply-template``, TGI at ``/chat_tokenize``. A template in a file is
rendered here, with the variables that ``transformers`` gives to chat templates.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lm_eval.errors import (
    APIError,
    CapabilityError,
    CheckFailed,
    ConfigError,
    EndpointNotFound,
    MalformedResponse,
    RequestRejected,
    ServerError,
)
from lm_eval.models.messages import Message, TemplatedPrompt
from lm_eval.models.server.settings import ScoringSettings
from lm_eval.models.server.tokenizer import RemoteTokenizer, find_tokenizer, read_tokens
from lm_eval.models.work import Ask, Call

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["ChatTemplate", "FileTemplate", "find_template", "render_all", "with_one_bos"]

eval_logger = logging.getLogger("lm_eval")

_TRIAL = TemplatedPrompt([{"role": "user", "content": "What is 2 + 2?"}])
_MAX_AT_ONCE = 32
_ALWAYS_CHECKED, _CHECKED_EVERY = 16, 16
"""The token ids of the first prompts are compared with those of the text, then of one prompt in sixteen."""


class ChatTemplate(Protocol):
    """Writes messages as the text of a prompt."""

    @property
    def source(self) -> str:
        """Where the template is, for the results."""

    async def render(self, ask: Ask, prompt: TemplatedPrompt) -> str:
        """Write messages as text.

        Args:
            ask: Sends calls to the server.
            prompt: The messages.

        Returns:
            The text, with the special tokens that the template writes.

        Raises:
            APIError: The server does not write these messages.
        """


@dataclass(slots=True)
class _TokenizedTemplate:
    """The template of a server that returns token ids, which become text again."""

    model: str
    variables: Mapping[str, object] = field(default_factory=dict)
    source: str = "/tokenize with messages"
    _count: int = 0

    async def render(self, ask: Ask, prompt: TemplatedPrompt) -> str:
        """Write messages as text; see ``ChatTemplate.render``."""
        payload: dict[str, object] = {
            "model": self.model,
            "messages": _messages(prompt),
            "add_generation_prompt": not prompt.continues,
            "continue_final_message": prompt.continues,
            "add_special_tokens": False,
        }
        if self.variables:
            payload["chat_template_kwargs"] = dict(self.variables)
        reply = await ask(Call("//tokenize", payload))
        tokens = read_tokens(reply.body)
        if tokens is None or not tokens.ids:
            raise MalformedResponse("The tokenizer's answer has no tokens", endpoint=reply.endpoint)
        tokenizer = RemoteTokenizer("vllm", self.model)
        text = await tokenizer.decode(ask, tokens.ids)
        self._count += 1
        if self._count <= _ALWAYS_CHECKED or self._count % _CHECKED_EVERY == 0:
            again = await tokenizer.encode(ask, text, special=False)
            if again.ids != tokens.ids:
                raise CheckFailed(
                    "The text of the chat template does not have the token ids of the chat template",
                    endpoint=reply.endpoint,
                )
        return text


@dataclass(frozen=True, slots=True)
class _TextTemplate:
    """The template of a server that returns the text."""

    path: str
    key: str
    model: str
    variables: Mapping[str, object] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """Where the template is."""
        return self.path.removeprefix("/")

    async def render(self, ask: Ask, prompt: TemplatedPrompt) -> str:
        """Write messages as text; see ``ChatTemplate.render``."""
        payload: dict[str, object] = {"model": self.model, "messages": _messages(prompt)}
        if self.variables:
            payload["chat_template_kwargs"] = dict(self.variables)
        reply = await ask(Call(self.path, payload))
        body = reply.body if isinstance(reply.body, Mapping) else {}
        text = body.get(self.key)
        if not isinstance(text, str) or not text:
            raise MalformedResponse(f"The answer of {self.source} has no {self.key}", endpoint=reply.endpoint)
        if prompt.continues and not text.rstrip().endswith(str(prompt[-1]["content"]).rstrip()):
            raise CheckFailed(f"{self.source} does not leave the last message open", endpoint=reply.endpoint)
        return text


@dataclass(slots=True)
class FileTemplate:
    """A template in a file.

    Attributes:
        path: The file; it is read once.
        bos: The text of the BOS token, for templates that write it; empty where the server adds it to a text.
        variables: More variables of the template, such as ``enable_thinking``.
        text: The template.
    """

    path: Path
    bos: str = ""
    variables: Mapping[str, object] = field(default_factory=dict)
    text: str = field(init=False)

    def __post_init__(self) -> None:
        """Read the file.

        Raises:
            ConfigError: The file cannot be read.
        """
        try:
            self.text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"chat_template={self.path}: the file cannot be read: {error}") from error

    @property
    def source(self) -> str:
        """The name of the file."""
        return self.path.name

    async def render(self, ask: Ask, prompt: TemplatedPrompt) -> str:
        """Write messages as text; see ``ChatTemplate.render``."""
        return self.write(prompt)

    def write(self, prompt: TemplatedPrompt) -> str:
        """Write messages as text.

        Args:
            prompt: The messages.

        Returns:
            The text.

        Raises:
            ConfigError: The template cannot be used for these messages.
        """
        from jinja2 import TemplateError

        try:
            text = _compiled(self.text).render(
                messages=_messages(prompt),
                add_generation_prompt=not prompt.continues,
                bos_token=self.bos,
                eos_token="",
                tools=None,
                documents=None,
                **self.variables,
            )
        except TemplateError as error:
            raise ConfigError(f"chat_template={self.path}: {' '.join(str(error).split())}") from error
        if not prompt.continues:
            return text
        # The template closes the last message; what follows its content is cut off.
        content = str(prompt[-1]["content"])
        start = text.rfind(content.strip())
        if start < 0:
            raise ConfigError(f"chat_template={self.path} does not write the start of the answer, {content!r}.")
        end = start + len(content.strip())
        space = content[len(content.rstrip()) :]
        return text[: end + len(space)] if text[end:].startswith(space) else text[:end]


@dataclass(frozen=True, slots=True)
class _WithoutBos:
    """A template whose BOS token is left out, because the server puts one before every text."""

    inner: ChatTemplate
    bos: str

    @property
    def source(self) -> str:
        """Where the template is."""
        return f"{self.inner.source}, without its BOS token"

    async def render(self, ask: Ask, prompt: TemplatedPrompt) -> str:
        """Write messages as text; see ``ChatTemplate.render``."""
        return (await self.inner.render(ask, prompt)).removeprefix(self.bos)


async def with_one_bos(template: ChatTemplate, ask: Ask, settings: ScoringSettings) -> ChatTemplate:
    """Make sure that a prompt does not get two BOS tokens, one of the template and one of the server.

    Args:
        template: The template.
        ask: Sends calls.
        settings: Says how prompts are sent.

    Returns:
        The template, or one that leaves its BOS token out.

    Raises:
        CapabilityError: Prompts would have two BOS tokens, and the text does not start with the first.
        APIError: A call failed for good.
    """
    text = await template.render(ask, _TRIAL)
    tokenizer, tokens = await find_tokenizer(ask, settings.model, text, False)
    if tokenizer is None or tokens is None or tokenizer.kind == "extras":
        return template
    bare, started = [(await tokenizer.encode(ask, "x", special)).ids for special in (False, True)]
    ids = tokens.ids
    if len(started) != len(bare) + 1 or ids[:1] != started[:1]:
        return template
    reply = await ask(Call(settings.completions_path, settings.body(prompt=text, max_tokens=1, temperature=0)))
    if reply.usage is None or reply.usage.prompt != len(ids) + 1:
        return template
    bos = await tokenizer.decode(ask, ids[:1]) if tokenizer.kind != "tgi" else _first_special(text)
    if not bos or not text.startswith(bos):
        raise CapabilityError(
            "The chat template starts with a BOS token, and the server puts another one before every text; give a "
            "template without it: chat_template=FILE in --model_args."
        )
    eval_logger.info("The chat template's BOS token is left out of prompts, because the server adds one to every text.")
    return _WithoutBos(template, bos)


def _first_special(text: str) -> str:
    """Return the text of a special token, such as ``<s>``, at the start of a text; empty if there is none."""
    match = re.match(r"<[^<>\s]+>|\[[A-Z]+\]", text)
    return match.group() if match else ""


@cache
def _compiled(source: str) -> Template:
    from jinja2 import TemplateError
    from jinja2.ext import loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return environment.from_string(source)


def _to_json(value: object, indent: int | None = None) -> str:
    """Write JSON as transformers does in templates: no escapes of letters, and none for HTML."""
    import json

    return json.dumps(value, ensure_ascii=False, indent=indent)


def _messages(prompt: TemplatedPrompt) -> list[Message]:
    return [dict(message) for message in prompt]


async def find_template(
    ask: Ask, model: str, *, file: str | None = None, bos: str | None = None, variables: Mapping[str, object]
) -> ChatTemplate:
    """Find what writes messages as text: the file that the user names, or the server.

    Args:
        ask: Sends calls.
        model: The model's name.
        file: The path of a template; None asks the server.
        bos: The text of the BOS token; None when unknown.
        variables: More variables of the template.

    Returns:
        The template; it has written a short conversation.

    Raises:
        ConfigError: The file cannot be used.
        CapabilityError: The server writes no messages as text.
        APIError: The server cannot be used at all.
    """
    if file is not None:
        chosen = FileTemplate(Path(file).expanduser(), bos or "", variables)
        chosen.write(_TRIAL)
        return chosen
    reasons = []
    known: list[ChatTemplate] = [
        _TextTemplate("//apply-template", "prompt", model, variables),
        _TokenizedTemplate(model, variables),
        _TextTemplate("//chat_tokenize", "templated_text", model, variables),
    ]
    for template in known:
        try:
            text = await template.render(ask, _TRIAL)
        except (EndpointNotFound, MalformedResponse, RequestRejected, ServerError) as error:
            reasons.append(f"{template.source}: {error}")
            continue
        if "What is 2 + 2?" in text:
            return template
        reasons.append(f"{template.source} does not write the message")
    raise CapabilityError(
        "--apply_chat_template needs the server's chat template as text, and this server writes none "
        f"({'; '.join(reason.split(' (')[0][:120] for reason in reasons)}). Use local-chat-completions, or give the "
        "template: chat_template=FILE in --model_args."
    )


async def render_all(
    template: ChatTemplate, ask: Ask, prompts: Iterable[TemplatedPrompt]
) -> dict[TemplatedPrompt, str | APIError]:
    """Write many prompts as text, some at the same time.

    Args:
        template: Writes a prompt.
        ask: Sends calls.
        prompts: The prompts; equal ones are written once.

    Returns:
        The text of each prompt, or the error with which it was lost.
    """
    limit = asyncio.Semaphore(_MAX_AT_ONCE)
    found: dict[TemplatedPrompt, str | APIError] = {}

    async def write(prompt: TemplatedPrompt) -> None:
        async with limit:
            try:
                found[prompt] = await template.render(ask, prompt)
            except APIError as error:
                found[prompt] = error

    distinct = list(dict.fromkeys(prompts))
    for start in range(0, len(distinct), 1000):
        await asyncio.gather(*(write(prompt) for prompt in distinct[start : start + 1000]))
    return found
