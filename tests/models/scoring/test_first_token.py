from __future__ import annotations

from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.errors import CheckFailed
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
