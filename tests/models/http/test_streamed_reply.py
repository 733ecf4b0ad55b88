"""A streamed reply becomes the JSON of a whole one."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lm_eval.mock_server.chat import chat
from lm_eval.mock_server.completions import complete
from lm_eval.mock_server.json_text import thaw
from lm_eval.mock_server.profiles import PROFILES
from lm_eval.mock_server.responses import answer_response, as_response
from lm_eval.mock_server.streaming import events_of
from lm_eval.models.http.assembly import BadStream, CutStream
from lm_eval.models.http.choices import text_of
from lm_eval.models.http.streamed_reply import StreamedReply, is_stream
from lm_eval.models.http.timing import Arrivals
from lm_eval.models.http.transport import decode, encode
from tests.mock_server.helpers import served_model
from tests.models.http.test_event_stream import cut

USAGE = {"stream_options": {"include_usage": True}}
PROMPT = {"prompt": ["The naïve 日本", "One two"], "n": 2, "logprobs": 2, "max_tokens": 9, "temperature": 1}
CHAT = {"messages": [{"role": "user", "content": "naïve 日本語 🙂?"}], "max_tokens": 40, "temperature": 1}
TOOLS = {
    "tools": [
        {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
        for name in ("f", "g")
    ]
}
CALLS = '<tool_call>{"name": "f", "arguments": {"text": "日本 🙂"}}</tool_call><tool_call>{"name": "g"}</tool_call>'


def read(pieces: Sequence[bytes], arrivals: Arrivals | None = None) -> dict[str, Any]:
    reply = StreamedReply(decode, arrivals or Arrivals())
    for piece in pieces:
        reply.feed(piece)
    return reply.body()


def events(*values: object, done: bool = True) -> list[bytes]:
    raw = [b"data: " + json.dumps(value).encode() + b"\n\n" for value in values]
    return raw + [b"data: [DONE]\n\n"] * done


def piece(delta: object, finish: str | None = None, index: int | None = 0, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish, **more}]}


def message(*values: object) -> dict[str, Any]:
    found: dict[str, Any] = read(events(*values))["choices"][0]["message"]
    return found


def whole_answers(profile: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Requests of every API with their whole answers."""
    served = served_model(profile, answers={"🙂": "Ja, 日本語 🙂!"}, reasoning="Hm — 🙂")
    caller = served_model(profile, answers={"🙂": CALLS})
    asked = [(PROMPT if profile != "transformers" else {**PROMPT, "prompt": "One two"}, served, complete)]
    if PROFILES[profile].prompt_lists == "single":
        asked = [({**PROMPT, "prompt": "One two"}, served, complete)]
    asked += [(CHAT, served, chat), ({**CHAT, **TOOLS}, caller, chat)]
    found = [({**fields, **USAGE}, thaw(answer(model, fields)[0])) for fields, model, answer in asked]
    if PROFILES[profile].responses:
        fields = {"input": CHAT["messages"], "max_output_tokens": 40}
        found.append((fields, as_response(served, fields, thaw(answer_response(served, fields)[0]))))
    return found


def meaning(body: dict[str, Any]) -> dict[str, Any]:
    """What is read of a reply: everything but empty fields of a message, and prompts with their log-probabilities."""
    body = copy.deepcopy(body)
    for choice in body.get("choices", ()):
        for holder in (choice, choice.get("message", {})):
            for name in [name for name, value in holder.items() if value in (None, [])]:
                del holder[name]
    return {name: value for name, value in body.items() if name != "prompt_logprobs"}


@pytest.mark.parametrize("profile", PROFILES)
def test_a_stream_becomes_the_whole_answer(profile: str) -> None:
    for fields, answer in whole_answers(profile):
        assert meaning(read(events_of(PROFILES[profile], fields, answer))) == meaning(answer)


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_bytes_in_any_pieces_become_the_same_answer(data: st.DataObject) -> None:
    fields, answer = data.draw(st.sampled_from(ANSWERS))
    raw = b": keep-alive\r\n\r\n".join(events_of(PROFILES["default"], fields, answer))
    places = data.draw(st.lists(st.integers(0, len(raw)), max_size=40))
    assert meaning(read(cut(raw, places))) == meaning(answer)


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_a_stream_that_is_cut_anywhere_is_complete_or_an_error(data: st.DataObject) -> None:
    fields, answer = data.draw(st.sampled_from(ANSWERS))
    raw = b"".join(events_of(PROFILES["default"], fields, answer))
    end = data.draw(st.integers(0, len(raw) - 1))
    try:
        found = read([raw[:end]])
    except (CutStream, BadStream):
        return
    # Only the token counts, which come last, may be lost.
    assert meaning({**found, "usage": None}) == meaning({**answer, "usage": None})


ANSWERS = whole_answers("default")


def test_without_token_counts_there_is_no_usage() -> None:
    fields, answer = ANSWERS[1]
    assert "usage" not in read(events_of(PROFILES["default"], {**fields, "stream_options": None}, answer))


def test_halves_of_a_character_in_two_events_are_joined() -> None:
    assert message(piece({"content": "\ud83d"}), piece({"content": "\ude42"}, "stop"))["content"] == "🙂"
    lone = message(piece({"content": "a\ud83d"}), piece({"content": "b"}, "stop"))["content"]
    assert decode(encode({"a": lone})) == {"a": "a\ud83db"}


