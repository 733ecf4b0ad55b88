"""One request about one doc, from building to scoring."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Instance", "OutputType", "RequestError", "ResponseInfo", "Usage"]

OutputType = Literal["loglikelihood", "loglikelihood_rolling", "generate_until", "multiple_choice"]


@dataclass(slots=True)
class Usage:
    """Tokens an endpoint counted for one answer, summed over its calls."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    reasoning: int = 0

    def add(self, other: Usage) -> None:
        """Add another answer's counts to this one.

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
        status: The HTTP status, when there was one.
        attempts: How often the request was sent.
        endpoint: The URL asked, without credentials.
    """

    kind: str
    message: str
    status: int | None = None
    attempts: int = 1
    endpoint: str = ""


@dataclass(slots=True)
class ResponseInfo:
    """What an endpoint said beside a response.

    Attributes:
        outcome: ``ok``; ``length`` (cut at the token limit); ``empty``; ``refusal``;
            ``filtered`` (by a content filter); ``reasoning_only`` (nothing after the reasoning).
        finish_reason: As the endpoint gave it.
        reasoning: Reasoning text that is not part of the response.
        usage: Token counts.
        approximate: Set when a log-likelihood is a bound, not the exact value.
    """

    outcome: str = "ok"
    finish_reason: str | None = None
    reasoning: str | None = None
    usage: Usage | None = None
    approximate: bool = False


@dataclass(slots=True)
class Instance:
    """One request about one doc.

    Attributes:
        request_type: The LM method that answers it.
        doc: The row of the dataset.
        arguments: What the method gets: ``(prompt, continuation)``, ``(text,)`` or
            ``(prompt, generation_kwargs)``, and for multimodal tasks a dict of media after them.
        idx: Its position among the doc's Instances.
        metadata: ``(task name, doc id, repeats)``.
        resps: The responses, one a repeat, in the order of the repeats.
        filtered_resps: Filter pipeline name to what it made of ``resps``.
        task_name: The task's name.
        doc_id: The doc's index in its split.
        repeats: How often the request is asked.
        error: Set when a repeat was lost for good; the doc then counts as not answered.
        info: What the endpoint said beside each response; empty for models that do not tell.
    """

    request_type: OutputType
    doc: dict[str, Any]
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

    def __post_init__(self) -> None:
        """Let ``metadata`` fill the fields it names."""
        task_name, doc_id, repeats = self.metadata
        self.task_name = task_name if self.task_name is None else self.task_name
        self.doc_id = doc_id if self.doc_id is None else self.doc_id
        self.repeats = (repeats if repeats is not None else 1) if self.repeats is None else self.repeats

    @property
    def args(self) -> tuple[Any, ...]:
        """The arguments, always as a tuple."""
        return self.arguments if isinstance(self.arguments, tuple) else (self.arguments,)
