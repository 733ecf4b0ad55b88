"""Answers with status 200 that break the rules of the API."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

__all__ = ["BREAKERS", "HTML_PAGE"]

HTML_PAGE = "<!DOCTYPE html><html><head><title>Gateway</title></head><body><h1>Please wait</h1></body></html>"

_Answer = dict[str, Any]


def _set_text(choice: _Answer, text: str | None) -> None:
    if "message" in choice:
        choice["message"]["content"] = text
    else:
        choice["text"] = text


def _text(choice: _Answer) -> str:
    text = choice["message"]["content"] if "message" in choice else choice["text"]
    return text or ""


def _each_choice(change: Callable[[_Answer], None]) -> Callable[[_Answer], _Answer]:
    def breaker(answer: _Answer) -> _Answer:
        for choice in answer["choices"]:
            change(choice)
        return answer

    return breaker


def _null_logprobs(choice: _Answer) -> None:
    choice["logprobs"] = None


def _last_logprob(value: float) -> Callable[[_Answer], None]:
    def change(choice: _Answer) -> None:
        logprobs = choice.get("logprobs")
        if logprobs is None:
            return
        values = logprobs.get("token_logprobs")
        if values:
            # Change the last two: with an echo the last token may be a generated one, which a client does not score.
            values[-2:] = [value] * len(values[-2:])
        if logprobs.get("content"):
            logprobs["content"][-1]["logprob"] = value

    return change


def _cut(choice: _Answer) -> None:
    text = _text(choice)
    _set_text(choice, text[: len(text) // 2])
    choice["finish_reason"] = "length"


def _filtered(choice: _Answer) -> None:
    _set_text(choice, None if "message" in choice else "")
    choice["finish_reason"] = "content_filter"


def _refused(choice: _Answer) -> None:
    _set_text(choice, None if "message" in choice else "")
    if "message" in choice:
        choice["message"]["refusal"] = "I cannot help with that."


def _duplicate(answer: _Answer) -> _Answer:
    answer["choices"].append(copy.deepcopy(answer["choices"][0]))
    return answer


def _missing(answer: _Answer) -> _Answer:
    del answer["choices"][-1]
    return answer


def _wrong_index(answer: _Answer) -> _Answer:
    for choice in answer["choices"]:
        choice["index"] += 1000
    return answer


def _reversed(answer: _Answer) -> _Answer:
    answer["choices"].reverse()
    return answer


def _error_body(answer: _Answer) -> _Answer:
    error = {"message": "upstream failed", "type": "server_error", "param": None, "code": 502}
    return {"error": error, "model": answer["model"]}


def _beside(answer: _Answer) -> _Answer:
    return answer | _error_body(answer)


def _choice_error(choice: _Answer) -> None:
    _set_text(choice, "")
    choice["error"] = {"message": "upstream failed", "code": 502}


def _ended_by(name: str, reason: str) -> Callable[[_Answer], None]:
    def change(choice: _Answer) -> None:
        text = _text(choice)
        _set_text(choice, text[: len(text) // 2])
        choice[name] = reason

    return change


def _as_value(wrap: Callable[[str], object]) -> Callable[[_Answer], None]:
    def change(choice: _Answer) -> None:
        value = wrap(_text(choice))
        if "message" in choice:
            choice["message"]["content"] = value
        else:
            choice["text"] = value

    return change


def _without_choices(choices: list[_Answer] | None) -> Callable[[_Answer], _Answer]:
    def breaker(answer: _Answer) -> _Answer:
        answer["choices"] = choices
        if isinstance(answer.get("usage"), dict):
            answer["usage"]["completion_tokens"] = 0
        return answer

    return breaker


def _indexes(number: Callable[[int], int | None]) -> Callable[[_Answer], _Answer]:
    def breaker(answer: _Answer) -> _Answer:
        for choice in answer["choices"]:
            choice["index"] = number(choice["index"])
        return answer

    return breaker


def _unknown_finish(choice: _Answer) -> None:
    choice["finish_reason"] = "tuesday"


BREAKERS: dict[str, Callable[[_Answer], _Answer]] = {
    "null-content": _each_choice(lambda choice: _set_text(choice, None)),
    "null-logprobs": _each_choice(_null_logprobs),
    "nan-logprobs": _each_choice(_last_logprob(float("nan"))),
    "positive-logprobs": _each_choice(_last_logprob(0.5)),
    "duplicate-choice": _duplicate,
    "missing-choice": _missing,
    "wrong-index": _wrong_index,
    "reversed-choices": _reversed,
    "empty": _each_choice(lambda choice: _set_text(choice, "")),
    "length-cut": _each_choice(_cut),
    "content-filter": _each_choice(_filtered),
    "refusal": _each_choice(_refused),
    "error-body": _error_body,
    "stream-error": _error_body,
    "error-and-choices": _beside,
    "choice-error": _each_choice(_choice_error),
    "finish-error": _each_choice(_ended_by("finish_reason", "error")),
    "finish-abort": _each_choice(_ended_by("finish_reason", "abort")),
    "native-error": _each_choice(_ended_by("native_finish_reason", "network_error")),
    "unknown-finish": _each_choice(_unknown_finish),
    "list-content": _each_choice(_as_value(lambda text: [text])),
    "object-content": _each_choice(_as_value(lambda text: {"answer": text})),
    "no-choices": _without_choices([]),
    "null-choices": _without_choices(None),
    "null-index": _indexes(lambda index: None),
    "from-one": _indexes(lambda index: index + 1),
}
"""Fault kind → the function that spoils a good answer."""
