from __future__ import annotations

from typing import Any

import pytest

from lm_eval.errors import CheckFailed, ContextLengthExceeded, RequestRejected
from lm_eval.models.scoring import STRATEGIES, Scorer, ScoringSettings
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.tokenizer import RemoteTokenizer
from tests.models.scoring.helpers import Fake, answers, document, legacy_choice, pair

ECHO = Capabilities(
    echo=True, logprobs="legacy", offsets="shifted", texts="exact", top_logprobs=True, bos="shown", bos_text="<s>",
    first_scored=True,
)  # fmt: skip
WITH_IDS = Capabilities(
    echo=True, logprobs="legacy", offsets="shifted", texts="exact", top_logprobs=True, bos="shown", bos_text="<s>",
    bos_id=0, first_scored=True, tokenizer=RemoteTokenizer("vllm", "m"), token_ids=True, batch=True,
)  # fmt: skip


def words(text: str) -> list[str]:
    """Tokens of one character; a space joins the next character."""
    found: list[str] = []
    for character in text:
        if found and found[-1] == " ":
            found[-1] += character
        else:
            found.append(character)
    return found


def value(token: str) -> float:
    return -(ord(token[-1]) % 7) / 8 - 0.125


def echo(prompt: str, index: int = 0) -> dict[str, Any]:
    tokens = ["<s>", *words(prompt), "!"]
    return legacy_choice(tokens, [None, *map(value, tokens[1:])], prompt + "!", index)


def server(payload: dict[str, Any]) -> dict[str, Any]:
    prompts = payload["prompt"] if isinstance(payload["prompt"], list) else [payload["prompt"]]
    return {"choices": [echo(prompt, index) for index, prompt in enumerate(prompts)]}


def id_server(payload: dict[str, Any]) -> dict[str, Any]:
    """Takes text or ids; an id is a code point, 0 is the BOS token; a prompt has at most 15 tokens."""
    prompt = payload["prompt"]
    tokens = ["<s>", *prompt] if isinstance(prompt, str) else ["<s>" if i == 0 else chr(i) for i in prompt]
    if len(tokens) > 15:
        raise ContextLengthExceeded("too long", status=400)
    text = "".join(tokens[isinstance(prompt, str) :])
    return {"choices": [legacy_choice([*tokens, "!"], [None, *map(value, [*tokens[1:], "!"])], text + "!")]}


def tokenize(payload: dict[str, Any]) -> dict[str, Any]:
    ids = [ord(character) for character in payload["prompt"]]
    return {"tokens": [0, *ids] if payload["add_special_tokens"] else ids}


def make(name: str = "echo_offsets", capabilities: Capabilities = ECHO, **settings: Any) -> Scorer:
    return STRATEGIES[name](capabilities, ScoringSettings(model="m", **settings))


@pytest.mark.parametrize("name", ["echo_offsets", "echo_tokens", "echo_context"])
def test_the_continuation_is_cut_out_of_the_echo(name: str) -> None:
    (found,) = answers(make(name), [pair("ab ", "cd")], Fake(completions=server))
    assert found.response == (value(" c") + value("d"), True)


def test_the_payload_is_the_documented_one() -> None:
    fake = Fake(completions=server)
    answers(make(extra_body={"top_k": 1}), [pair("ab", " c")], fake)
    assert fake.calls[0].path == "/completions"
    assert fake.calls[0].payload == {
        "model": "m", "prompt": "ab c", "temperature": 0, "max_tokens": 1, "logprobs": 1, "seed": 1234, "echo": True,
        "top_k": 1,
    }  # fmt: skip


def test_a_batch_is_one_request() -> None:
    fake = Fake(completions=server)
    slots = [pair("ab", " c"), pair("x", " yz"), pair("", "q")]
    found = answers(make(batch_size=2), slots, fake)
    assert [call.payload["prompt"] for call in fake.calls] == [["ab c", "x yz"], "q"]
    assert [answer.response[0] for answer in found] == [value(" c"), value(" y") + value("z"), value("q")]


def test_a_refused_batch_is_asked_one_by_one() -> None:
    def picky(payload: dict[str, Any]) -> dict[str, Any]:
        if isinstance(payload["prompt"], list) or payload["prompt"].startswith("bad"):
            raise RequestRejected("no", status=400)
        return server(payload)

    found = answers(make(batch_size=3), [pair("ab", " c"), pair("bad", " c"), pair("x", " c")], Fake(completions=picky))
    assert [answer.response[0] for answer in (found[0], found[2])] == [value(" c")] * 2
    assert isinstance(found[1], RequestRejected)


def test_one_bad_answer_of_a_batch_does_not_affect_the_others() -> None:
    def nan(payload: dict[str, Any]) -> dict[str, Any]:
        body = server(payload)
        body["choices"][0]["logprobs"]["token_logprobs"][-2] = float("nan")
        return body

    found = answers(make(batch_size=2), [pair("ab", " c"), pair("x", " c")], Fake(completions=nan))
    assert isinstance(found[0], CheckFailed)
    assert found[1].response == (value(" c"), True)


def test_an_echo_of_another_text_is_refused() -> None:
    def deaf(payload: dict[str, Any]) -> dict[str, Any]:
        return {"choices": [legacy_choice(["!"], [-0.5], "!")]}

    (found,) = answers(make(), [pair("ab", " c")], Fake(completions=deaf))
    assert isinstance(found, CheckFailed)
    assert "no echo of what was sent" in str(found)


