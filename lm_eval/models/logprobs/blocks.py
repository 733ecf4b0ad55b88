"""Log-probabilities as servers spell them, read into one shape.

Three spellings are known. The legacy one has parallel lists ``tokens``, ``token_logprobs``, ``top_logprobs`` and
``text_offset``. The chat one has ``content``, a list with an entry a token; llama.cpp uses it for completions too.
vLLM's ``prompt_logprobs`` has, for each prompt token, a mapping from token ids to values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

from lm_eval.errors import MalformedResponse
from lm_eval.models.http.replies import choices_in_order

__all__ = ["Block", "Top", "choices_of", "echoed_block", "generated_tops", "prompt_block"]


_WHOLE = {int}


class _Column(Sequence[float | None]):
    """A list out of an answer, whose entries are read when they are looked at.

    An echo lists every token of a long prompt, and only those of the continuation count.
    """

    __slots__ = ("_plain", "_raw", "_read")

    def __init__(
        self, raw: Sequence[Any], read: Callable[[Any], float | None], plain: type[float] | None = None
    ) -> None:
        self._raw, self._read, self._plain = raw, read, plain

    def __len__(self) -> int:
        return len(self._raw)

    @overload
    def __getitem__(self, place: int) -> float | None: ...
    @overload
    def __getitem__(self, place: slice) -> list[float | None]: ...
    def __getitem__(self, place: int | slice) -> float | list[float | None] | None:
        if type(place) is slice:
            read, plain = self._read, self._plain
            return [value if type(value) is plain else read(value) for value in self._raw[place]]
        return self._read(self._raw[place])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


@dataclass(slots=True)
class Block:
    """Tokens of one choice with their log-probabilities, in nats.

    All sequences are of equal length: an entry a token.

    Attributes:
        text: The choice's text.
        tokens: Each token's text, as the server decodes it.
        logprobs: Each token's log-probability; None where the server gives none.
        tops: The highest log-probability listed at each place; None where none is listed.
        offsets: Where each token starts, in characters, by the server's count.
        ids: Token ids.
    """

    text: str
    tokens: list[str]
    logprobs: Sequence[float | None]
    tops: Sequence[float | None]
    offsets: list[int] | None = None
    ids: list[int] | None = None


@dataclass(frozen=True, slots=True)
class Top:
    """One of the likeliest tokens at a place.

    Attributes:
        token: Its text.
        logprob: Its log-probability, in nats.
        id: Its id, where the server tells.
    """

    token: str
    logprob: float
    id: int | None = None


def choices_of(body: Any, count: int, endpoint: str = "") -> Sequence[Mapping[str, Any]]:
    """Take the choices out of an answer, in the order of the prompts.

    Args:
        body: The parsed JSON.
        count: How many prompts were sent.
        endpoint: Who answered, for messages.

    Returns:
        As many choices as prompts.

    Raises:
        MalformedResponse: Choices are missing, doubled or wrongly numbered.
    """
    try:
        return choices_in_order(body, count)
    except MalformedResponse as error:
        error.endpoint = endpoint
        raise


def _number(value: Any) -> float | None:
    return float(value) if type(value) is float or type(value) is int else None


def _highest(entry: Any) -> float | None:
    """Find the highest value of a ``top_logprobs`` entry; by values, as texts of different tokens may be equal."""
    if isinstance(entry, dict):
        listed: Iterable[Any] = entry.values()
    elif isinstance(entry, list):
        listed = entry
    else:
        return None
    best: float | None = None
    for item in listed:
        value = item.get("logprob") if type(item) is dict else item
        if (type(value) is float or type(value) is int) and (best is None or value > best):
            best = float(value)
    return best


def echoed_block(choice: Mapping[str, Any], endpoint: str = "") -> Block:
    """Read a choice's log-probabilities in the legacy or the chat spelling.

    Args:
        choice: One of an answer's choices.
        endpoint: Who answered, for messages.

    Returns:
        The block; empty lists when the choice has no log-probabilities.

    Raises:
        MalformedResponse: The lists are of different lengths or types.
    """
    text = choice.get("text")
    text = text if isinstance(text, str) else ""
    logprobs = choice.get("logprobs")
    if not isinstance(logprobs, dict):
        return Block(text, [], [], [])
    content = logprobs.get("content")
    if isinstance(content, list):
        entries = [entry for entry in content if isinstance(entry, Mapping)]
        ids = [entry.get("id") for entry in entries]
        return Block(
            text,
            [str(entry.get("token") or "") for entry in entries],
            [_number(entry.get("logprob")) for entry in entries],
            [_highest(entry.get("top_logprobs")) for entry in entries],
            ids=[value for value in ids if isinstance(value, int)] if all(isinstance(i, int) for i in ids) else None,
        )
    tokens, values = logprobs.get("tokens"), logprobs.get("token_logprobs")
    if not isinstance(tokens, list) or not isinstance(values, list) or len(tokens) != len(values):
        raise MalformedResponse("tokens and token_logprobs do not match", endpoint=endpoint, body=str(logprobs))
    listed, offsets = logprobs.get("top_logprobs"), logprobs.get("text_offset")
    tops = listed if isinstance(listed, list) and len(listed) == len(tokens) else [None] * len(tokens)
    usable = isinstance(offsets, list) and len(offsets) == len(tokens) and set(map(type, offsets)) <= _WHOLE
    try:
        "".join(tokens)  # the quickest way to tell that all are texts
    except TypeError:
        tokens = [str(token) for token in tokens]
    return Block(
        text,
        tokens,
        _Column(values, _number, float),
        _Column(tops, _highest),
        offsets=offsets if usable else None,
    )


def prompt_block(choice: Mapping[str, Any], endpoint: str = "") -> Block:
    """Read vLLM's ``prompt_logprobs`` and ``prompt_token_ids`` of a choice.

    Args:
        choice: One of an answer's choices.
        endpoint: Who answered, for messages.

    Returns:
        A block over the prompt's tokens only.

    Raises:
        MalformedResponse: They are missing, or do not match.
    """
    entries, ids = choice.get("prompt_logprobs"), choice.get("prompt_token_ids")
    if not isinstance(entries, list) or not isinstance(ids, list) or len(entries) != len(ids):
        raise MalformedResponse("prompt_logprobs and prompt_token_ids are missing or do not match", endpoint=endpoint)
    tokens: list[str] = []
    values: list[float | None] = []
    for token_id, entry in zip(ids, entries, strict=True):
        own = entry.get(str(token_id)) if isinstance(entry, Mapping) else None
        tokens.append(str(own.get("decoded_token") or "") if isinstance(own, Mapping) else "")
        values.append(_number(own.get("logprob")) if isinstance(own, Mapping) else None)
    return Block("", tokens, values, [_highest(entry) for entry in entries], ids=list(ids))


def generated_tops(choice: Mapping[str, Any]) -> list[Top]:
    """Read the likeliest first generated tokens of a choice, in any spelling.

    Args:
        choice: One of an answer's choices.

    Returns:
        The listed tokens, likeliest first; empty when none are listed.
    """
    logprobs = choice.get("logprobs")
    if not isinstance(logprobs, Mapping):
        return []
    found: list[Top] = []
    content, legacy = logprobs.get("content"), logprobs.get("top_logprobs")
    if isinstance(content, list) and content and isinstance(content[0], Mapping):
        own, listed = content[0], content[0].get("top_logprobs") or []
        # The token itself may be missing among the alternatives. Where it is there, its text may differ: llama.cpp
        # writes an end-of-text token by name among them, and as an empty text by itself.
        there = any(
            item.get("id", own) == own.get("id") or item.get("logprob") == own.get("logprob") for item in listed
        )
        for item in listed if there else [*listed, own]:
            value = _number(item.get("logprob"))
            if value is not None:
                found.append(Top(str(item.get("token") or ""), value, item.get("id")))
    elif isinstance(legacy, list) and legacy and isinstance(legacy[0], Mapping):
        for token, raw in legacy[0].items():
            value = _number(raw)
            if value is not None:
                number = token.removeprefix("token_id:")
                found.append(Top(token, value, int(number) if number != token and number.isdigit() else None))
    return sorted(found, key=lambda top: -top.logprob)
