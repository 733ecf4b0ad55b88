"""Refuse fields of a request, in the words of the services that do so."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from lm_eval.errors import ConfigError, Refused, did_you_mean
from lm_eval.mock_server.json_text import JsonObject

__all__ = ["WORDINGS", "check_refused", "parse_rules"]


def _openai(name: str, value: object) -> tuple[int, JsonObject]:
    if name == "temperature":
        message = (
            f"Unsupported value: 'temperature' does not support {json.dumps(value)} with this model. Only the default "
            "(1) value is supported."
        )
        code = "unsupported_value"
    else:
        other = " Use 'max_completion_tokens' instead." if name == "max_tokens" else ""
        message, code = (
            f"Unsupported parameter: '{name}' is not supported with this model.{other}",
            "unsupported_parameter",
        )
    return 400, {"error": {"message": message, "type": "invalid_request_error", "param": name, "code": code}}


def _responses(name: str, value: object) -> tuple[int, JsonObject]:
    message = f"Unknown parameter: '{name}'."
    error = {"message": message, "type": "invalid_request_error", "param": name, "code": "unknown_parameter"}
    return 400, {"error": error}


def _pydantic(name: str, value: object) -> tuple[int, JsonObject]:
    entry = {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted", "input": value}
    return 422, {"detail": [entry]}


def _problem(name: str, value: object) -> tuple[int, JsonObject]:
    detail = f"body -> {name}\n  Extra inputs are not permitted (type=extra_forbidden)"
    return 422, {"type": "about:blank", "title": "Unprocessable Entity", "status": 422, "detail": detail}


def _gateway(name: str, value: object) -> tuple[int, JsonObject]:
    message = f"UnsupportedParamsError: mock does not support parameters: ['{name}'], for model=mock."
    return 500, {"error": {"message": message, "type": None, "param": None, "code": "500"}}


def _google(name: str, value: object) -> tuple[int, JsonObject]:
    message = f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'
    return 400, {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}


def _flat(name: str, value: object) -> tuple[int, JsonObject]:
    return 400, {"code": "invalid-argument", "error": f"Argument not supported on this model: {name}"}


def _property(name: str, value: object) -> tuple[int, JsonObject]:
    return 400, {"error": {"message": f"property '{name}' is unsupported", "type": "invalid_request_error"}}


def _python(name: str, value: object) -> tuple[int, JsonObject]:
    message = f"create() got an unexpected keyword argument '{name}'"
    return 500, {"error": {"message": message, "type": "internal_server_error", "param": None, "code": None}}


WORDINGS: Mapping[str, Callable[[str, object], tuple[int, JsonObject]]] = {
    "openai": _openai,
    "responses": _responses,
    "pydantic": _pydantic,
    "problem": _problem,
    "gateway": _gateway,
    "google": _google,
    "flat": _flat,
    "property": _property,
    "python": _python,
}
"""Name of a wording → the function that builds status and body from the field and its value."""


def parse_rules(rules: Sequence[str]) -> dict[str, str]:
    """Read rules such as ``seed:pydantic``.

    Args:
        rules: Texts FIELD:WORDING.

    Returns:
        Field → wording.

    Raises:
        ConfigError: A rule names no wording, or one that does not exist.
    """
    found: dict[str, str] = {}
    for rule in rules:
        name, _, wording = rule.partition(":")
        if not name or wording not in WORDINGS:
            hint = did_you_mean(wording, WORDINGS) or f" There are: {', '.join(WORDINGS)}."
            raise ConfigError(f"refuses={rule!r} is no FIELD:WORDING.{hint}")
        found[name] = wording
    return found


def check_refused(rules: Mapping[str, str], fields: JsonObject) -> None:
    """Refuse a request that has a refused field.

    Args:
        rules: Field → wording.
        fields: The JSON body.

    Raises:
        Refused: A field is there. A temperature of 1, the default, is taken.
    """
    for name, wording in rules.items():
        value = fields.get(name)
        if value is None or (name == "temperature" and wording == "openai" and value == 1):
            continue
        status, body = WORDINGS[wording](name, value)
        raise Refused(status, body)
