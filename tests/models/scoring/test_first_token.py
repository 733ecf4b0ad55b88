from __future__ import annotations

import math
from typing import Any

import pytest

from lm_eval.api.instance import Instance
from lm_eval.errors import CheckFailed, MalformedResponse
from lm_eval.models.scoring import ScoringSettings, make_scorer
from lm_eval.models.server.capabilities import Capabilities
from lm_eval.models.server.tokenizer import RemoteTokenizer
from lm_eval.models.work import Slot
from tests.models.scoring.helpers import Fake, answers, document, pair

TOPS = Capabilities(completion_logprobs=True, max_logprobs=5)
CHAT = Capabilities(chat_logprobs=True, max_logprobs=20)


def next_token(payload: dict[str, Any]) -> dict[str, Any]:
    tops = {" A": -0.5, " B": -1.5, " C": -3.0}
    logprobs = {"tokens": [" A"], "token_logprobs": [-0.5], "top_logprobs": [tops]}
    return {"choices": [{"index": 0, "text": " A", "logprobs": logprobs}]}


def first(**changes: Any) -> Any:
    return make_scorer(TOPS, ScoringSettings(model="m", scoring="first_token", **changes))


def test_all_choices_of_a_context_cost_one_request() -> None:
    fake = Fake(completions=next_token)
    found = answers(first(), [pair("Q", f" {letter}") for letter in "ABC"], fake)
    assert [answer.response for answer in found] == [(-0.5, True), (-1.5, False), (-3.0, False)]
    assert [call.payload["prompt"] for call in fake.calls] == ["Q"]


def test_an_unlisted_choice_is_an_error_without_another_strategy() -> None:
    found = answers(first(), [pair("Q", " A"), pair("Q", " D")], Fake(completions=next_token))
    assert found[0].response == (-0.5, True)
    assert isinstance(found[1], CheckFailed)
    assert "num_logprobs" in str(found[1])


def test_the_tokenizer_determines_the_token_of_a_choice() -> None:
    ids = {"Q": [1], "Q A": [1, 7], "Q B": [1, 8, 9]}
    capabilities = Capabilities(
        completion_logprobs=True, max_logprobs=5, forced=True, tokenizer=RemoteTokenizer("llamacpp", "m")
    )

    def by_id(payload: dict[str, Any]) -> dict[str, Any]:
        prompt = payload["prompt"]
        bias = payload.get("logit_bias")
        token = int(next(iter(bias))) if bias else 7
        entry = {"id": token, "token": " A", "logprob": -float(len(prompt)), "top_logprobs": []}
        if bias is None:
            entry["logprob"] = -2.0
            entry["top_logprobs"] = [{"id": 3, "token": " A", "logprob": -1.0}]
        else:
            entry["top_logprobs"] = [{"id": 3, "token": "x", "logprob": -0.1}]
        return {"choices": [{"index": 0, "text": "", "logprobs": {"content": [entry]}}]}

    def tokenize(payload: dict[str, Any]) -> dict[str, Any]:
        tokens = [{"id": token} for token in ids[payload["content"]]]
        return {"tokens": tokens}

    fake = Fake(completions=by_id, tokenize=tokenize)
    scorer = make_scorer(capabilities, ScoringSettings(model="m"))
    assert scorer.name == "first_token"
    found = answers(scorer, [pair("Q", " A"), pair("Q", " B")], fake)
    assert found[0].response == (-2.0, False)
    assert found[1].response == (-3.0, False)


def test_rolling_is_refused_without_another_strategy() -> None:
    scorer = first()
    assert "complete texts" in str(scorer.refuses("loglikelihood_rolling"))
    (found,) = answers(scorer, [document("x")], Fake())
    assert isinstance(found, CheckFailed)


def chat_answer(payload: dict[str, Any]) -> dict[str, Any]:
    assert payload["top_logprobs"] == 20
    tops = [{"token": token, "logprob": value} for token, value in (("B", -0.25), (" A", -2.0), ("x", -4.0))]
    content = [{"token": "B", "logprob": -0.25, "top_logprobs": tops}]
    return {"choices": [{"index": 0, "message": {"content": "B"}, "logprobs": {"content": content}}]}


def chat_slots(*choices: str) -> list[Slot]:
    messages = [{"role": "user", "content": "Q"}]
    return [Slot(Instance("loglikelihood", {}, (messages, choice), 0)) for choice in choices]


def chat_server() -> Fake:
    fake = Fake()
    fake.routes["/chat/completions"] = chat_answer
    return fake


