"""Compare the estimate with the requests of a run on the mock server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

import lm_eval.demo
from lm_eval.api.instance import Instance
from lm_eval.api.model import Answered
from lm_eval.errors import ConfigError
from lm_eval.evaluator import simple_evaluate
from lm_eval.mock_server import MockServer
from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI
from lm_eval.planning import Plan, plan

TASKS = str(Path(lm_eval.demo.__file__).parent / "tasks")


def estimated(server: MockServer, task: str, **arguments: Any) -> Plan:
    given = {"model": "mock", "base_url": server.base_url, **arguments}
    return plan("local-completions", given, [task], include_path=TASKS)


def run(server: MockServer, task: str, **arguments: Any) -> tuple[int, int]:
    """Return the requests and prompt tokens of a real run, without its probe."""
    before = []

    class Counted(LocalCompletionsAPI):
        def harness_respond(self, instances: Iterable[Instance], answered: Answered | None = None) -> None:
            before.append(
                (self.harness_pool.session.accounting.requests, self.harness_pool.session.accounting.usage.prompt)
            )
            super().harness_respond(instances, answered)

    lm = Counted(**{"model": "mock", "base_url": server.base_url, **arguments})
    results = simple_evaluate(lm, None, [task], include_path=TASKS, bootstrap_iters=0)
    counts = results["config"]["model_info"]["run"]
    return counts["requests"] - before[0][0], counts["prompt_tokens"] - before[0][1]


@pytest.mark.parametrize("task", ["demo_choices", "demo_numbers", "demo_prose"])
@pytest.mark.parametrize("batch", [1, 8])
def test_requests_and_tokens_are_those_of_a_run(task: str, batch: int) -> None:
    with MockServer() as server:
        total = estimated(server, task, batch_size=batch).total
        requests, tokens = run(server, task, batch_size=batch)
    assert total.requests == requests
    # Scaled from at most 50 prompts, each with a BOS token that this server does not count in its usage.
    assert total.prompt_tokens == pytest.approx(tokens, rel=0.05, abs=80)


def test_one_request_per_token_without_echo() -> None:
    with MockServer(profile="llamacpp") as server:
        total = estimated(server, "demo_prose").total
        requests, tokens = run(server, "demo_prose")
    assert total.requests == total.generated_tokens == pytest.approx(requests, rel=0.05)
    assert total.prompt_tokens == pytest.approx(tokens, rel=0.05)


def test_no_answer_is_requested() -> None:
    with MockServer() as server:
        estimated(server, "demo_choices")
        paths = {request.path for request in server.requests}
    assert not any(path.endswith("completions") for path in paths)


def instances(*prompts: str, repeats: int = 1, **settings: Any) -> list[Instance]:
    return [
        Instance("generate_until", {}, (prompt, {"until": ["\n"], **settings}), 0, ("task", doc, repeats))
        for doc, prompt in enumerate(prompts)
    ]


def choices(*contexts: str) -> list[Instance]:
    return [
        Instance("loglikelihood", {}, (context, choice), place, ("task", doc, 1))
        for doc, context in enumerate(contexts)
        for place, choice in enumerate((" A", " B", " C"))
    ]


def dead(**arguments: Any) -> LocalCompletionsAPI:
    return LocalCompletionsAPI(**{"model": "m", "base_url": "http://127.0.0.1:9/v1", **arguments})


def test_without_a_server_characters_are_counted() -> None:
    estimate = dead().harness_estimator().estimate({"task": instances("x" * 400)})
    assert (estimate.tasks["task"].prompt_tokens, estimate.tokenizer) == (100, None)
    assert "could not be asked for its description" in estimate.note


def test_repeats_are_separate_requests() -> None:
    task = dead().harness_estimator().estimate({"task": instances("a", "b", repeats=3, max_gen_toks=10)}).tasks["task"]
    assert (task.requests, task.generated_tokens) == (6, 60)


@pytest.mark.parametrize(("kept", "requests"), [(False, 3), (True, 2)])
def test_equal_requests_are_sent_once_if_answers_are_stored(kept: bool, requests: int) -> None:
    task = dead().harness_estimator(kept=kept).estimate({"task": instances("a", "a", "b")}).tasks["task"]
    assert (task.requests, task.repeated) == (requests, 1)


@pytest.mark.parametrize(
    ("arguments", "requests"),
    [({}, 6), ({"batch_size": 4}, 2), ({"scoring": "first_token"}, 2), ({"scoring": "echo_context"}, 8)],
)
def test_shared_requests_are_counted_once(arguments: dict[str, Any], requests: int) -> None:
    estimate = dead(**arguments).harness_estimator().estimate({"task": choices("one", "two")})
    assert estimate.tasks["task"].requests == requests


@pytest.mark.parametrize(
    ("scoring", "name", "assumed"),
    [(None, "echo_offsets", True), ("echo", "echo_offsets", True), ("echo_tokens", "echo_tokens", False)],
)
def test_the_strategy_is_marked_as_assumed(scoring: str | None, name: str, assumed: bool) -> None:
    estimate = dead(scoring=scoring).harness_estimator().estimate({"task": choices("one")})
    assert (estimate.scoring, estimate.assumed) == (name, assumed)


def test_the_example_is_the_body_of_an_echo() -> None:
    example = dead(extra_body={"user": "me"}).harness_estimator().estimate({"task": choices("one ")}).example
    assert example is not None
    assert example.path == "/completions"
    assert example.payload == {
        "model": "m", "prompt": "one  A", "temperature": 0, "max_tokens": 1, "logprobs": 1, "seed": 1234, "echo": True,
        "user": "me",
    }  # fmt: skip


def test_the_example_is_the_body_of_a_generation() -> None:
    example = dead().harness_estimator().estimate({"task": instances("a", max_gen_toks=7)}).example
    assert example is not None
    assert example.payload == {
        "model": "m", "prompt": "a", "max_tokens": 7, "temperature": 0, "stop": ["\n"], "seed": 1234
    }  # fmt: skip


def test_a_body_of_token_ids_cannot_be_known_without_the_server() -> None:
    example = dead(scoring="token_ids").harness_estimator().estimate({"task": choices("one")}).example
    assert example is not None
    assert example.payload is None


def test_prompts_that_do_not_fit_are_counted() -> None:
    made = instances("x" * 400, "x" * 4000, "x" * 40, max_gen_toks=50)
    task = dead(max_length=120).harness_estimator().estimate({"task": made}).tasks["task"]
    assert (task.too_long, task.tight) == (1, 1)


def test_long_texts_are_cut_in_windows() -> None:
    rolling = [Instance("loglikelihood_rolling", {}, ("x" * 4000,), 0, ("task", 0, 1))]
    assert dead(max_length=101).harness_estimator().estimate({"task": rolling}).tasks["task"].requests == 11


@pytest.mark.parametrize(
    ("make", "kind", "refused"),
    [
        (LocalCompletionsAPI, "loglikelihood", False),
        (LocalChatCompletion, "multiple_choice", True),
        (LocalChatCompletion, "generate_until", False),
    ],
)
def test_certain_refusals(make: Callable[..., LocalCompletionsAPI], kind: str, refused: bool) -> None:
    model = make(model="m", base_url="http://127.0.0.1:9/v1")
    assert (model.harness_estimator().refuses(kind) is not None) is refused


def test_a_chat_api_scores_letters_but_not_texts() -> None:
    model = LocalChatCompletion(model="m", base_url="http://127.0.0.1:9/v1", scoring="chat_first_token")
    refused = [
        model.harness_estimator().refuses(kind) is not None for kind in ("multiple_choice", "loglikelihood_rolling")
    ]
    assert refused == [False, True]


def test_an_unknown_strategy_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'echo_tokens'"):
        dead(scoring="echo_token").harness_estimator().refuses("loglikelihood")
