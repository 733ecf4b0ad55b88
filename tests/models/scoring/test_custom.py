"""A third party's model class that overrides ``parse_logprobs``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from lm_eval.api.instance import Instance
from lm_eval.api.model import RunContext
from lm_eval.api.registry import get_model, register_model
from lm_eval.models.api_models import TemplateAPI
from tests.models.scripted import ScriptedServer

SCORED = frozenset({"multiple_choice", "loglikelihood_rolling"})


@register_model("one-nat-a-letter")
class OneNatALetter(TemplateAPI):
    """Asks ``/score`` for the value of each character and sums those of the continuation."""

    path = "/score"

    def _create_payload(
        self,
        messages: Any,
        *,
        generate: bool = True,
        gen_kwargs: dict[str, Any] | None = None,
        seed: int | None = 1234,
        eos: str | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        return {"texts": messages if isinstance(messages, list) else [messages], "generate": generate, "seed": seed}

    @staticmethod
    def parse_logprobs(
        outputs: Any, tokens: Any = None, ctxlens: Any = None, **kwargs: Any
    ) -> list[tuple[float, bool]]:
        contexts = kwargs["contexts"]
        return [(sum(row[len(context) :]), True) for row, context in zip(outputs["values"], contexts, strict=True)]


@register_model("by-code-points")
class ByCodePoints(OneNatALetter):
    """The same with tokens of two characters each, from the left."""

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **kwargs: Any) -> list[int]:
        return [hash(string[at : at + 2]) for at in range(0, len(string), 2)]

    @staticmethod
    def parse_logprobs(
        outputs: Any, tokens: Any = None, ctxlens: Any = None, **kwargs: Any
    ) -> list[tuple[float, bool]]:
        rows = zip(outputs["values"], tokens, ctxlens, strict=True)
        assert all(len(ids) == -(-len(row) // 2) for row, ids, _ in rows)
        return [(sum(row[2 * first :]), True) for row, first in zip(outputs["values"], ctxlens, strict=True)]


def values(request: web.Request, body: Any) -> web.Response:
    if "texts" not in (body or {}):
        return web.Response(status=404)
    return web.json_response({"values": [[-1.0] * len(text) for text in body["texts"]]})


def pair(context: str, continuation: str, doc: int = 0) -> Instance:
    return Instance("loglikelihood", {}, (context, continuation), 0, ("t", doc, 1))


def respond(
    instances: list[Instance],
    handler: Callable[[web.Request, Any], web.Response] = values,
    name: str = "one-nat-a-letter",
    context: RunContext | None = None,
    **arguments: Any,
) -> list[Any]:
    """Answer the Instances; return the bodies the server saw."""
    with ScriptedServer(handler) as server:
        lm = get_model(name).create_from_arg_obj({"model": "m", "base_url": server.url, **arguments})
        lm.harness_prepare(context or RunContext(request_types=SCORED))
        assert lm.harness_refuses("multiple_choice") is None
        lm.harness_respond(instances)
        assert {path for path, _, body in server.seen if body is not None} <= {
            "/v1/score",
            "/tokenize",
            "/extras/tokenize",
        }
        return [body for path, _, body in server.seen if path == "/v1/score"]


def test_its_payload_is_sent_and_its_parser_is_used() -> None:
    instances = [pair("The capital is ", "Paris"), pair("The capital is ", "Rome")]
    bodies = respond(instances)
    assert bodies[0]["texts"] == ["Hello"]
    assert bodies[1:] == [
        {"texts": [text], "generate": False, "seed": 1234} for text in ("The capital is Paris", "The capital is Rome")
    ]
    assert [instance.resps for instance in instances] == [[(-6.0, True)], [(-5.0, True)]]


def test_white_space_at_the_seam_belongs_to_the_continuation() -> None:
    instances = [pair("abc \n", "d")]
    respond(instances)
    assert instances[0].resps == [(-3.0, True)]


def test_several_prompts_are_sent_in_one_request() -> None:
    instances = [pair("x", "y" * (1 + doc), doc) for doc in range(5)]
    bodies = respond(instances, batch_size=4)
    assert [len(body["texts"]) for body in bodies[1:]] == [4, 1]
    assert [instance.resps[0][0] for instance in instances] == [-1.0, -2.0, -3.0, -4.0, -5.0]


def test_a_token_over_the_seam_belongs_to_the_continuation() -> None:
    instances = [pair("abc", "def"), pair("abcd", "ef")]
    respond(instances, name="by-code-points")
    assert [instance.resps[0][0] for instance in instances] == [-4.0, -2.0]


def test_rolling_texts_are_continuations_of_an_empty_context() -> None:
    instances = [Instance("loglikelihood_rolling", {}, ("abcdef",), 0, ("t", 0, 1))]
    respond(instances)
    assert instances[0].resps == [-6.0]


def test_a_prompt_that_does_not_fit_is_an_error() -> None:
    instances = [pair("a" * 40, "b"), pair("ab", "cd")]
    respond(instances, name="by-code-points", max_length=10)
    assert instances[0].error is not None
    assert instances[0].error.kind == "context_length"
    assert instances[1].resps == [(-2.0, True)]


@pytest.mark.parametrize("value", [0.5, float("nan"), None, "x"])
def test_an_impossible_log_likelihood_is_an_error(value: Any) -> None:
    def handler(request: web.Request, body: Any) -> web.Response:
        if "texts" not in (body or {}):
            return web.Response(status=404)
        found = [[value if "bad" in text else -1.0] * len(text) for text in body["texts"]]
        return web.Response(text=json.dumps({"values": found}), content_type="application/json")

    instances = [pair("a", "bad"), pair("a", "fine")]
    respond(instances, handler, batch_size=2, max_retries=1)
    assert instances[0].error is not None
    assert instances[0].error.kind in ("check_failed", "malformed")
    assert instances[1].resps == [(-4.0, True)]


def test_an_unreadable_answer_is_not_stored(tmp_path: Path) -> None:
    context = RunContext(request_types=SCORED, journal=tmp_path / "j")
    instances = [pair("a", "b"), pair("a", "cc")]

    def nothing(request: web.Request, body: Any) -> web.Response:
        return web.json_response({"values": "nothing"}) if "texts" in (body or {}) else web.Response(status=404)

    respond(instances, nothing, context=context, max_retries=0)
    assert [instance.error and instance.error.kind for instance in instances] == ["malformed", "malformed"]
    respond(instances, context=context)
    assert [instance.resps for instance in instances] == [[(-1.0, True)], [(-2.0, True)]]


VALUES: tuple[Any, ...] = (None, "x", 10**400, float("nan"), float("inf"), [[]], 1e308)


@pytest.mark.parametrize("row", [None, 5, {"a": 1}, *([-1.0, -1.0, -1.0, value] for value in VALUES)])
def test_an_answer_of_unexpected_types_is_an_error_of_its_request(row: Any) -> None:
    def odd(request: web.Request, body: Any) -> web.Response:
        rows = [row if "bad" in text else [-1.0] * len(text) for text in (body or {}).get("texts", ())]
        return web.json_response({"values": rows}) if rows else web.Response(status=404)

    instances = [pair("bad", "b"), pair("a", "cc")]
    respond(instances, odd, max_retries=0)
    assert instances[0].error is not None
    assert instances[0].error.kind in ("malformed", "check_failed")
    assert instances[1].resps == [(-2.0, True)]


def test_token_ids_that_a_parser_misses_are_named() -> None:
    instances = [pair("ab", "cd")]
    respond(instances, name="by-positions", max_retries=0)
    assert instances[0].error is not None
    assert instances[0].error.message.endswith("as the server has no /tokenize: override tok_encode")


@register_model("by-positions")
class ByPositions(OneNatALetter):
    """Needs the number of tokens of the context."""

    @staticmethod
    def parse_logprobs(
        outputs: Any, tokens: Any = None, ctxlens: Any = None, **kwargs: Any
    ) -> list[tuple[float, bool]]:
        return [(sum(row[first:]), True) for row, first in zip(outputs["values"], ctxlens, strict=True)]
