"""Log-probabilities in the formats that servers use, read into one shape.

Three formats are known:

- legacy completions: parallel lists ``tokens``, ``token_logprobs``, ``top_logprobs`` and ``text_offset``;
- chat: ``content``, a list with one entry per token; llama.cpp uses this format for completions too;
- vLLM's ``prompt_logprobs``: for each prompt token, a mapping from token ids to values.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ParamSpec, TypeVar, overload

from lm_eval.errors import LMEvalError, MalformedResponse
from lm_eval.models.http.choices import choices_in_order
from lm_eval.models.http.replies import unreadable
from lm_eval.models.work import Reply

__all__ = ["Block", "TopToken", "choices_of", "first_top_tokens", "read_block", "read_prompt_logprobs", "reading"]


_INTEGERS = {int}
_MAX_DIGITS = 15
"""The maximum number of digits of a token id that is written as text."""
_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def reading(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Let a function that reads an answer raise ``MalformedResponse`` where the answer has unexpected types.

    Args:
        function: Reads an answer.

    Returns:
        The function; its exceptions other than those of this package become ``MalformedResponse``.
    """

    @functools.wraps(function)
    def read(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            return function(*args, **kwargs)
        except LMEvalError:
            raise
        except Exception as error:
            raise unreadable(error) from error

    return read


class _Column(Sequence[float | None]):
    """A list of an answer, converted entry by entry on access.

    An echo lists every token of a long prompt, and only those of the continuation are read.
    """

    __slots__ = ("_convert", "_raw", "_unchanged")

    def __init__(
        self,
        raw: Sequence[object],
        convert: Callable[[object], float | None],
        unchanged: type[float] | None = None,
    ) -> None:
        """Wrap a list; entries of the type ``unchanged`` need no conversion."""
        self._raw, self._convert, self._unchanged = raw, convert, unchanged

    def __len__(self) -> int:
        return len(self._raw)

    @overload
    def __getitem__(self, place: int) -> float | None: ...
    @overload
    def __getitem__(self, place: slice) -> list[float | None]: ...
    def __getitem__(self, place: int | slice) -> float | list[float | None] | None:
        if type(place) is slice:
            convert, unchanged = self._convert, self._unchanged
            part: Sequence[Any] = self._raw[place]
            return [value if type(value) is unchanged else convert(value) for value in part]
        return self._convert(self._raw[place])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


@dataclass(slots=True)
class Block:
    """The tokens of one choice with their log-probabilities in nats.

    All sequences have one entry per token.

    Attributes:
        text: The text of the choice.
        tokens: The text of each token, as the server decodes it.
        logprobs: The log-probability of each token; None where the server gives none.
        tops: The highest log-probability listed at each place; None where none is listed.
        offsets: The first character of each token in the text, as the server counts; None where it lists no offsets.
        ids: Token ids; None where the server lists none.
        listed: What the server lists at each place, from the text of a token to its value; None in other formats.
    """

    text: str
    tokens: list[str]
    logprobs: Sequence[float | None]
    tops: Sequence[float | None]
    offsets: list[int] | None = None
    ids: list[int] | None = None
    listed: Sequence[object] | None = None


@dataclass(frozen=True, slots=True)
class TopToken:
    """One entry of ``top_logprobs``: a likely token at some place.

    Attributes:
        token: The text of the token.
        logprob: Its log-probability in nats.
        id: Its token id; None where the server lists none.
        ranked: Whether the server listed it as an alternative. A generated token that is not in the list is added,
            and says nothing about the tokens that are not listed.
    """

    token: str
    logprob: float
    id: int | None = None
    ranked: bool = field(default=True, compare=False)


def choices_of(reply: Reply, count: int = 1) -> Sequence[Mapping[str, Any]]:
    """Return the choices of a reply in the order of the prompts.

    Args:
        reply: The reply.
        count: The number of prompts that were sent. Default 1.

    Raises:
        MalformedResponse: Choices are missing, doubled or numbered wrongly.
    """
    try:
        return choices_in_order(reply.body, count)
    except MalformedResponse as error:
        error.endpoint = reply.endpoint
        raise


def _number(value: object) -> float | None:
    if not isinstance(value, float | int) or type(value) is bool:
        return None
    try:
        return float(value)
    except OverflowError:  # An integer of more than 308 digits.
        return math.inf if value > 0 else -math.inf


def _highest(entry: object) -> float | None:
    """Return the highest value of a ``top_logprobs`` entry.

    Values are compared and texts are not looked at, because different tokens may have the same text.
    """
    if isinstance(entry, dict):
        listed: Iterable[object] = entry.values()
    elif isinstance(entry, list):
        listed = entry
    else:
        return None
    best: float | None = None
    for item in listed:
        value = item.get("logprob") if isinstance(item, dict) else item
        if type(value) is int:
            value = _number(value)
        if type(value) is float and (best is None or value > best):
            best = value
    return best


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _first(value: object) -> Mapping[str, Any] | None:
    return value[0] if isinstance(value, list) and value and isinstance(value[0], Mapping) else None


def _text(value: object) -> str:
    return "" if value is None else str(value)


@reading
def read_block(choice: Mapping[str, Any], endpoint: str = "") -> Block:
    """Read the log-probabilities of a choice in the legacy or the chat format.

    Args:
        choice: A choice of an answer.
        endpoint: The URL that answered, for error messages.

    Returns:
        The block; its lists are empty when the choice has no log-probabilities.

    Raises:
        MalformedResponse: The lists differ in length or have wrong types.
    """
    text = choice.get("text")
    text = text if isinstance(text, str) else ""
    logprobs = choice.get("logprobs")
    if not isinstance(logprobs, dict):
        return Block(text, [], [], [])
    if isinstance(logprobs.get("content"), list):
        entries = _mappings(logprobs["content"])
        ids = [entry.get("id") for entry in entries]
        numbers = [value for value in ids if isinstance(value, int)]
        return Block(
            text,
            [_text(entry.get("token")) for entry in entries],
            [_number(entry.get("logprob")) for entry in entries],
            [_highest(entry.get("top_logprobs")) for entry in entries],
            ids=numbers if len(numbers) == len(ids) else None,
        )
    tokens, values = logprobs.get("tokens"), logprobs.get("token_logprobs")
    if not isinstance(tokens, list) or not isinstance(values, list) or len(tokens) != len(values):
        raise MalformedResponse("tokens and token_logprobs do not match", endpoint=endpoint, body=str(logprobs))
    listed, offsets = logprobs.get("top_logprobs"), logprobs.get("text_offset")
    tops = listed if isinstance(listed, list) and len(listed) == len(tokens) else [None] * len(tokens)
    usable = isinstance(offsets, list) and len(offsets) == len(tokens) and set(map(type, offsets)) <= _INTEGERS
    try:
        "".join(tokens)  # The fastest check that all tokens are texts.
    except TypeError:
        tokens = [str(token) for token in tokens]
    return Block(
        text,
        tokens,
        _Column(values, _number, float),
        _Column(tops, _highest),
        offsets=offsets if usable else None,
        listed=tops,
    )


@reading
def read_prompt_logprobs(choice: Mapping[str, Any], endpoint: str = "") -> Block:
    """Read vLLM's ``prompt_logprobs`` and ``prompt_token_ids`` of a choice.

    Args:
        choice: A choice of an answer.
        endpoint: The URL that answered, for error messages.

    Returns:
        A block with the tokens of the prompt only.

    Raises:
        MalformedResponse: One of the two lists is missing, or they differ in length.
    """
    entries, ids = choice.get("prompt_logprobs"), choice.get("prompt_token_ids")
    if not isinstance(entries, list) or not isinstance(ids, list) or len(entries) != len(ids):
        raise MalformedResponse("prompt_logprobs and prompt_token_ids are missing or do not match", endpoint=endpoint)
    tokens: list[str] = []
    values: list[float | None] = []
    for token_id, entry in zip(ids, entries, strict=True):
        sent = entry.get(str(token_id)) if isinstance(entry, Mapping) else None
        tokens.append(_text(sent.get("decoded_token")) if isinstance(sent, Mapping) else "")
        values.append(_number(sent.get("logprob")) if isinstance(sent, Mapping) else None)
    return Block("", tokens, values, [_highest(entry) for entry in entries], ids=list(ids))


@reading
def first_top_tokens(choice: Mapping[str, Any]) -> list[TopToken]:
    """Read the ``top_logprobs`` of the first generated token, in either format.

    Args:
        choice: A choice of an answer.

    Returns:
        The listed tokens, likeliest first; empty when none are listed.

    Raises:
        MalformedResponse: A listed token has no number, so that nothing is known of those that are not listed.
    """
    logprobs = choice.get("logprobs")
    if not isinstance(logprobs, Mapping):
        return []
    found: list[TopToken] = []
    generated, legacy = _first(logprobs.get("content")), _first(logprobs.get("top_logprobs"))
    if generated is not None:
        listed = generated.get("top_logprobs")
        entries = [] if listed is None else list(listed)
        # The generated token may be missing from the list. Compare ids and values and not texts: llama.cpp writes an
        # end-of-text token by its name in the list, and as an empty text outside it.
        included = any(
            item.get("id", generated) == generated.get("id") or item.get("logprob") == generated.get("logprob")
            for item in entries
        )
        found = [_top_token(_text(item.get("token")), item.get("logprob"), item.get("id")) for item in entries]
        if not included:
            token, value = _text(generated.get("token")), generated.get("logprob")
            found.append(replace(_top_token(token, value, generated.get("id")), ranked=False))
    elif legacy is not None:
        for token, value in legacy.items():
            number = token.removeprefix("token_id:")
            is_id = number != token and number.isdecimal() and len(number) <= _MAX_DIGITS
            found.append(_top_token(token, value, int(number) if is_id else None))
    return sorted(found, key=lambda top: -top.logprob)


def _top_token(token: str, logprob: object, token_id: object) -> TopToken:
    value = _number(logprob)
    if value is None:
        raise MalformedResponse(f"The listed token {token!r} has no log-probability", status=200)
    return TopToken(token, value, token_id if isinstance(token_id, int) else None)
