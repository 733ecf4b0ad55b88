"""Questions that are conversations: messages, of which the model may write some answers before the last one."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.task_parts.prompts import ChatTemplate, Message, join_spaced
from lm_eval.errors import TemplateError

__all__ = ["Conversation", "FollowUp", "is_conversation"]

_ROLES = ("system", "user", "assistant")


def is_conversation(question: object) -> bool:
    """Whether the question of a document is a list of messages.

    Args:
        question: What ``doc_to_text`` gives.
    """
    return (
        isinstance(question, Sequence)
        and not isinstance(question, str)
        and len(question) > 0
        and all(isinstance(message, Mapping) and "role" in message for message in question)
    )


@dataclass(frozen=True, slots=True)
class Conversation:
    """The prompt of a document that is asked in one or several turns.

    Attributes:
        messages: The messages, the last of a user; an assistant message with the content None is for the model to
            write, in a turn of its own.
        template: Turns messages into a prompt.
    """

    messages: list[dict[str, Any]]
    template: ChatTemplate

    @classmethod
    def of(
        cls, question: Sequence[Mapping[str, Any]], opening: Sequence[Message], template: ChatTemplate | None
    ) -> Conversation:
        """Read the question of a document.

        Args:
            question: Messages with ``role`` and ``content``.
            opening: The system message and the few-shot examples before them.
            template: Turns messages into a prompt; None for a run without a chat template.

        Raises:
            TemplateError: There is no chat template, or the messages are none that a model could answer.
        """
        if template is None:
            raise TemplateError("the question is a conversation, which needs messages: use --apply_chat_template.")
        messages = [{"role": message["role"], "content": message.get("content")} for message in question]
        for place, message in enumerate(messages):
            role, content = message["role"], message["content"]
            if role not in _ROLES:
                raise TemplateError(f"the role of a message is one of {', '.join(_ROLES)}, not {role!r}.")
            before = messages[place - 1]["role"] if place else None
            if not isinstance(content, str) and not (content is None and role == "assistant" and before == "user"):
                raise TemplateError(
                    f"the content of a {role} message is a text, not {content!r}; None is only for an answer after a "
                    "user's message."
                )
        if messages[-1]["role"] != "user":
            raise TemplateError("a conversation ends with a user's message, which the model answers.")
        head = [turn.to_dict() for turn in opening]
        if head and head[0]["role"] == messages[0]["role"] == "system":
            messages[0]["content"] = join_spaced(head.pop(0)["content"], messages[0]["content"], "\n\n")
        return cls([*head, *messages], template)

    def turns(self) -> list[list[dict[str, Any]]]:
        """Return the messages before each answer of the model."""
        ends = [place for place, message in enumerate(self.messages) if message["content"] is None]
        return [self.messages[:end] for end in [*ends, len(self.messages)]]

    def prompt(self, messages: Sequence[Mapping[str, Any]]) -> object:
        """Turn messages into a prompt; an answer that is not there yet is an empty text.

        Args:
            messages: The messages.
        """
        written = [{**message, "content": message["content"] or ""} for message in messages]
        return self.template(written, add_generation_prompt=True)

    def instances(self, first: Instance) -> list[Instance]:
        """Return the Instances of all turns.

        Args:
            first: The Instance of the first turn.
        """
        asked = [first]
        for messages in self.turns()[1:]:
            follows = FollowUp(self, messages, list(asked))
            arguments = (self.prompt(messages), *copy.deepcopy(first.arguments[1:]))
            later = Instance(first.request_type, first.doc, arguments, len(asked), first.metadata, follows=follows)
            asked.append(later)
        return asked


@dataclass(frozen=True, slots=True)
class FollowUp:
    """How the prompt of a later turn is written once the earlier turns are answered.

    Attributes:
        conversation: The conversation.
        messages: The messages up to this turn, with None for the answers of the model.
        earlier: The Instances of the earlier turns, in order.
    """

    conversation: Conversation
    messages: list[dict[str, Any]]
    earlier: list[Instance]

    def prompt(self, repeat: int = 0) -> object:
        """Write the prompt with the answers of the earlier turns.

        Args:
            repeat: The number of the repeat whose answers are shown.
        """
        answers = iter([str(instance.resps[repeat]) for instance in self.earlier])
        return self.conversation.prompt(
            [
                {**each, "content": next(answers) if each["content"] is None else each["content"]}
                for each in self.messages
            ]
        )
