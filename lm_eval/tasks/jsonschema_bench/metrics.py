"""JSONSchemaBench: whether an answer is JSON, and whether it conforms to its schema."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import cache

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema_specifications import REGISTRY

from lm_eval.api.time_limit import limited, limiting
from lm_eval.errors import ScoringTimeout

__all__ = ["json_validity", "schema_compliance"]

_NEVER = ("ipv4", "ipv6", "uuid")
"""Formats that the reference harness accepts for no value: its checks return nothing, which counts as a failure."""


def _seconds() -> float:
    return float(os.environ.get("JSONSCHEMA_BENCH_TIMEOUT_S", "40"))


def json_validity(references: Sequence[str], predictions: Sequence[str]) -> bool:
    """Whether an answer is JSON, after a code fence is taken off.

    Args:
        references: The schema.
        predictions: The answer.
    """
    return _is_json(_unfenced(predictions[0]).strip())


def schema_compliance(references: Sequence[str], predictions: Sequence[str]) -> bool:
    """Whether an answer is JSON that conforms to its schema.

    Args:
        references: The schema.
        predictions: The answer.

    Returns:
        False also for an invalid schema, and for one that takes more than 40 seconds of CPU time or the number in
        ``JSONSCHEMA_BENCH_TIMEOUT_S``.
    """
    schema, text = json.loads(references[0].strip()), _unfenced(predictions[0])
    if not _is_json(text):
        return False
    try:
        with limiting(_seconds()):
            return limited(1, _conforms, json.loads(text), schema)
    except (ScoringTimeout, Exception):
        # Schemas of the wild refer to what is not there, and recurse without end.
        return False


def _unfenced(answer: str) -> str:
    return answer.strip().strip("```").strip("json")  # noqa: B005


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except json.JSONDecodeError:
        return False
    return True


def _conforms(value: object, schema: object) -> bool:
    Draft202012Validator.check_schema(schema)
    # The registry holds the specifications only: what a schema refers to elsewhere is not downloaded.
    Draft202012Validator(schema, registry=REGISTRY, format_checker=_formats()).validate(value)
    return True


@cache
def _formats() -> FormatChecker:
    checker = FormatChecker()
    for name in _NEVER:
        checker.checks(name)(lambda value: False)
    return checker
