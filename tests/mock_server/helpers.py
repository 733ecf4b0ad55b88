"""Ask the engine without HTTP, or a server with it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import replace
from typing import Any

from lm_eval.mock_server.chat import chat
from lm_eval.mock_server.completions import complete
from lm_eval.mock_server.engine import Answers, Engine
from lm_eval.mock_server.json_text import thaw
from lm_eval.mock_server.problems import Refused
from lm_eval.mock_server.profiles import Profile, get_profile
from lm_eval.mock_server.truth import LanguageModel

JSON = dict[str, Any]


def engine(
    profile: str | Profile = "default",
    *,
    max_model_len: int = 8192,
    answers: Answers | None = None,
    reasoning: str = "",
    **changes: Any,
) -> Engine:
    return Engine(
        replace(get_profile(profile), **changes), max_model_len=max_model_len, answers=answers, reasoning=reasoning
    )


def complete_json(served: Engine | str, prompt: Any, **fields: Any) -> JSON:
    served = engine(served) if isinstance(served, str) else served
    answer, _ = complete(served, {"model": "mock", "prompt": prompt, "temperature": 0, **fields})
    return thaw(answer)


def echo(served: Engine | str, prompt: Any, **fields: Any) -> JSON:
    """The first choice of a scoring request."""
    answer = complete_json(served, prompt, **{"echo": True, "logprobs": 1, "max_tokens": 1, **fields})
    found: JSON = answer["choices"][0]
    return found


def chat_json(served: Engine | str, text: Any = "Hello, how are you?", **fields: Any) -> JSON:
    served = engine(served) if isinstance(served, str) else served
    messages = text if isinstance(text, list) else [{"role": "user", "content": text}]
    answer, _ = chat(served, {"model": "mock", "messages": messages, "temperature": 0, "max_tokens": 8, **fields})
    return thaw(answer)


def refused(call: Any, *arguments: Any, **fields: Any) -> tuple[int, Any]:
    """Status and body of a refusal; fails when the call is answered."""
    try:
        found = call(*arguments, **fields)
    except Refused as refusal:
        return refusal.status, refusal.body
    raise AssertionError(f"answered: {found}")


def truth(profile: str = "default") -> LanguageModel:
    return LanguageModel(engine(profile))


def post(url: str, body: Any, *, timeout: float = 10, key: str | None = None) -> tuple[int, Any, dict[str, str]]:
    """Status, parsed JSON (or text) and headers of an HTTP request."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, raw, {"Content-Type": "application/json"})
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, _parsed(answer.read()), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _parsed(error.read()), dict(error.headers)


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return _parsed(answer.read())


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode()
