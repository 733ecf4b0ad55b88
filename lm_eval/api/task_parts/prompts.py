"""How a prompt is written: turns, few-shot examples, and their form as plain text or as a chat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lm_eval.api.instance import Doc
from lm_eval.api.samplers import DEFAULT_SEED, ContextSampler, FirstNSampler, get_sampler
from lm_eval.api.task_parts.documents import Docs, Rows
from lm_eval.config.task import FewshotConfig

__all__ = [
    "ChatTemplate",
    "Message",
    "Shots",
    "as_prompt",
    "chat_messages",
    "join_spaced",
    "plain_prompt",
    "qa_turn",
    "system_message",
]

ChatTemplate = Callable[..., object]
"""Turns messages into a prompt, as ``LM.apply_chat_template`` does."""


@dataclass(slots=True)
class Message:
    """A turn: its content, and the delimiter that follows it in plain text."""

    role: str
    content: str
    _delimiter: str = ""

    @property
    def text(self) -> str:
        """The turn as it stands in a plain prompt."""
        return self.content + self._delimiter

    def to_text(self) -> str:
        """Return the turn as it stands in a plain prompt; under the name that task code uses."""
        return self.text

    def to_dict(self) -> dict[str, str]:
        """Return the turn as chat templates take it."""
        return {"role": self.role, "content": self.content}


def _spaced(left: str, right: str) -> bool:
    """Whether there is white space where two texts meet."""
    return left[-1:].isspace() or right[:1].isspace()


def join_spaced(left: str, right: str, delimiter: str) -> str:
    """Join two texts, with a delimiter unless one is empty or there is white space where they meet.

    Args:
        left: The first text.
        right: The second text.
        delimiter: Text to put between them.
    """
    if not left or not right:
        return left or right
    return left + right if _spaced(left, right) else left + delimiter + right


def system_message(instruction: str | None, description: str, delimiter: str) -> list[Message]:
    """Build the system turn.

    Args:
        instruction: The system instruction of the run.
        description: The rendered description of the task.
        delimiter: Text to put between the two.

    Returns:
        One turn, or none when both are empty.
    """
    content = join_spaced(instruction or "", description, delimiter)
    return [Message("system", content)] if content else []


def qa_turn(
    question: str, answer: str | None, gen_prefix: str | None, target_delimiter: str, fewshot_delimiter: str
) -> list[Message]:
    """Build the turns of a question.

    Args:
        question: Content of the user turn.
        answer: The answer of a few-shot example; None for the document that is asked about.
        gen_prefix: The start of the answer.
        target_delimiter: Text between question and answer.
        fewshot_delimiter: Text after the answer of a few-shot example.

    Returns:
        The user turn, and the assistant turn when there is an answer or a ``gen_prefix``.
    """
    if not gen_prefix:
        if answer is None:
            return [Message("user", question)]
        return [Message("user", question, target_delimiter), Message("assistant", answer, fewshot_delimiter)]
    gap = "" if not question or _spaced(question, gen_prefix) else target_delimiter
    if answer is None:
        return [Message("user", question, gap), Message("assistant", gen_prefix)]
    return [
        Message("user", question, gap),
        Message("assistant", join_spaced(gen_prefix, answer, " "), fewshot_delimiter),
    ]


def plain_prompt(messages: Sequence[Message]) -> str:
    """Write messages as plain text.

    Args:
        messages: The turns.
    """
    return "".join([message.text for message in messages])


def chat_messages(messages: Sequence[Message], multiturn: bool) -> list[dict[str, str]]:
    """Write messages as a chat.

    Args:
        messages: The turns.
        multiturn: Keep few-shot examples as separate turns; else all turns before the answer become one user turn.

    Returns:
        Messages with ``role`` and ``content``.
    """
    if multiturn:
        return [message.to_dict() for message in messages]
    head = [message.to_dict() for message in messages if message.role == "system"]
    turns = [message for message in messages if message.role != "system"]
    tail = [turns.pop().to_dict()] if len(turns) > 1 and turns[-1].role == "assistant" else []
    if not turns:
        return head + tail
    content = plain_prompt(turns[:-1]) + turns[-1].content
    return [*head, {"role": "user", "content": content}, *tail]


def as_prompt(
    turns: Sequence[Message], template: ChatTemplate | None, multiturn: bool, gen_prefix: str | None
) -> object:
    """Write turns as plain text, or as a chat.

    Args:
        turns: The turns.
        template: The chat template; None writes plain text.
        multiturn: Keep few-shot examples as separate turns of the chat.
        gen_prefix: The start of the answer. With one, the last turn is the assistant's, and no new turn is opened.
    """
    if template is None:
        return plain_prompt(turns)
    return template(chat_messages(turns, multiturn), add_generation_prompt=not gen_prefix)


class _WritesShots(Protocol):
    @property
    def pure_fields(self) -> bool: ...
    def fewshot_docs(self) -> Docs: ...
    def shot_turns(self, shot: Doc) -> list[Message]: ...


class Shots:
    """Draws the few-shot examples of one task and writes them as turns, each only once where that is safe."""

    def __init__(
        self, config: FewshotConfig, task: _WritesShots, *, may_meet_itself: bool, exclude_self: bool = False
    ) -> None:
        """Draw nothing yet; the pool is read when the first example is drawn.

        Args:
            config: Where the examples come from.
            task: The task, whose ``shot_turns`` writes an example; with ``pure_fields`` the turns are always the same.
            may_meet_itself: Whether the pool may hold the document that is asked about, which must not be an example.
            exclude_self: Draw again where the document that is asked about is an example.
        """
        self._config, self._task, self._may_meet_itself = config, task, may_meet_itself
        self._exclude_self = exclude_self
        self._seed: int | None = DEFAULT_SEED
        self._kind = get_sampler(config.sampler)
        self._ships = self._kind in (ContextSampler, FirstNSampler)
        self._sampler: ContextSampler[Doc] | None = None
        self._written: dict[int, tuple[Doc, list[Message]]] = {}
        self._fixed: dict[int, list[Message]] = {}
        self._drawn: Sequence[Doc] = ()

    @property
    def sampler(self) -> ContextSampler[Doc]:
        """The sampler over the few-shot pool."""
        if self._sampler is None:
            docs = self._task.fewshot_docs()
            # Samplers in the wild may do with the pool what only a list can.
            pool = docs if isinstance(docs, list) else Rows(docs) if self._ships else list(docs)
            self._sampler = self._kind(pool, rnd=self._seed, fewshot_indices=self._config.fewshot_indices)
        return self._sampler

    @sampler.setter
    def sampler(self, sampler: ContextSampler[Doc]) -> None:
        """Draw with another sampler."""
        self._sampler, self._kind = sampler, type(sampler)
        self._ships = self._kind in (ContextSampler, FirstNSampler)
        self._fixed.clear()
        self._written.clear()

    def seed(self, seed: int | None) -> None:
        """Restart the random draws.

        Args:
            seed: The seed.
        """
        self._seed = seed
        if self._sampler is not None:
            self._sampler.set_rnd(seed)

    def are_fixed(self, count: int) -> bool:
        """Whether the turns of this number of examples are written and the same for every document.

        Args:
            count: Number of examples.
        """
        return count == 0 or count in self._fixed

    def hold(self, doc: Doc) -> bool:
        """Whether a document is one of the examples that were drawn last.

        Args:
            doc: The document.
        """
        return any(_is_same_row(shot, doc) for shot in self._drawn)

    def turns(self, doc: Doc, count: int) -> list[Message]:
        """Write the few-shot examples for the prompt of a document.

        Args:
            doc: The document that is asked about.
            count: Number of examples.

        Returns:
            A user turn and an assistant turn for each example.
        """
        if count in self._fixed:
            return self._fixed[count]
        repeatable = self._task.pure_fields
        turns: list[Message] = []
        self._draw(doc, count)
        for shot in self._drawn:
            if not (self._ships and repeatable):
                turns += self._task.shot_turns(shot)
                continue
            known = self._written.get(id(shot))
            # The example is kept next to its turns, so that its id stays unique.
            if known is None:
                known = self._written[id(shot)] = (shot, self._task.shot_turns(shot))
            turns += known[1]
        if self._kind is FirstNSampler and not self._may_meet_itself and not self._exclude_self and repeatable:
            self._fixed[count] = turns
        return turns

    def pass_over(self, doc: Doc, count: int) -> None:
        """Draw as for the prompt of a document that is not written, so that the next one gets the same examples.

        Args:
            doc: The document.
            count: Number of examples.
        """
        if not self.are_fixed(count):
            self._draw(doc, count)

    def _draw(self, doc: Doc, count: int) -> None:
        self._drawn = self.sampler.sample(count, eval_doc=doc if self._may_meet_itself else None)
        if self._exclude_self and self.hold(doc):
            self._drawn = self.sampler.sample(count, eval_doc=doc)


def _is_same_row(shot: object, doc: Doc) -> bool:
    """Compare two rows; ``process_docs`` may have added columns to one of them."""
    if not shot or not (type(shot) is dict or isinstance(shot, Mapping)):  # the ABC alone takes a microsecond
        return False
    try:
        fewer, more = (doc, shot) if len(shot) > len(doc) else (shot, doc)
        for key in fewer:
            if key not in more or not fewer[key] == more[key]:  # noqa: SIM201
                return False
        return bool(fewer)
    except ValueError:  # arrays have no single truth value
        return shot is doc
