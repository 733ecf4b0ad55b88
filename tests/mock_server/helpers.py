"""Ask a served model directly, or a server over HTTP."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import requests
from requests.structures import CaseInsensitiveDict

from lm_eval.errors import Refused
from lm_eval.mock_server.chat import chat
from lm_eval.mock_server.completions import complete
from lm_eval.mock_server.json_text import thaw
from lm_eval.mock_server.profiles import Profile, get_profile
from lm_eval.mock_server.served_model import ServedModel
from lm_eval.mock_server.settings import Answers, ServerSettings
from lm_eval.mock_server.truth import LanguageModel

JSON = dict[str, Any]


def served_model(
    profile: str | Profile = "default",
    *,
    max_model_len: int = 8192,
    answers: Answers | None = None,
    reasoning: str = "",
    **changes: Any,
) -> ServedModel:
    """A model under a profile, with changes of the profile's fields."""
    changed = replace(get_profile(profile), **changes)
    return ServedModel(ServerSettings(changed, max_model_len=max_model_len, answers=answers, reasoning=reasoning))


def complete_json(served: ServedModel | str, prompt: Any, **fields: Any) -> JSON:
    served = served_model(served) if isinstance(served, str) else served
    answer, _ = complete(served, {"model": "mock", "prompt": prompt, "temperature": 0, **fields})
    return thaw(answer)


def echo(served: ServedModel | str, prompt: Any, **fields: Any) -> JSON:
    """The first choice of a scoring request."""
    answer = complete_json(served, prompt, **{"echo": True, "logprobs": 1, "max_tokens": 1, **fields})
    found: JSON = answer["choices"][0]
    return found


def chat_json(served: ServedModel | str, text: Any = "Hello, how are you?", **fields: Any) -> JSON:
    served = served_model(served) if isinstance(served, str) else served
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


def truth(profile: str = "default", adds_bos: bool | None = None) -> LanguageModel:
    return LanguageModel(served_model(profile), adds_bos)


def post(
    url: str, body: Any, *, timeout: float = 10, key: str | None = None
) -> tuple[int, Any, CaseInsensitiveDict[str]]:
    """Status, parsed JSON (or text) and headers of an HTTP request."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    answer = requests.post(url, raw, headers=headers, timeout=timeout)
    return answer.status_code, _parsed(answer), answer.headers


def get(url: str) -> Any:
    """Parsed JSON (or text) of a request that succeeds."""
    answer = requests.get(url, timeout=10)
    answer.raise_for_status()
    return _parsed(answer)


def _parsed(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.content.decode()