def chat() -> Any:
    return make_scorer(CHAT, ScoringSettings(model="m", chat=True, scoring="chat_first_token"))


def test_letters_of_a_chat_answer() -> None:
    fake = chat_server()
    found = answers(chat(), chat_slots("A", "B", "C"), fake)
    assert [answer.response for answer in found] == [(-2.0, False), (-0.25, True), (-4.0, False)]
    assert [answer.info.approximate for answer in found] == [True, False, True]
    assert len(fake.calls) == 1


def test_choices_other_than_letters_are_refused() -> None:
    found = answers(chat(), chat_slots("B", "the cat"), chat_server())
    assert found[0].response == (-0.25, True)
    assert isinstance(found[1], CheckFailed)


def test_without_a_listed_choice_there_is_no_bound() -> None:
    found = answers(chat(), chat_slots("C", "D"), chat_server())
    assert all(isinstance(item, CheckFailed) for item in found)


def listing(*tops: tuple[str, float], generated: tuple[str, float] | None = None) -> Fake:
    """A chat server that lists the given tokens, and generates the first one unless another is given."""
    token, value = generated or tops[0]
    entries = [{"token": token, "logprob": value} for token, value in tops]
    content = [{"token": token, "logprob": value, "top_logprobs": entries}]
    fake = Fake()
    fake.routes["/chat/completions"] = lambda payload: {
        "choices": [{"index": 0, "message": {"content": token}, "logprobs": {"content": content}}]
    }
    return fake


def test_one_listed_alternative_leaves_the_rest_of_the_probability_to_the_others() -> None:
    found = answers(chat(), chat_slots("A", "B", "C", "D"), listing(("C", math.log(0.9))))
    values = [answer.response[0] for answer in found]
    assert values == pytest.approx([math.log(0.1)] * 2 + [math.log(0.9)] + [math.log(0.1)])
    assert [answer.info.approximate for answer in found] == [True, True, False, True]


def test_a_model_that_is_certain_leaves_the_rounding_to_the_others() -> None:
    found = answers(chat(), chat_slots("A", "C"), listing(("C", 0.0)))
    assert [answer.response[0] for answer in found] == pytest.approx([math.log(1e-4), 0.0])


def test_an_unlisted_letter_that_may_be_the_likeliest_is_an_error() -> None:
    for server in (
        listing(("C", math.log(0.4))),  # 0.6 are left for A
        listing(("The", math.log(0.5)), ("C", math.log(0.2))),  # A may have 0.2 too
        listing(("C", math.log(0.2)), generated=("x", math.log(0.01))),
    ):
        found = answers(chat(), chat_slots("A", "C"), server)
        assert isinstance(found[0], CheckFailed)
        assert "num_logprobs" in str(found[0])


def test_a_generated_token_outside_the_list_bounds_nothing() -> None:
    server = listing(("C", math.log(0.5)), ("x", math.log(0.3)), generated=("y", math.log(0.01)))
    found = answers(chat(), chat_slots("A", "C"), server)
    assert found[0].response[0] == pytest.approx(math.log(0.19))


@pytest.mark.parametrize("value", [-math.inf, math.nan, 0.5, None, "-1", 10**400, {"logprob": -1}])
@pytest.mark.parametrize("listed", [True, False])
def test_a_listed_token_without_a_log_probability_is_an_error(value: Any, listed: bool) -> None:
    tops = {" A": value if listed else -0.5, " B": -1.5}
    logprobs: Any = {"tokens": [" A"], "token_logprobs": [-0.5], "top_logprobs": [tops] if listed else value}
    fake = Fake(completions=lambda payload: {"choices": [{"index": 0, "text": " A", "logprobs": logprobs}]})
    assert all(
        isinstance(item, MalformedResponse) for item in answers(first(), [pair("Q", " A"), pair("Q", " B")], fake)
    )


@pytest.mark.parametrize(
    "tops", [{"A": -1}, 3, [None], ["A"], [[]], [{"token": "B"}], [{"token": "B", "logprob": None}]]
)
def test_a_chat_answer_of_unexpected_types_is_an_error(tops: Any) -> None:
    content = [{"token": "B", "logprob": -0.25, "top_logprobs": tops}]
    fake = Fake()
    fake.routes["/chat/completions"] = lambda payload: {"choices": [{"index": 0, "logprobs": {"content": content}}]}
    assert all(isinstance(item, MalformedResponse) for item in answers(chat(), chat_slots("A", "B"), fake))