def test_a_count_of_tokens_that_contradicts_usage_is_refused() -> None:
    def short(payload: dict[str, Any]) -> dict[str, Any]:
        return {**server(payload), "usage": {"prompt_tokens": 9, "completion_tokens": 1}}

    (found,) = answers(make(), [pair("ab", " c")], Fake(completions=short))
    assert isinstance(found, CheckFailed)
    assert "the server counts 9" in str(found)


def test_an_end_of_text_token_as_the_generated_one_is_cut_off() -> None:
    def ends(payload: dict[str, Any]) -> dict[str, Any]:
        tokens = ["<s>", *words(payload["prompt"]), "</s>"]
        return {"choices": [legacy_choice(tokens, [None, *map(value, tokens[1:])], payload["prompt"])]}

    (found,) = answers(make(), [pair("ab", " c")], Fake(completions=ends))
    assert found.response == (value(" c"), True)


def test_an_empty_continuation_is_not_asked() -> None:
    fake = Fake(completions=server)
    (found,) = answers(make(), [pair("ab", "")], fake)
    assert (found.response, fake.calls) == ((0.0, True), [])


def test_the_context_is_echoed_once_for_all_its_continuations() -> None:
    fake = Fake(completions=server)
    found = answers(make("echo_context"), [pair("ab", " c"), pair("ab", " d"), pair("ab", " e")], fake)
    assert [answer.response[0] for answer in found] == [value(" c"), value(" d"), value(" e")]
    assert [call.payload["prompt"] for call in fake.calls].count("ab") == 1
    assert len(fake.calls) == 4


def test_an_unscored_first_token_needs_a_prefix() -> None:
    bare = Capabilities(echo=True, offsets="exact", texts="exact", top_logprobs=True)

    def no_bos(payload: dict[str, Any]) -> dict[str, Any]:
        tokens = ["$" if token == "$" else token for token in words(payload["prompt"])]
        values = [None, *map(value, tokens[1:]), -0.5]
        return {"choices": [legacy_choice([*tokens, "!"], values, payload["prompt"] + "!")]}

    (refused,) = answers(make(capabilities=bare), [pair("", "ab")], Fake(completions=no_bos))
    assert "custom_prefix_token_id" in str(refused)
    (found,) = answers(make(capabilities=bare, eos_string="$"), [pair("", "ab")], Fake(completions=no_bos))
    assert found.response[0] == value("a") + value("b")


@pytest.mark.parametrize("name", ["echo_offsets", "token_ids"])
def test_a_prompt_over_the_limit_is_an_error_unless_it_may_be_cut(name: str) -> None:
    fake = Fake(completions=id_server, tokenize=tokenize)
    slots = [pair("abcdefghijklmnop", "qr"), pair("a", "b" * 30), pair("x", "y")]
    found = answers(make(name, WITH_IDS, max_length=10), slots, fake)
    assert [type(item) for item in found[:2]] == [ContextLengthExceeded] * 2
    assert "9 tokens" in str(found[0]) or "too long" in str(found[0])
    cut = answers(make(name, WITH_IDS, max_length=10, truncate=True), slots, fake)
    assert cut[0].response[0] == value("q") + value("r")
    assert isinstance(cut[1], ContextLengthExceeded)
    assert cut[2].response == found[2].response


def test_a_cut_prompt_keeps_its_right_end() -> None:
    fake = Fake(completions=id_server, tokenize=tokenize)
    answers(make("token_ids", WITH_IDS, max_length=10, truncate=True), [pair("abcdefghijkl", "qr")], fake)
    sent: list[Any] = [call.payload["prompt"] for call in fake.calls if call.path == "/completions"]
    assert sent == [[ord(character) for character in "fghijklqr"]]


@pytest.mark.parametrize("name", ["echo_offsets", "echo_tokens", "token_ids"])
def test_a_long_document_is_split_into_windows(name: str) -> None:
    text = "abcdefghijklmnopqrstuvwxyz"
    fake = Fake(completions=id_server, tokenize=tokenize)
    (found,) = answers(make(name, WITH_IDS, max_length=9), [document(text)], fake)
    assert found.response == pytest.approx(sum(map(value, text)))
    sent: list[Any] = [call.payload["prompt"] for call in fake.calls if call.path == "/completions"]
    starts = ["\0abcdefgh", "hijklmnop", "pqrstuvwx", "rstuvwxyz"]
    assert sorted("".join(map(chr, ids)) for ids in sent) == sorted(starts)


def test_a_document_that_fits_is_one_request() -> None:
    fake = Fake(completions=id_server, tokenize=tokenize)
    (found,) = answers(make("echo_offsets", WITH_IDS, max_length=15), [document("abcdef")], fake)
    assert found.response == pytest.approx(sum(map(value, "abcdef")))
    assert len(fake.calls) == 1


def test_a_document_with_a_lost_window_fails_once() -> None:
    def flaky(payload: dict[str, Any]) -> dict[str, Any]:
        if payload["prompt"][0] in (ord("h"), ord("p")):
            raise RequestRejected("no", status=400)
        return id_server(payload)

    fake = Fake(completions=flaky, tokenize=tokenize)
    (found,) = answers(make("token_ids", WITH_IDS, max_length=9), [document("abcdefghijklmnopqrstuvwxyz")], fake)
    assert isinstance(found, RequestRejected)


def test_units_are_built_at_most_one_group_ahead() -> None:
    taken = []

    def slots() -> Any:
        for number in range(100):
            taken.append(number)
            yield pair(f"context {number // 2}", f" {number}")

    units = make("token_ids", WITH_IDS).units(slots())
    next(units)
    assert len(taken) == 3