def test_calls_in_the_forms_of_several_servers() -> None:
    def function(**fields: str) -> dict[str, Any]:
        return {"function": fields}

    whole = [{"id": "1", "function": {"name": "f", "arguments": '{"a": 1}'}}]
    repeated = [
        {"index": 0, "id": "1", **function(name="f", arguments="")},
        {"index": 0, "id": "1", **function(name="f", arguments='{"a"')},
        {"index": 0, "id": "", **function(arguments=": 1}")},
    ]
    without_index = [{"id": "1", **function(name="f", arguments='{"a": 1}')}]
    for calls in (repeated, without_index):
        found = message(*(piece({"tool_calls": [call]}) for call in calls), piece({}, "tool_calls"))
        assert found == {"tool_calls": whole, "content": None}
    two = message(piece({"tool_calls": [{"id": "1", **function(name="f")}, {"id": "2", **function(name="g")}]}, "stop"))
    assert [call["id"] for call in two["tool_calls"]] == ["1", "2"]
    former = message(
        piece({"function_call": {"name": "f", "arguments": "{"}}), piece({"function_call": {"arguments": "}"}}, "stop")
    )
    assert former["function_call"] == {"name": "f", "arguments": "{}"}


def test_texts_in_parts_keep_their_order() -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}
    found = message(piece({"content": [thought]}), piece({"content": "4"}), piece({"content": "2"}, "stop"))
    assert found["content"][0] == thought
    assert text_of({"message": found}) == "42"
    assert text_of({"message": message(piece({"content": "4"}), piece({"content": [{"text": "2"}]}, "stop"))}) == "42"


@pytest.mark.parametrize(
    ("deltas", "content"),
    [
        ([{"role": "assistant", "content": ""}, {}], ""),
        ([{"role": "assistant", "content": ""}, {"reasoning": "Hm"}], None),
        ([{"role": "assistant", "content": None}, {}], None),
        ([{"role": "assistant"}, {"content": "a"}, {"content": None}], "a"),
    ],
)
def test_a_message_without_text(deltas: list[dict[str, Any]], content: str | None) -> None:
    assert message(*map(piece, deltas), piece({}, "stop"))["content"] == content


@pytest.mark.parametrize(
    "last",
    [
        b'data: {"error": {"message": "died", "code": 500}}\n\ndata: [DONE]\n\n',
        b'event: error\ndata: {"message": "died", "code": 500}\n\n',
        b'error: {"message": "died", "code": 500}\n\n',
        b'data: {"type": "error", "message": "died", "code": 500}\n\n',
    ],
)
def test_an_error_in_the_middle_replaces_the_answer(last: bytes) -> None:
    body = read([*events(piece({"content": "4"}), done=False), last])
    assert list(body) == ["error"]
    assert (body["error"]["message"], body["error"]["code"]) == ("died", 500)


def test_an_empty_error_is_none() -> None:
    assert message({**piece({"content": "4"}, "stop"), "error": {"message": "", "code": None}})["content"] == "4"


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        events(),
        events(piece({"content": "4"}), done=False),
        events(piece({"content": "4"})),
        events({"choices": [], "usage": None}, done=False),
        events(piece({"content": "4"}, "stop"), piece({"content": "5"}, index=1), done=False),
        events(piece({"content": "4"}, "stop"), piece({"content": "2"}, "stop"), done=False),
        events({"type": "response.created", "response": {}}, {"type": "response.output_text.delta", "delta": "4"}),
    ],
)
def test_a_stream_without_an_end_is_cut(pieces: list[bytes]) -> None:
    with pytest.raises(CutStream):
        read(pieces)


@pytest.mark.parametrize(
    "pieces",
    [
        [b"data: {\n\n"],
        events(5),
        events({"choices": "x"}),
        events({"choices": [5]}),
        events(piece("x")),
        events(piece({"tool_calls": [5]})),
        events(piece({"content": "4"}, "stop"), piece({"content": "4"})),
    ],
)
def test_events_that_no_server_should_send(pieces: list[bytes]) -> None:
    with pytest.raises(BadStream):
        read(pieces)


def test_a_finish_reason_with_every_piece_needs_an_end() -> None:
    assert message(piece({"content": "4"}, "stop"), piece({"content": "2"}, "stop"))["content"] == "42"


def test_an_empty_list_of_choices_stays_one() -> None:
    body = read(events({"choices": [], "usage": {"completion_tokens": 0}}))
    assert body["choices"] == []


def test_choices_are_in_the_order_of_their_indexes() -> None:
    body = read(events(piece({"content": "b"}, "stop", index=1), piece({"content": "a"}, "stop", index=0)))
    assert [choice["index"] for choice in body["choices"]] == [0, 1]


def test_a_response_without_output_gets_the_items_that_came() -> None:
    item = {"type": "message", "content": [{"type": "output_text", "text": "42"}]}
    body = read(
        events(
            {"type": "response.output_item.done", "item": item},
            {"type": "response.completed", "response": {"status": "completed", "output": []}},
        )
    )
    assert body["output"] == [item]


def test_only_pieces_of_the_answer_count_as_arrivals() -> None:
    arrivals = Arrivals()
    read(events(piece({"role": "assistant", "content": ""}), piece({}, "stop"), {"choices": [], "usage": {}}), arrivals)
    assert arrivals.first is None
    read(events(piece({"reasoning": "Hm"}), piece({"content": "4"}), piece({}, "stop")), arrivals)
    assert arrivals.first is not None
    assert arrivals.last is not None
    assert arrivals.first < arrivals.last


@pytest.mark.parametrize(
    ("content_type", "start", "found"),
    [
        ("text/event-stream", b"", True),
        ("application/json", b"data: {", True),
        ("text/plain", b"\n\nevent: a", True),
        ("text/plain", b": ping\n\n", True),
        ("application/json", b'{"data": 1}', False),
    ],
)
def test_streams_are_told_from_whole_replies(content_type: str, start: bytes, found: bool) -> None:
    assert is_stream(content_type, start) is found
