"""Prompts of messages for requests that hold text: a chat template writes them before they are sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lm_eval.api.instance import Instance, RequestError
from lm_eval.errors import APIError, RequestsLost
from lm_eval.models.connection import Connection
from lm_eval.models.http.runner import run
from lm_eval.models.messages import TemplatedPrompt
from lm_eval.models.thinking import template_settings

if TYPE_CHECKING:
    from lm_eval.models.server.templates import ChatTemplate

__all__ = ["PromptWriter"]


class PromptWriter:
    """Replaces messages in Instances by text.

    Attributes:
        template: What writes the text; None before it is found.
    """

    def __init__(self, connection: Connection) -> None:
        """Store what asks the server; nothing is sent.

        Args:
            connection: What the model asks with.
        """
        self._connection = connection
        self.template: ChatTemplate | None = None

    @property
    def needed(self) -> bool:
        """Whether messages become text before they are sent."""
        requests = self._connection.requests
        return not requests.chat and requests.path == "/completions"

    def find(self, header: Mapping[str, str]) -> None:
        """Find the template, unless that is done.

        Args:
            header: The HTTP headers to send.

        Raises:
            UserError: There is no template, or it cannot be used.
            APIError: The server cannot be used at all.
        """
        if self.template is None:
            self.template = run(lambda: self._found(header))

    async def _found(self, header: Mapping[str, str]) -> ChatTemplate:
        from lm_eval.models.server.templates import find_template, with_one_bos

        requests = self._connection.requests
        bos = await requests.preflight.find_bos(header)
        settings = requests.preflight.settings
        async with self._connection.check_engine() as engine:
            found = await find_template(
                engine.ask,
                settings.model,
                file=requests.args.chat_template,
                bos=bos.text,
                variables=template_settings(requests.args),
            )
            return await with_one_bos(found, engine.ask, settings)

    def write(self, instances: Sequence[Instance], header: Mapping[str, str]) -> list[Instance]:
        """Write the messages of prompts as text. An Instance whose prompt cannot be written gets an error.

        Args:
            instances: The Instances; their prompts are replaced.
            header: The HTTP headers to send.

        Returns:
            The Instances that can be sent.
        """
        templated = [item for item in instances if item.args and isinstance(item.args[0], TemplatedPrompt)]
        if not templated:
            return list(instances)
        from lm_eval.models.server.templates import render_all

        self.find(header)

        async def write() -> dict[TemplatedPrompt, str | APIError]:
            assert self.template is not None
            async with self._connection.engine() as engine:
                return await render_all(self.template, engine.ask, (item.args[0] for item in templated))

        written = run(write)
        lost: set[int] = set()
        for item in templated:
            text = written[item.args[0]]
            if isinstance(text, APIError):
                lost.add(id(item))
                item.resps, item.info = [], []
                item.error = RequestError.of(text)
            else:
                item.arguments = (text, *item.args[1:])
        return [item for item in instances if id(item) not in lost]

    def write_all(self, instances: Sequence[Instance], header: Mapping[str, str]) -> None:
        """Write the messages of prompts as text, where a lost prompt cannot be expressed.

        Args:
            instances: The Instances; their prompts are replaced.
            header: The HTTP headers to send.

        Raises:
            RequestsLost: A prompt cannot be written.
        """
        left = self.write(instances, header)
        if len(left) < len(instances):
            first = next(item.error for item in instances if item.error is not None)
            raise RequestsLost(f"{len(instances) - len(left)} prompts could not be written, first: {first.message}")
