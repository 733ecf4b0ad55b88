"""``Instance``: one request about one document, from building to scoring."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from lm_eval.api.verdicts import Judgement
from lm_eval.config.task import OutputType
from lm_eval.errors import APIError

__all__ = ["Doc", "Follows", "Instance", "OutputType", "RequestError", "ResponseInfo", "Usage"]

Doc = dict[str, Any]
"""A document: one row of a dataset, by column."""


@dataclass(slots=True)
class Usage:
    """Numbers of tokens that an endpoint reports for one response, summed over its calls."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    reasoning: int = 0

    def add(self, other: Usage) -> None:
        """Add the counts of another response.

        Args:
            other: The counts to add.
        """
        self.prompt += other.prompt
        self.completion += other.completion
        self.cached += other.cached
        self.reasoning += other.reasoning


@dataclass(frozen=True, slots=True)
class RequestError:
    """Why an Instance has no usable response.

    Attributes:
        kind: A stable short name: ``timeout``, ``rate_limited``, ``server_error``, ``rejected``,
            ``context_length``, ``malformed``, ``unreachable``, ``check_failed``, …
        message: One line, without secrets.
        status: HTTP status, when there was one.
        attempts: Number of times the request was sent.
        endpoint: URL of the endpoint, without credentials.
    """

    kind: str
    message: str
    status: int | None = None
    attempts: int = 1
    endpoint: str = ""

    @classmethod
    def of(cls, error: APIError) -> RequestError:
        """Return the reason that an error of a request gives.

        Args:
            error: The error with which the request was lost.
        """
        return cls(error.kind, str(error), error.status, error.attempts, error.endpoint)


@dataclass(slots=True)
class ResponseInfo:
    """What an endpoint reports in addition to a response.

    Attributes:
        outcome: ``ok``; ``length`` (cut at the token limit); ``empty``; ``refusal``;
            ``filtered`` (by a content filter); ``reasoning_only`` (nothing after the reasoning);
            ``unknown_finish`` (complete as far as one can see, with a finish reason that has no known meaning).
        finish_reason: As the endpoint reports it.
        reasoning: Reasoning text that is not part of the response.
        usage: Token counts.
        approximate: Set when a log-likelihood is a bound, not the exact value.
    """

    outcome: str = "ok"
    finish_reason: str | None = None
    reasoning: str | None = None
    usage: Usage | None = None
    approximate: bool = False


class Follows(Protocol):
    """How the prompt of an Instance is completed that is asked after others, such as the second turn of a chat."""

    @property
    def earlier(self) -> list[Instance]:
        """The Instances whose responses the prompt needs."""

    def prompt(self, repeat: int = 0) -> object:
        """Write the prompt of a repeat, once this repeat of all ``earlier`` Instances is answered.

        Args:
            repeat: The number of the repeat.
        """


@dataclass(slots=True)
class Instance:
    """One request about one document.

    Attributes:
        request_type: The LM method that answers it.
        doc: The document.
        arguments: Arguments of the method: ``(prompt, continuation)``, ``(text,)`` or ``(prompt, generation_kwargs)``,
            followed by a dict of media for multimodal tasks. If each repeat has a prompt of its own, since it follows
            other Instances, the prompt is that of the first repeat.
        idx: Position among the Instances of the document.
        metadata: ``(task name, doc id, repeats)``.
        resps: The responses, one per repeat, in the order of the repeats.
        filtered_resps: Name of each filter pipeline to its result.
        task_name: Name of the task.
        doc_id: Index of the document in its split.
        repeats: Number of times the request is asked.
        error: Set when a repeat failed for good; the document then has no score.
        info: What the endpoint reports in addition to each response; empty for models that report nothing.
        follows: Completes the prompt with the responses of other Instances; None for one that can be asked at once, and
            when the prompt is complete.
        judgement: What the judge says about the document; only on its first Instance, and None where nothing is judged.
    """

    request_type: OutputType
    doc: Doc
    arguments: tuple[Any, ...]
    idx: int
    metadata: tuple[str | None, int | None, int | None] = (None, None, None)
    resps: list[Any] = field(default_factory=list)
    filtered_resps: dict[str, Any] = field(default_factory=dict)
    task_name: str | None = None
    doc_id: int | None = None
    repeats: int | None = None
    error: RequestError | None = None
    info: list[ResponseInfo] = field(default_factory=list)
    follows: Follows | None = field(default=None, compare=False, repr=False)
    judgement: Judgement | None = None

    def __post_init__(self) -> None:
        """Set the task name, doc id and repeats from ``metadata`` unless they are given."""
        task_name, doc_id, repeats = self.metadata
        self.task_name = task_name if self.task_name is None else self.task_name
        self.doc_id = doc_id if self.doc_id is None else self.doc_id
        self.repeats = (repeats if repeats is not None else 1) if self.repeats is None else self.repeats

    @property
    def args(self) -> tuple[Any, ...]:
        """The arguments as a tuple."""
        return self.arguments if isinstance(self.arguments, tuple) else (self.arguments,)
